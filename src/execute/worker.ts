/**
 * The process in which one stage at a time runs.
 *
 * Knows: a job, the kind's module, the store for items. Refuses to know the graph, keys of stages, and who else runs:
 * it cannot store a stage's result, so nothing of a process that fails, hangs or dies is ever a hit.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../diagnostics/diagnostic.ts';
import { ownFrames } from '../diagnostics/own-frames.ts';
import type { Artifact } from '../kind/artifact.ts';
import { type FactTypes, isOfType, typeOfFact } from '../kind/fact-types.ts';
import type { Facts, FactsOf, StageContext, StageKind } from '../kind/stage-kind.ts';
import type { Store, StoreProblem } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import type { Json } from '../util/json.ts';
import { setWorkspaceRoot } from '../util/workspace-root.ts';
import { workerEnvironment } from './environment.ts';
import { endMarker, type FromWorker, type Job, type ToWorker } from './job.ts';
import { memoOf } from './memo.ts';
import { isFolder, membersIn, outputPath } from './outputs.ts';
import { refuseOtherBuild } from './same-build.ts';

// TensorFlow.js and the engine lie between what throws and the user's own line, which is the one that tells.
Error.stackTraceLimit = 50;

let store: Store | undefined;
/** So many of the store's notices have been passed on. */
let told = 0;
let abort: AbortController | undefined;
/** Ends the job that runs now with an answer, if it has none yet. */
let giveUp: ((error: Error) => void) | undefined;

process.on('message', (message: ToWorker) => {
  if (message.type === 'abort') abort?.abort(new Error('the run was interrupted'));
  else void perform(message.job);
});
// The run is over, or the coordinator is gone: nobody waits for a result.
process.on('disconnect', () => {
  store?.close();
  process.exit(0);
});
// The event loop is empty and run() has not returned: what it waits for cannot happen any more.
process.on('beforeExit', () =>
  giveUp?.(
    new UserError({
      severity: 'error',
      code: 'never-finished',
      message: 'run() never finished: it waits for something that cannot happen any more',
    }),
  ),
);
// Ctrl-C reaches the whole process group; the coordinator decides what it means.
process.on('SIGINT', () => {});

async function perform(job: Job): Promise<void> {
  abort = new AbortController();
  const stuck = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // While a stage runs, only its own doings keep this process alive.
  process.channel!.unref();
  let answer: FromWorker;
  try {
    answer = await Promise.race([stuck, work(job, abort.signal)]);
  } catch (error) {
    answer = failure(error, job.root);
  }
  giveUp = undefined;
  process.channel!.ref();
  await flush(job.id);
  const losses = lossesOf(job);
  if (losses.length > 0) process.send!({ type: 'losses', losses } satisfies FromWorker);
  process.send!(answer);
}

/** What of the cache this process found lost, of which the coordinator cannot know. */
function lossesOf({ stage, key }: Job): StoreProblem[] {
  if (store === undefined) return [];
  const losses = store.notices.slice(told);
  told = store.notices.length;
  const items = store.lostItems(key);
  if (items > 0)
    losses.push({
      what: `${items} ${items === 1 ? 'sub-result' : 'sub-results'} of ${stage} had been stored, but were damaged or gone`,
      cure: 'nothing: what was needed of them was computed again. If it happens again, check the disk',
    });
  return losses;
}

/** What the module of a kind exports. */
interface KindModule {
  readonly default: StageKind;
  readonly facts?: FactsOf;
  readonly factTypes?: FactTypes;
}

async function work(job: Job, signal: AbortSignal): Promise<FromWorker> {
  setEnvironment(job.env);
  store ??= openStore(job.cache);
  setWorkspaceRoot(job.root);
  const module = (await import(pathToFileURL(job.module).href)) as KindModule;
  refuseOtherBuild(job.build);
  if (job.action === 'run') await module.default.run(contextOf(job, store, signal));
  const facts = module.facts ? await module.facts(job.stored ?? written(job)) : null;
  refuseOtherBuild(job.build);
  return {
    type: 'done',
    facts: checkedFacts(facts, module.factTypes),
    residentMegabytes: process.memoryUsage().rss / 1e6,
  };
}

