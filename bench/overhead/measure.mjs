/**
 * Times whole processes: wall clock, user and system time of the process and all it waited for, peak memory.
 *
 * A small bash script starts the command, so that the cost of copying this process's page tables is in no figure. A
 * sample during which other processes used much of the machine is marked; the caller takes it again.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const cores = cpus().length;
/** Jiffies of /proc/stat are 10 ms. */
const jiffiesPerSecond = 100;
const gnuTime = '/usr/bin/time';

const timer = `
out=$1; shift
TIMEFORMAT='%3U %3S'
start=$EPOCHREALTIME
{ time "$@" 2>&4 4>&- ; } 4>&2 2>"$out"
status=$?
end=$EPOCHREALTIME
printf '%s %s %s\\n' "$start" "$end" "$status" >>"$out"
`;

/** Jiffies since the machine started, of all cores: [all, busy]. Null where there is no /proc. */
function processorTime() {
  if (!existsSync('/proc/stat')) return null;
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0];
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = fields.reduce((sum, value) => sum + value, 0);
  return { all, busy: all - fields[3] - fields[4] };
}

/** Waits until a third of a second shows less than a tenth of the machine busy; false after `limit` seconds. */
export async function waitForIdle(limit) {
  const until = performance.now() + limit * 1000;
  do {
    const before = processorTime();
    if (!before) return false;
    await sleep(300);
    const after = processorTime();
    if ((after.busy - before.busy) / Math.max(1, after.all - before.all) < 0.1) return true;
  } while (performance.now() < until);
  return false;
}

/**
 * One run of a command.
 * @param options cwd, env, `scratch` (a folder for logs), `cap` (seconds), `memory` (ask for the peak; adds a process)
 * @returns seconds `wall` and `cpu`, `status`, `megabytes` or null, `foreign` (share of the machine that others used);
 *   `late` where it was stopped at the cap
 */
export async function runTimed(command, { cwd, env, scratch, cap, memory = false }) {
  // What earlier runs left to be written must not be written during this one.
  spawnSync('sync');
  const report = join(scratch, 'timer');
  const peak = join(scratch, 'peak');
  const measured = memory && existsSync(gnuTime) ? [gnuTime, '-f', '%M', '-o', peak, ...command] : command;
  const output = openSync(join(scratch, 'output'), 'w');
  const before = processorTime();
  const child = spawn('bash', ['-c', timer, 'timer', report, ...measured], {
    cwd,
    env: { ...process.env, ...env, LC_ALL: 'C', CI: '' },
    stdio: ['ignore', output, output],
    detached: true,
  });
  let late = false;
  const stop = setTimeout(() => {
    late = true;
    process.kill(-child.pid, 'SIGKILL');
  }, cap * 1000);
  await new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject));
  clearTimeout(stop);
  if (late)
    return { late: true, wall: Number.NaN, cpu: Number.NaN, status: null, megabytes: null, foreign: 0 };
  const after = processorTime();
  const words = readFileSync(report, 'utf8').trim().split(/\s+/).map(Number);
  const [user, system, start, end, status] = words.slice(-5);
  const cpu = user + system;
  const all = before && after ? after.all - before.all : 0;
  const foreign =
    all > 0 ? Math.max(0, (after.busy - before.busy) / jiffiesPerSecond - cpu) / (all / jiffiesPerSecond) : 0;
  const megabytes =
    measured === command ? null : Number(readFileSync(peak, 'utf8').trim().split('\n').at(-1)) / 1024;
  return { late: false, wall: end - start, cpu, status, megabytes, foreign };
}

/** Whether others took so much that the wall clock says little. Below 0.1 s, ten jiffies cannot tell. */
export function disturbed({ wall, foreign }) {
  return wall > 0.1 && foreign > 0.15;
}

export function median(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export { cores };
