/**
 * The command line: reads what was typed, calls the one verb asked for, and turns what comes of it into text and an
 * exit code. It knows how things look and nothing of how they are done: verbs call src/run, views subscribe to events.
 *
 * Start-up is most of what a run with nothing to do costs, so this file imports little and verbs import the rest; and
 * `main.ts` starts it from code that was compiled before.
 */
import { type ExitCode, exitCodes, UserError } from '../diagnostics/diagnostic.ts';
import { closest } from '../diagnostics/suggest.ts';
import { parseArguments } from './arguments.ts';
import { hiddenVerbs, type VerbName, verbs } from './command-line.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import type { VerbMain, VerbSpec } from './verb.ts';

/** Where each verb's code is; only the one asked for is loaded. */
const code: Record<VerbName, () => Promise<{ readonly main: VerbMain }>> = {
  run: () => import('./verbs/run.ts'),
  plan: () => import('./verbs/plan.ts'),
  why: () => import('./verbs/why.ts'),
  status: () => import('./verbs/status.ts'),
  dag: () => import('./verbs/dag.ts'),
  show: () => import('./verbs/show.ts'),
  provenance: () => import('./verbs/provenance.ts'),
  rebuild: () => import('./verbs/rebuild.ts'),
  gallery: () => import('./verbs/gallery.ts'),
  logs: () => import('./verbs/logs.ts'),
  verify: () => import('./verbs/verify.ts'),
  gc: () => import('./verbs/gc.ts'),
  data: () => import('./verbs/data.ts'),
  init: () => import('./verbs/init.ts'),
  new: () => import('./verbs/new.ts'),
  schema: () => import('./verbs/schema.ts'),
  doctor: () => import('./verbs/doctor.ts'),
  completion: () => import('./verbs/completion.ts'),
  __complete: () => import('./verbs/complete.ts'),
  __engine: () => import('./verbs/engine.ts'),
};

const words = process.argv.slice(2);
const noColor = words.includes('--no-color');
const out = openTerminal(process.stdout, noColor);
const err = openTerminal(process.stderr, noColor);

// A reader that has seen enough (`| head`), or a terminal that was closed: there is nobody left to tell anything.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    process.exit(process.exitCode ?? exitCodes.good);
  });
}
process.on('uncaughtException', (error) => void reportBug(error));
process.on('unhandledRejection', (error) => void reportBug(error));
// Out of work before the verb has ended: something it waits for cannot happen any more.
let left = false;
process.on('beforeExit', () => {
  if (!left) void reportBug(new Error('the command never ended: it waits for something that cannot happen'));
});

void start();

async function start(): Promise<void> {
  try {
    leave(await main());
  } catch (error) {
    if (error instanceof UserError) {
      const { printUserError } = await import('./report.ts');
      printUserError(error, err, process.cwd());
      leave(error.exitCode);
    } else if (folderIsGone(error)) {
      err.line(`error: the folder you are in was removed: go to another one [no-such-folder]`);
      leave(exitCodes.badInput);
    } else if (isRefusal(error)) {
      const { diskError } = await import('../store/disk-errors.ts');
      const { printUserError } = await import('./report.ts');
      const told = diskError(error, `do this`, error.path ?? process.cwd()) as UserError;
      printUserError(told, err, process.cwd());
      leave(told.exitCode);
    } else await reportBug(error);
  }
}

function folderIsGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.syscall === 'uv_cwd';
}

/** What a disk refuses to a verb is no bug. */
function isRefusal(error: unknown): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  // A folder that cannot be made where there is nothing to make it in: /proc, a drive that is not there.
  if (code === 'ENOENT') return syscall === 'mkdir';
  return ['EACCES', 'EROFS', 'EPERM', 'ENOSPC', 'EDQUOT', 'ENOTDIR'].includes(code ?? '');
}