function contextOf(job: Job, store: Store, signal: AbortSignal): StageContext {
  const listOf = (name: string): readonly Artifact[] => {
    const given = job.inputs[name];
    return given === undefined ? [] : Array.isArray(given) ? given : [given as Artifact];
  };
  return {
    params: job.params,
    inputs: job.inputs,
    input(name) {
      const list = listOf(name);
      if (list.length !== 1) throw new Error(`input ${name} has ${list.length} artifacts, one is expected`);
      return list[0]!;
    },
    list: listOf,
    output(name, member) {
      const spec = job.outputs[name];
      if (!spec) throw new Error(`"${name}" is no declared output (${Object.keys(job.outputs).join(', ')})`);
      if (member !== undefined && /[/\\]|^\.\.?$/.test(member))
        throw new Error(`"${member}" is no name of a member`);
      return outputPath(job.folder, name, spec, member);
    },
    stage: job.stage,
    root: job.root,
    memo: memoOf(store, job, signal),
    get engine() {
      if (!job.engine) throw new Error('this kind did not declare `engine: true`, so it has no engine');
      return { ...job.engine, cores: job.resources.cpu };
    },
    resources: job.resources,
    progress: (done, total, unit, note) =>
      send({ type: 'progress', done, total, unit, ...(note !== undefined && { note }) }),
    log: (text) => void process.stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    signal,
  };
}

/** Outputs that were just written, as artifacts for `facts`: they have no digests yet. */
function written(job: Job): Record<string, Artifact> {
  return Object.fromEntries(
    Object.entries(job.outputs).map(([name, spec]) => {
      const folder = isFolder(spec);
      const path = folder ? undefined : outputPath(job.folder, name, spec);
      const found = folder ? membersIn(join(job.folder, name), spec) : [{ member: '', path: path! }];
      // In the order of a stored output's members, so that facts made anew from the store are the same.
      const paths = Object.fromEntries(found.map(({ member, path }) => [member, path]));
      const members = Object.entries(paths).map(([name, path]) => ({ name, path, digest: '' as never }));
      return [name, { label: name, type: spec.type, digest: '' as never, folder, path, members }];
    }),
  );
}

/** Facts go into the memo table and the record: plain JSON only. */
function checkedFacts(facts: Facts | null, types: FactTypes | undefined): Facts | null {
  if (facts === null) return null;
  for (const [name, value] of Object.entries(types ? facts : {})) checkFact(name, value, types!);
  return JSON.parse(
    JSON.stringify(facts, (name, value) => {
      if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
      if (typeof value === 'function' || typeof value === 'bigint')
        throw new Error(`the fact ${name} is no plain value`);
      return value;
    }),
  ) as Facts;
}

/** An expectation was checked against these types: what is of none of them could never be expected. */
function checkFact(name: string, fact: Json, types: FactTypes): void {
  const type = typeOfFact(name, types);
  if (type === undefined) throw new Error(`the fact "${name}" is not among the kind's factTypes`);
  for (const value of Array.isArray(fact) ? fact : [fact])
    if (value !== null && !isOfType(value, type))
      throw new Error(
        `the fact "${name}" is ${JSON.stringify(value)}, which the kind's factTypes do not allow`,
      );
}

/** What the job before declared, and what the shell that started us added, is not for this one. */
function setEnvironment(declared: Job['env']): void {
  const wanted = workerEnvironment(process.env, declared);
  for (const name of Object.keys(process.env)) if (!(name in wanted)) delete process.env[name];
  Object.assign(process.env, wanted);
}

let lastProgress = 0;
function send(message: FromWorker): void {
  // A grid of thousands of points would otherwise spend its time on messages.
  const now = Date.now();
  if (message.type === 'progress' && message.done < message.total && now - lastProgress < 50) return;
  lastProgress = now;
  process.send!(message);
}

/** Of an error that is no diagnostic the log gets the stack: the user's own part of it, or all where they have none in it. */
function failure(error: unknown, root: string): FromWorker {
  if (error instanceof UserError) {
    const hint = error.diagnostics[0]?.hint;
    return {
      type: 'failed',
      message: error.message,
      ...(hint && { hint }),
      details: '',
      diagnostics: error.diagnostics,
    };
  }
  if (!(error instanceof Error)) return { type: 'failed', message: String(error), details: String(error) };
  const frames = ownFrames(error, root).map(
    ({ name, place }) => `    at ${name || '<top level>'} (${place})`,
  );
  const details = frames.length > 0 ? [`${error.name}: ${error.message}`, ...frames].join('\n') : error.stack;
  return { type: 'failed', message: error.message, details: details ?? error.message };
}

/** Everything the stage printed is out before its result is told. */
async function flush(id: number): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write(endMarker(id), () => resolve()));
  }
}
