/**
 * What a program left behind: processes of its session that run on when it has ended. One that still holds an output
 * open would write into a blob of the store, so a stage is over when its program exits, for all that it started.
 *
 * The system gives numbers to processes in order, so those that started with or after a program are few: looking for
 * them takes some tens of microseconds where nothing is left. Systems without /proc cannot be asked; there nothing is
 * found.
 */
import { existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LeftBehind {
  readonly pid: number;
  /** Its program's name, cut to 15 characters by the system. */
  readonly name: string;
}

/** Up to so many numbers are tried one by one: reading all of /proc takes longer. */
const fewNumbers = 20;
/** Helpers that end by themselves when their program has (as Python's multiprocessing has) may do so. */
const leaveMs = 200;
const lookAgainMs = 5;
/** Time after which a killed process will not end any more: it is not ours to kill. */
const killMs = 3_000;

/** Tells the newest process; open for good, because to open it costs more than to look. Null where there is none. */
let newestFile: number | null | undefined;
const digits = Buffer.alloc(16);

/** The number that the last new process of the system got; null where the system does not say. */
export function newestProcess(): number | null {
  if (newestFile === undefined) newestFile = openIfThere('/proc/sys/kernel/ns_last_pid');
  if (newestFile === null) return null;
  return Number(digits.toString('latin1', 0, readSync(newestFile, digits, 0, digits.length, 0)));
}

/** The running processes of a session with numbers after `first` up to `last`; all of it where `last` is null. */
export function processesOf(session: number, first: number, last: number | null): LeftBehind[] {
  return numbersBetween(first, last).flatMap((pid) => {
    const process = statOf(pid);
    return process?.session === session && process.runs ? [{ pid, name: process.name }] : [];
  });
}

/**
 * Sees to it that nothing of what `look` finds runs any more.
 * @returns what had to be killed, and whether some of it goes on all the same.
 */
export async function endWhatIsLeft(
  look: () => readonly LeftBehind[],
): Promise<{ readonly killed: readonly LeftBehind[]; readonly alive: boolean }> {
  if (await isGone(look, leaveMs, () => {})) return { killed: [], alive: false };
  const killed = new Map<number, LeftBehind>();
  const gone = await isGone(look, killMs, (left) => {
    for (const one of left) {
      killed.set(one.pid, one);
      kill(one.pid);
    }
  });
  return { killed: [...killed.values()], alive: !gone };
}

async function isGone(
  look: () => readonly LeftBehind[],
  withinMs: number,
  each: (left: readonly LeftBehind[]) => void,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (let left = look(); left.length > 0; left = look()) {
    if (performance.now() > deadline) return false;
    each(left);
    await sleep(lookAgainMs);
  }
  return true;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended, or belongs to another user: the next look tells.
  }
}

function numbersBetween(first: number, last: number | null): number[] {
  if (last !== null && last >= first && last - first <= fewNumbers)
    return Array.from({ length: last - first }, (_, i) => first + 1 + i);
  const all = namesIn('/proc').map(Number).filter(Number.isInteger);
  if (last === null) return all;
  // The numbers begin anew after the largest.
  return all.filter((pid) => (last >= first ? pid > first && pid <= last : pid > first || pid <= last));
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    return null;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function statOf(pid: number): { name: string; runs: boolean; session: number } | undefined {
  const file = `/proc/${pid}/stat`;
  // Most have ended: to ask costs a fraction of an error.
  if (!existsSync(file)) return undefined;
  try {
    const text = readFileSync(file, 'latin1');
    // The name stands in parentheses and may hold anything, parentheses included.
    const end = text.lastIndexOf(')');
    const [state, , , session] = text.slice(end + 2).split(' ');
    // A zombie writes nothing any more; it waits for its parent to take note.
    const runs = state !== 'Z' && state !== 'X';
    return { name: text.slice(text.indexOf('(') + 1, end), runs, session: Number(session) };
  } catch {
    return undefined;
  }
}
