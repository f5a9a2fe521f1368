import { statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fillCommand } from '../declare/template.ts';
import { exitCodes, UserError } from '../diagnostics/diagnostic.ts';
import type { Artifact } from '../kind/artifact.ts';
import type { StageKey } from '../util/digest.ts';
import { linkTo, makeFolder, writeScratch } from '../util/fs-durable.ts';
import { Launcher } from './launcher.ts';
import { endWhatIsLeft, type LeftBehind } from './left-behind.ts';
import { adoptLog } from './log.ts';
import { quote, wordsOf } from './shell-words.ts';
import { type Workbench, workspaceLink } from './workbench.ts';
import { type Ending, timedOut, timerMs } from './worker-pool.ts';

/** A stage that is a program: its text, with placeholders for inputs and outputs left in. */
export interface CommandJob {
  readonly key: StageKey;
  readonly cache: string;
  readonly command: string;
  readonly inputs: Readonly<Record<string, Artifact | readonly Artifact[]>>;
  /** Extension of each artifact by its label, for the names a program sees. */
  readonly extensionOf: (artifact: Artifact) => string;
  /** Whether it lies in the store; else it is a file of the user's. */
  readonly isBlob: (artifact: Artifact) => boolean;
  /** Output name to the file name that the program writes. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | null>>;
  readonly bench: Workbench;
}

/** A program whose bench is laid: nothing is left but to start it. */
export interface LaidCommand {
  readonly job: CommandJob;
  /** What to execute. */
  readonly words: string;
}

const graceMs = 3_000;
/** A program that prints without end must not fill the disk. */
const logLimitBytes = 1_000_000_000;

/** Runs programs; keeps a launcher for each that runs at once. */
export class CommandRunner {
  readonly #idle: Launcher[] = [];
  readonly #all = new Set<Launcher>();

  async perform(
    { job, words }: LaidCommand,
    options: { readonly timeoutSeconds: number | null; readonly signal: AbortSignal },
  ): Promise<{ ending: Ending; log: string | undefined; killed: readonly LeftBehind[] }> {
    const launcher = this.#idle.pop() ?? this.#start();
    let stopping: 'timeout' | 'interrupted' | 'too much output' | undefined;
    const timers: NodeJS.Timeout[] = [];
    const stop = (why: NonNullable<typeof stopping>): void => {
      stopping ??= why;
      launcher.kill('SIGTERM');
      timers.push(setTimeout(() => launcher.kill('SIGKILL'), graceMs));
    };
    const interrupt = (): void => stop('interrupted');
    if (options.signal.aborted) interrupt();
    else options.signal.addEventListener('abort', interrupt, { once: true });
    if (options.timeoutSeconds !== null) {
      timers.push(setTimeout(() => stop('timeout'), timerMs(options.timeoutSeconds)));
    }
    const { log: logFile, run: folder } = job.bench;
    const watch = setInterval(() => {
      if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes) stop('too much output');
    }, 1000);
    const status = await launcher.run({ words, folder, log: logFile, env: declaredOf(job.env) });
    clearInterval(watch);
    for (const timer of timers) clearTimeout(timer);
    options.signal.removeEventListener('abort', interrupt);
    const usable = stopping === undefined && status !== null;
    // Before anybody looks at the outputs: what still runs may hold them open.
    const { killed, alive } = usable
      ? await endWhatIsLeft(() => launcher.leftBehind())
      : { killed: [], alive: false };
    if (usable && !alive) this.#idle.push(launcher);
    else {
      launcher.kill('SIGKILL');
      this.#all.delete(launcher);
    }
    const log = adoptLog(logFile, job.cache, job.key);
    const ending = alive ? stillRuns(killed) : endingOf(status, stopping, options.timeoutSeconds);
    return { ending, log, killed };
  }

  close(): void {
    for (const launcher of this.#all) launcher.kill('SIGKILL');
    this.#all.clear();
  }

  #start(): Launcher {
    const launcher = new Launcher();
    this.#all.add(launcher);
    return launcher;
  }
}

