import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../../src/events/event.ts';
import { fastFolder } from './fast-folder.ts';
import { TestFolder } from './test-folder.ts';

/**
 * The rig: a folder with files, and the built command line run in it as a process of its own, as a user does. Where
 * the behaviour of processes matters (exit codes, signals, pipes, concurrency, crashes), tests go through it.
 */
export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const commandLine = join(repository, 'dist', 'cli', 'main.js');

export interface Finished {
  /** Exit code, or null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout that are events: of `--json`. */
  readonly events: readonly RunEvent[];
  /** The last line of stdout. */
  readonly lastLine: string;
}

export interface RunSettings {
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder to stand in, from the workspace. */
  readonly cwd?: string;
  /** After so many milliseconds the process is killed; a test then fails by its signal. */
  readonly timeout?: number;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when stdout has held a text. */
  printed(text: string): Promise<void>;
}

/** What the user's own shell says about colours and faults is no business of a test. */
const cleaned = {
  NO_COLOR: undefined,
  FORCE_COLOR: undefined,
  CI: undefined,
  OROGRAPH_DEBUG: undefined,
  OROGRAPH_FAULT: undefined,
  OROGRAPH_FAULT_LOG: undefined,
};

export class CliWorkspace extends TestFolder {
  constructor(files: Readonly<Record<string, string>> = {}) {
    super(join(fastFolder, 'orograph-test-'), files);
  }

  /** Starts `orograph` with these words. */
  start(words: readonly string[], settings: RunSettings = {}): Running {
    const child = spawn(process.execPath, [commandLine, ...words], {
      cwd: join(this.folder, settings.cwd ?? ''),
      env: definedOnly({ ...process.env, ...cleaned, ...settings.env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    const watchers = new Set<() => void>();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      for (const watcher of watchers) watcher();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), settings.timeout ?? 60_000);
    const finished = new Promise<Finished>((done, fail) => {
      child.on('error', fail);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        for (const watcher of watchers) watcher();
        const lines = stdout.trimEnd().split('\n');
        done({ code, signal, stdout, stderr, events: eventsOf(lines), lastLine: lines.at(-1) ?? '' });
      });
    });
    const printed = (text: string): Promise<void> =>
      new Promise((done, fail) => {
        const watcher = (): void => {
          const there = stdout.includes(text);
          const over = child.exitCode !== null || child.signalCode !== null;
          if (!there && !over) return;
          watchers.delete(watcher);
          if (there) done();
          else fail(new Error(`the command ended without printing "${text}":\n${stdout}\n${stderr}`));
        };
        watchers.add(watcher);
        watcher();
      });
    return { child, finished, printed };
  }

  /** Runs `orograph` with these words to its end. */
  run(...words: string[]): Promise<Finished> {
    return this.start(words).finished;
  }
}

function eventsOf(lines: readonly string[]): RunEvent[] {
  return lines.flatMap((line) => {
    if (!line.startsWith('{"type":')) return [];
    return [JSON.parse(line) as RunEvent];
  });
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
