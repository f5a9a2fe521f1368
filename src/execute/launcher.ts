import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { programEnvironment } from './environment.ts';
import { type LeftBehind, newestProcess, processesOf } from './left-behind.ts';
import { killGroup, takeGroupAlong } from './process-group.ts';
import { quote } from './shell-words.ts';

/**
 * Runs programs through a small shell that stays.
 *
 * Starting a process from Node costs 2 to 3 ms on its one thread (it copies Node's page tables); a shell forks in a
 * fraction of that, outside the event loop. So each slot has a `sh` that reads what to run from its standard input,
 * one line after another, and answers with the exit status. Nothing of a stage is parsed by this shell itself but
 * quoted words: a stage's mistake cannot confuse it.
 *
 * Descriptor 3 is the lifeline: it stays open as long as this process lives. At its end, however sudden, the watchdog
 * kills the launcher's whole process group, so that a killed coordinator leaves no program behind.
 *
 * A program that is asked to stop may ignore SIGTERM; launcher and watchdog outlive that signal, so that the group
 * still has a leader to be killed by. (A trap, unlike an ignored signal, is not inherited by what they start.)
 */
const preamble = `( trap '' TERM INT HUP; read -r _ <&3; kill -9 0 ) </dev/null >/dev/null 2>&1 &
exec 3<&-
trap : TERM
`;

/** A program, its place and its surroundings. */
export interface Program {
  /** The command: words that are quoted where they need it, see `shell-words.ts`. */
  readonly words: string;
  /** Its current folder. */
  readonly folder: string;
  /** Takes what it prints, at its end. */
  readonly log: string;
  /** Variables that the stage declares. */
  readonly env: Readonly<Record<string, string>>;
}

export class Launcher {
  readonly child: ChildProcess;
  #answer: ((status: number | null) => void) | undefined;
  #watchdog = 0;
  /** Processes up to this number are known to be none that a program left. */
  #seen: number;

  constructor() {
    this.child = spawn('/bin/sh', [], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
      // Programs see this and what their stage declares, nothing else.
      env: programEnvironment(process.env),
    });
    this.#seen = this.child.pid ?? 0;
    takeGroupAlong(this.child);
    this.child.on('error', () => this.#settle(null));
    this.child.on('close', () => this.#settle(null));
    // A launcher that dies says so by `close`; its broken pipes are not a second story.
    this.child.stdin!.on('error', () => {});
    this.child.stdin!.write(preamble);
    createInterface(this.child.stdout!).on('line', (line) => {
      const [status, watchdog] = line.split(' ').map(Number);
      this.#watchdog = watchdog!;
      this.#settle(status!);
    });
  }

  /** Runs a program; resolves with its exit status, or null when it was killed. */
  run({ words, folder, log, env }: Program): Promise<number | null> {
    // A name without a path goes without `exec`, with which dash tries to execute it in each folder of PATH; without,
    // it looks where it is, and the last command of a subshell takes its place all the same.
    const place = words.startsWith('/') ? 'exec ' : '';
    const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)} && `);
    const line = `( cd ${quote(folder)} && ${exports.join('')}${place}${words} ) </dev/null >>${quote(log)} 2>&1; echo $? $!\n`;
    return new Promise((resolve) => {
      this.#answer = resolve;
      if (this.child.exitCode !== null || this.child.signalCode !== null) this.#settle(null);
      else this.child.stdin!.write(line);
    });
  }

  /** What the program that has just ended left running. */
  leftBehind(): readonly LeftBehind[] {
    const newest = newestProcess();
    const own = [this.child.pid, this.#watchdog];
    const left = processesOf(this.child.pid!, this.#seen, newest).filter(({ pid }) => !own.includes(pid));
    if (left.length === 0) this.#seen = newest ?? this.#seen;
    return left;
  }

  /** Asks the running program, and what it started, to stop. The launcher does not survive it. */
  kill(signal: NodeJS.Signals): void {
    killGroup(this.child, signal);
  }

  #settle(status: number | null): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(status);
  }
}