async function main(): Promise<ExitCode> {
  // Options may stand before the verb: `orograph --no-color run ...`.
  const at = words.findIndex((word) => !word.startsWith('-'));
  const asked = at < 0 ? undefined : words[at];
  const rest = at < 0 ? words : [...words.slice(0, at), ...words.slice(at + 1)];
  if (asked === undefined || asked === 'help') return help(at < 0 ? words : rest);
  const verb = await findVerb(asked);
  // What is completed may look like our own options.
  const args = parseArguments(verb, verb.name === '__complete' ? ['--', ...words.slice(at + 1)] : rest);
  if (args.has('version')) return version(out);
  if (args.has('help')) {
    const { verbHelp } = await import('./help.ts');
    out.write(verbHelp(verb, out.paint));
    return exitCodes.good;
  }
  const { main } = await code[verb.name]();
  return main({ args, cwd: process.cwd(), out, err });
}

type Verb = VerbSpec & { readonly name: VerbName };

function knownVerb(name: string): Verb | undefined {
  return [...verbs, ...hiddenVerbs].find((verb) => verb.name === name);
}

async function findVerb(name: string): Promise<Verb> {
  const verb = knownVerb(name);
  if (verb) return verb;
  throw new UserError({
    severity: 'error',
    code: 'unknown-verb',
    message: `orograph has no verb "${name}"`,
    hint: await hintForVerb(name),
  });
}

async function hintForVerb(name: string): Promise<string> {
  if (/\.ya?ml$/.test(name)) return `to run it: orograph run ${name}`;
  const { kindLike } = await import('./kind-help.ts');
  const kind = await kindLike(name);
  if (kind === name) return `it is a kind of stage: orograph help ${name}`;
  const meant = kind && `did you mean the kind of stage "${kind}"? orograph help ${kind}`;
  return closestVerb(name) ?? meant ?? 'orograph --help lists the verbs';
}

function closestVerb(name: string): string | undefined {
  const guess = closest(
    name,
    verbs.map((verb) => verb.name),
  );
  return guess === undefined ? undefined : `did you mean "orograph ${guess}"?`;
}

async function help(rest: readonly string[]): Promise<ExitCode> {
  if (rest.includes('--version') || rest.includes('-V')) return version(out);
  const { overview, verbHelp } = await import('./help.ts');
  const about = rest.find((word) => !word.startsWith('-'));
  if (about === undefined) out.write(overview(out.paint));
  else if (knownVerb(about)) out.write(verbHelp(knownVerb(about)!, out.paint));
  else {
    const { kindHelp, shippedKind } = await import('./kind-help.ts');
    const kind = await shippedKind(about);
    out.write(kind ? kindHelp(about, kind, out.paint) : verbHelp(await findVerb(about), out.paint));
  }
  const unknown = rest.find((word) => word.startsWith('-') && !['-h', '--help', '--no-color'].includes(word));
  if (unknown === undefined) return exitCodes.good;
  throw new UserError({
    severity: 'error',
    code: 'unknown-option',
    message: `orograph has no option ${unknown} without a verb`,
  });
}

async function version(terminal: Terminal): Promise<ExitCode> {
  const { orographVersion } = await import('../run/environment.ts');
  terminal.line(orographVersion());
  return exitCodes.good;
}

async function reportBug(error: unknown): Promise<never> {
  try {
    const { describeBug } = await import('./bug.ts');
    err.write(describeBug(error, words, err.paint));
  } catch {
    // An installation of which a part is missing: without this it would report its own report, for ever.
    err.write(`${String(error)}\n`);
  }
  process.exit(exitCodes.stageFailed);
}

/** Milliseconds that what a verb left open may keep the user waiting. */
const patience = 2000;

/**
 * Ends by running out of work: what is printed reaches the other side, and what is being removed is removed. A handle
 * that somebody forgot to close does not hold the user up.
 */
function leave(code: ExitCode): void {
  left = true;
  process.exitCode = code;
  setTimeout(() => process.exit(code), patience).unref();
}
