/**
 * What the reliability tests agree on: a workspace in memory-backed storage, the built command line as a real process
 * whose descendants can be found wherever they went, and a tally of what was really executed.
 *
 * Descendants are found by a mark in HOME: the one variable, with PATH, that reaches workers, programs and whatever
 * these start.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../src/events/event.ts';
import { openStore } from '../../src/store/open.ts';
import { type Finding, verify } from '../../src/store/verify.ts';
import { commandLine } from './cli.ts';
import { fastFolder } from './fast-folder.ts';
import { TestFolder } from './test-folder.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of `--json`; a line that a kill cut short is left out. */
  readonly events: readonly RunEvent[];
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Runs it under `sh -c '<prefix>; exec …'`, for `ulimit`. */
  readonly prefix?: string;
  readonly timeoutMs?: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first event that fits; rejects where the process ends without it. */
  event(fits: (event: RunEvent) => boolean): Promise<RunEvent>;
}

let serial = 0;

export class Workshop extends TestFolder {
  readonly #mark: string;

  constructor(name: string, files: Readonly<Record<string, string>> = {}) {
    super(join(fastFolder, `orograph-${name}-`), files);
    this.#mark = join(this.folder, `home-${++serial}`);
    mkdirSync(this.#mark);
  }

  /** Starts `orograph` with these words. */
  start(words: readonly string[], options: StartOptions = {}): Started {
    const env: Record<string, string> = {
      PATH: process.env.PATH!,
      HOME: this.#mark,
      TALLY: this.path('tally'),
      ...options.env,
    };
    const program = [process.execPath, commandLine, ...words];
    const [file, ...args] = options.prefix
      ? ['/bin/sh', '-c', `${options.prefix}; exec "$0" "$@"`, ...program]
      : program;
    const child = spawn(file!, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    return follow(child, options.timeoutMs ?? 60_000);
  }

  /** `orograph run FILE --json`, with the cache and the artifacts of a case of its own. */
  run(file: string, words: readonly string[] = [], options: StartOptions = {}): Promise<Ended> {
    return this.start(['run', file, '--json', ...words], options).ended;
  }

  /** The lines of a file, none where there is no file. */
  lines(name: string): string[] {
    if (!existsSync(this.path(name))) return [];
    return readFileSync(this.path(name), 'utf8').split('\n').filter(Boolean);
  }

  /** One line for each execution, as the stages wrote them. */
  tally(): string[] {
    return this.lines('tally');
  }

  count(line: string): number {
    return this.tally().filter((each) => each === line).length;
  }

  /** Everything that is published, by path, but for the record: it holds times. */
  outputs(artifacts = 'artifacts'): Record<string, string> {
    return treeOf(this.path(artifacts), (name) => !name.endsWith('run.json'));
  }

  /** Bytes of every file under a folder. */
  sizes(folder: string): Record<string, number> {
    if (!existsSync(this.path(folder))) return {};
    return Object.fromEntries(
      (readdirSync(this.path(folder), { recursive: true }) as string[]).map((name) => [
        name,
        statSync(this.path(folder, name), { throwIfNoEntry: false })?.size ?? 0,
      ]),
    );
  }

  async findings(cache = 'cache'): Promise<Finding[]> {
    const store = openStore(this.path(cache));
    const findings: Finding[] = store.notices.map((notice) => ({ ...notice, severity: 'damage' }));
    try {
      for await (const finding of verify(store)) findings.push(finding);
    } finally {
      store.close();
    }
    return findings;
  }

  /** What `verify` calls damage; leftovers of the dead are none. */
  async damage(cache = 'cache'): Promise<string[]> {
    return (await this.findings(cache)).filter((f) => f.severity === 'damage').map((f) => f.what);
  }

  /** Processes that our commands have started and that still live, once they had time to notice. */
  async orphans(patienceMs = 5_000): Promise<string[]> {
    const until = Date.now() + patienceMs;
    for (;;) {
      const alive = processesWith(this.#mark);
      if (alive.length === 0 || Date.now() > until) return alive;
      await sleep(10);
    }
  }

  removeFolder(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  override remove(): void {
    for (const line of processesWith(this.#mark)) kill(Number(line.split(' ')[0]));
    super.remove();
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function follow(child: ChildProcess, timeoutMs: number): Started {
  const out: Buffer[] = [];
  const events: RunEvent[] = [];
  const watchers = new Set<() => void>();
  let stderr = '';
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    out.push(Buffer.from(text));
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith('{"type":')) events.push(JSON.parse(line) as RunEvent);
    for (const watcher of watchers) watcher();
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let over = false;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      over = true;
      for (const watcher of watchers) watcher();
      resolve({ code, signal, stdout: Buffer.concat(out).toString('utf8'), stderr, events });
    });
  });
  const event = (fits: (event: RunEvent) => boolean): Promise<RunEvent> =>
    new Promise((resolve, reject) => {
      const watcher = (): void => {
        const found = events.find(fits);
        if (found === undefined && !over) return;
        watchers.delete(watcher);
        if (found) resolve(found);
        else reject(new Error(`it ended without that event:\n${Buffer.concat(out)}\n${stderr}`));
      };
      watchers.add(watcher);
      watcher();
    });
  return { child, ended, event };
}

/** `<pid> <command line>` of each process with the mark in its environment. */
function processesWith(mark: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return [];
      readlinkSync(`/proc/${pid}/exe`);
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()}`];
    } catch {
      // It ended while we looked, or it is dead and only waits to be counted.
      return [];
    }
  });
}

export const canSeeProcesses = existsSync('/proc/self/environ');

/** Every file under a folder by its path, with its text. */
export function treeOf(
  folder: string,
  wanted: (name: string) => boolean = () => true,
): Record<string, string> {
  if (!existsSync(folder)) return {};
  return Object.fromEntries(
    (readdirSync(folder, { recursive: true }) as string[])
      .filter((name) => wanted(name) && statSync(join(folder, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
  );
}

/** No stack trace and no word of a bug: what a user may see of an expected failure. */
export function looksLikeABug({ stdout, stderr }: Ended): string | undefined {
  const text = `${stdout}\n${stderr}`;
  return /^\s+at .+:\d+:\d+\)?$/m.test(stderr) || /This is a bug in orograph|"code":"bug"/.test(text)
    ? text
    : undefined;
}

/** Maps with at most `width` at a time; stops at the first failure. */
export async function mapSome<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
