/**
 * Which process is this, and is that one still alive? A process number alone does not tell: numbers are used again,
 * another container has its own, and a cache on a network drive is seen by several hosts. So a process is named by the
 * machine (host name, boot, process-number space), its number and the moment it started.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  /** 12 hexadecimal digits of the host name, boot id and process-number space. */
  readonly machine: string;
  readonly pid: number;
  /** Clock ticks after boot at which the process started; '0' where the system does not say. */
  readonly started: string;
}

function tryRead(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

/** Start time of a process: the 22nd field of /proc/<pid>/stat. Undefined: no such process, or no /proc. */
function startOf(pid: number): string | undefined {
  const text = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The second field is the program's name in parentheses and may hold anything, spaces and parentheses included.
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

let own: ProcessIdentity | undefined;
export function thisProcess(): ProcessIdentity {
  if (own !== undefined) return own;
  const parts = [
    hostname(),
    tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')),
    tryRead(() => readlinkSync('/proc/self/ns/pid')),
  ];
  const machine = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12);
  own = { machine, pid: process.pid, started: startOf(process.pid) ?? '0' };
  return own;
}

/**
 * `unknown` where it ran on another machine, or before this one booted: then only a heartbeat or age can tell.
 * On systems without /proc a process number that was used again is taken for alive; the heartbeat tells there too.
 */
export function stateOf(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  const me = thisProcess();
  if (identity.machine !== me.machine) return 'unknown';
  if (identity.pid === me.pid) return identity.started === me.started ? 'alive' : 'dead';
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  if (me.started === '0') return 'alive';
  return startOf(identity.pid) === identity.started ? 'alive' : 'dead';
}
