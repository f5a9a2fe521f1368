import type { ChildProcess } from 'node:child_process';

/**
 * Process groups: what a stage starts ends with it, and nothing survives a coordinator, however it dies.
 *
 * Children are started `detached`, each the leader of a group of its own.
 */

/**
 * A program and its watchdog: a shell in the same group that waits for the end of a pipe whose other end only this
 * process holds, and then kills the group. A worker in the midst of a long computation would not notice in time by
 * itself that its coordinator was killed. Windows has no groups; there a worker sees its channel close.
 * @param lifeline descriptor of that pipe in the child (`stdio`); the program itself does not get it.
 */
export function guarded(
  program: string,
  args: readonly string[],
  lifeline: number,
): { readonly file: string; readonly args: string[] } {
  if (process.platform === 'win32') return { file: program, args: [...args] };
  const others = Array.from({ length: lifeline - 3 }, (_, i) => `${i + 3}>&-`).join(' ');
  const script = `( trap '' TERM INT HUP; read -r _ <&${lifeline}; kill -9 0 ) </dev/null >/dev/null 2>&1 ${others} &
exec ${lifeline}<&-
exec "$0" "$@"`;
  return { file: '/bin/sh', args: ['-c', script, program, ...args] };
}

/** When the leader dies, by itself or by any signal, its whole group does: watchdog and programs it had started. */
export function takeGroupAlong(child: ChildProcess): void {
  child.on('exit', () => {
    if (child.pid === undefined || process.platform === 'win32') return;
    try {
      // The number cannot belong to another group yet: the system gives it to none while this one has members.
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody was left.
    }
  });
}

/** Signals a process and whatever it started. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}