function endingOf(
  status: number | null,
  stopping: 'timeout' | 'interrupted' | 'too much output' | undefined,
  timeoutSeconds: number | null,
): Ending {
  switch (stopping) {
    case 'interrupted':
      return { ok: false, why: 'interrupted', message: 'interrupted' };
    case 'timeout':
      return timedOut(timeoutSeconds!);
    case 'too much output':
      return {
        ok: false,
        why: 'failed',
        message: `printed more than ${logLimitBytes / 1e9} GB and was stopped`,
      };
    case undefined:
      break;
  }
  if (status === 0) return { ok: true, facts: null };
  if (status === null) return { ok: false, why: 'died', message: 'was killed from outside' };
  // A shell reports a signal as 128 and its number.
  const signal = status > 128 && status < 160 ? ` (killed by signal ${status - 128})` : '';
  return { ok: false, why: 'failed', message: `the command ended with exit code ${status}${signal}` };
}

function stillRuns(left: readonly LeftBehind[]): Ending {
  const names = left.map(({ pid, name }) => `${name} (process ${pid})`).join(', ');
  return {
    ok: false,
    why: 'failed',
    message: `left ${names} running, which cannot be ended, so what it writes may still change`,
  };
}

/** Lays out the inputs under names that are the same in every run. */
export function lay(job: CommandJob): LaidCommand {
  return { job, words: layWords(job) };
}

function layWords(job: CommandJob): string {
  const paths = layInputs(job);
  const text = fillCommand(job.command, ({ scope, path, member }) => {
    const name = path[0]!;
    if (scope === 'outputs') return quote(asPath(job.outputs[name]!));
    return paths[name]!.map((input) =>
      quote(member === null ? input : memberPath(job, name, input, member)),
    ).join(' ');
  });
  const words = wordsOf(text);
  if (words !== null) return words;
  writeScratch(job.bench.script, `${text}\n`);
  return '/bin/sh ../command.sh';
}

/** A name that no program takes for an option. Those of inputs all begin with `../in/`. */
function asPath(name: string): string {
  return name.startsWith('-') ? `./${name}` : name;
}

/** The variables that are set. */
function declaredOf(env: CommandJob['env']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** Input name to the paths that stand for it, relative to the program's folder. */
function layInputs({ inputs, extensionOf, isBlob, bench }: CommandJob): Record<string, string[]> {
  const paths: Record<string, string[]> = {};
  for (const [name, given] of Object.entries(inputs)) {
    const many = Array.isArray(given);
    paths[name] = (many ? (given as readonly Artifact[]) : [given as Artifact]).map((artifact, i) => {
      // Names of inputs have no dots, so a place in a list is told from another input's name.
      const path = many ? `${name}.${i}` : name;
      const extension = extensionOf(artifact);
      if (!artifact.folder) {
        const link = join(bench.inputs, path + extension);
        const target = artifact.path!;
        if (isBlob(artifact)) linkTo(target, link, isSmall(target));
        else linkTo(shortTarget(bench, target), link, false);
        bench.links.push(link);
        return `../in/${path}${extension}`;
      }
      bench.crowded = true;
      for (const member of artifact.members) {
        const link = join(bench.inputs, path, `${member.name}${extension}`);
        makeFolder(dirname(link));
        linkTo(member.path, link, isBlob(artifact) && isSmall(member.path));
      }
      return `../in/${path}`;
    });
  }
  return paths;
}

/** Bytes of a symbolic link that ext4 and others keep in its inode. */
const shortLink = 59;

/**
 * A file of the workspace as `in/` leads to it through the bench's own link to the workspace, where that is short: a
 * longer link takes a block of the disk, and giving that back can cost more than all else that is done for a stage.
 */
function shortTarget({ workspace }: Workbench, path: string): string {
  if (!path.startsWith(workspace + sep)) return path;
  const short = join('..', workspaceLink, path.slice(workspace.length + 1));
  return Buffer.byteLength(short) <= shortLink ? short : path;
}

/**
 * A hard link changes the blob's ctime, and a blob whose looks have changed is read again by those who guard it: worth
 * it where reading is cheaper than making a symbolic link.
 */
function isSmall(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY) <= 65_536;
}

/** `${{ inputs.models/10 }}`: one file of a folder. */
function memberPath(job: CommandJob, name: string, path: string, member: string): string {
  const [artifact] = [job.inputs[name]!].flat() as Artifact[];
  const names = artifact!.members.map((known) => known.name);
  if (artifact!.folder && names.includes(member)) return `${path}/${member}${job.extensionOf(artifact!)}`;
  throw new UserError(
    {
      severity: 'error',
      code: 'unknown-member',
      message: `the input "${name}" has no member "${member}"`,
      expected: artifact!.folder ? `one of ${names.join(', ')}` : 'no member: it is one file',
    },
    exitCodes.stageFailed,
  );
}
