import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { commandVersion, hashOfDefinition } from '../fingerprint/key.ts';
import type { Kinds } from '../fingerprint/registry.ts';
import type { Lacking } from '../plan/lacking.ts';
import type { Plan } from '../plan/plan.ts';
import { instancesByStage, wrongNames } from '../plan/select.ts';
import { digestOf } from '../util/digest.ts';
import { writeFileAtomic } from '../util/fs-durable.ts';
import type { PipelineOptions } from './contract.ts';

function askedOf({ workspace, cwd, file, profile, set }: PipelineOptions, registry: Kinds) {
  return { file, root: workspace.root, cwd, profile, set, registry };
}

/** Stages that the command line names. */
function namesOf({ stages = [], force = [] }: PipelineOptions): string[] {
  return [...stages, ...force];
}

/** Plans once more, slowly: everything that is wrong, what is missing on this machine included, each at its place. */
export async function planAgain(
  options: PipelineOptions,
  kinds: Kinds,
): Promise<{
  readonly refused: UserError;
  readonly lacking: Lacking;
  readonly sources: ReadonlyMap<string, string>;
}> {
  const [{ planPipeline }, { Lacking }] = await Promise.all([
    import('../plan/plan-pipeline.ts'),
    import('../plan/lacking.ts'),
  ]);
  const lacking = new Lacking(options.workspace.root);
  const names = namesOf(options);
  const { diagnostics, sources } = await planPipeline({ ...askedOf(options, kinds), names, lacking });
  return { refused: new UserError(diagnostics, 2, sources), lacking, sources };
}

/** A plan, and what of keys it alone decides. */
export interface Recalled {
  readonly plan: Plan;
  readonly warnings: readonly Diagnostic[];
  /** By instance id: `hashOfDefinition`. It is the slow half of making a key. */
  readonly definitionHashes: ReadonlyMap<string, string>;
}

/** What a stored plan was made from: while all of it is the same, so is the plan. */
interface StoredPlan {
  readonly variables: Readonly<Record<string, string | null>>;
  /** Of the user's own kinds, whose schemas the plan was checked against: the compiled module, named by content. */
  readonly modules: Readonly<Record<string, string>>;
  readonly plan: Plan;
  readonly warnings: readonly Diagnostic[];
  readonly hashes: readonly string[];
}

/** Plans kept in the cache folder. */
const mostPlans = 64;

/**
 * Plans a pipeline, or recalls the plan of the same text. Reading ten thousand stages of YAML with the position of
 * every value takes seconds; a run in which nothing changed need not do it.
 * Throws a UserError of all that is wrong with the pipeline and with the stages that the command line names.
 */
export async function planOrRecall(options: PipelineOptions, kinds: Kinds, cache: string): Promise<Recalled> {
  const { workspace, cwd, file, profile, set } = options;
  const asked = [kinds.build, workspace.root, cwd, resolve(cwd, file), profile ?? null, set ?? []];
  const stored = join(cache, 'plans', `${digestOf(JSON.stringify(asked)).slice(0, 32)}.json`);
  const known = await recall(stored, options, kinds);
  const recalled = known ?? (await planAnew(stored, options, kinds, cache));
  const names = namesOf(options);
  if (names.length > 0 && wrongNames(names, instancesByStage(recalled.plan.instances)).length > 0)
    throw (await planAgain(options, kinds)).refused;
  return recalled;
}

async function planAnew(
  stored: string,
  options: PipelineOptions,
  kinds: Kinds,
  cache: string,
): Promise<Recalled> {
  // Only here: reading YAML and checking it are most of what a start costs, and a recalled plan needs neither.
  const { planPipeline } = await import('../plan/plan-pipeline.ts');
  const { env, read } = recordingReads(process.env);
  const { plan, diagnostics } = await planPipeline({ ...askedOf(options, kinds), env });
  if (!plan) throw (await planAgain(options, kinds)).refused;
  const modules: Record<string, string> = {};
  for (const uses of usersKinds(plan)) {
    const kind = await kinds.identify(uses, plan.root, plan.root);
    if ('module' in kind) modules[uses] = kind.module;
  }
  const versions = await versionsOf(plan, kinds);
  const record: StoredPlan = {
    variables: read,
    modules,
    plan,
    warnings: diagnostics,
    hashes: plan.instances.map((instance) => hashOfDefinition(instance, versions.get(instance.kind)!)),
  };
  try {
    // Not where there is no cache yet: asking what a run would do makes none.
    if (existsSync(cache)) await keep(stored, record);
  } catch {
    // A plan that is not kept is made again. Whether the disk is full matters only to those who must store results.
  }
  return withHashes(record);
}

async function recall(stored: string, options: PipelineOptions, kinds: Kinds): Promise<Recalled | null> {
  let record: StoredPlan;
  try {
    const text = readFileSync(stored, 'utf8');
    // A damaged plan must not be believed: the first line is the digest of the rest.
    const end = text.indexOf('\n');
    const body = text.slice(end + 1);
    if (digestOf(body) !== text.slice(0, end)) return null;
    record = JSON.parse(body) as StoredPlan;
    for (const { path, text: before } of record.plan.sources) {
      if (readFileSync(resolve(options.workspace.root, path), 'utf8') !== before) return null;
    }
  } catch {
    // None stored, or a source is gone: planning says what there is to say.
    return null;
  }
  for (const [name, value] of Object.entries(record.variables))
    if ((process.env[name] ?? null) !== value) return null;
  for (const [uses, module] of Object.entries(record.modules)) {
    const kind = await kinds.identify(uses, options.workspace.root, options.workspace.root);
    if (!('module' in kind) || kind.module !== module) return null;
  }
  return withHashes(record);
}

function withHashes(record: StoredPlan): Recalled {
  const { plan, warnings, hashes } = record;
  return {
    plan,
    warnings,
    definitionHashes: new Map(plan.instances.map((instance, i) => [instance.id, hashes[i]!])),
  };
}

async function keep(stored: string, record: StoredPlan): Promise<void> {
  const folder = join(stored, '..');
  const body = JSON.stringify(record);
  await writeFileAtomic(stored, `${digestOf(body)}\n${body}`, { durable: false });
  const plans = readdirSync(folder).map((name) => join(folder, name));
  if (plans.length <= mostPlans) return;
  const byAge = plans
    .map((path) => ({ path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of byAge.slice(mostPlans)) rmSync(path, { force: true });
}

/** Kinds that are files of the user's. */
function usersKinds(plan: Plan): Set<string> {
  return new Set(plan.instances.map((instance) => instance.kind).filter((kind) => kind.startsWith('.')));
}

async function versionsOf(plan: Plan, kinds: Kinds): Promise<Map<string, number>> {
  const versions = new Map<string, number>([['command', commandVersion]]);
  for (const kind of new Set(plan.instances.map((instance) => instance.kind))) {
    if (versions.has(kind)) continue;
    const found = await kinds.resolve(kind, plan.root, plan.root);
    if ('definition' in found) versions.set(kind, found.definition.version);
  }
  return versions;
}

/** The environment, and which variables were looked at with what they held. */
function recordingReads(env: NodeJS.ProcessEnv): {
  env: NodeJS.ProcessEnv;
  read: Record<string, string | null>;
} {
  const read: Record<string, string | null> = {};
  const watched = new Proxy(env, {
    get(target, name) {
      if (typeof name === 'string') read[name] = target[name] ?? null;
      return Reflect.get(target, name) as string | undefined;
    },
    has(target, name) {
      if (typeof name === 'string') read[name] = target[name] ?? null;
      return Reflect.has(target, name);
    },
  });
  return { env: watched, read };
}
