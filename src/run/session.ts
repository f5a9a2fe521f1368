import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { resolve } from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { UserError } from '../diagnostics/diagnostic.ts';
import { commandVersion } from '../fingerprint/key.ts';
import { type KindCode, Kinds } from '../fingerprint/registry.ts';
import type { EngineSpec, FileDependency, Resources, StageKind } from '../kind/stage-kind.ts';
import type { Instance, Plan } from '../plan/plan.ts';
import { selectStages } from '../plan/select.ts';
import type { Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import type { PipelineOptions } from './contract.ts';
import { Engines } from './engines.ts';
import { planAgain, planOrRecall } from './plan-cache.ts';

/** What there is once the pipeline is understood and before anything is looked up. */
export interface Session {
  readonly options: PipelineOptions;
  readonly plan: Plan;
  /** Ids of all instances of the pipeline, whatever was selected. */
  readonly all: ReadonlySet<string>;
  readonly warnings: readonly Diagnostic[];
  readonly store: Store;
  readonly kinds: Kinds;
  /** Names of the engines that stages of the plan use; empty where none computes tensors. */
  readonly engines: readonly string[];
  readonly tokens: Resources;
  /** By instance id. */
  readonly facets: ReadonlyMap<string, Facet>;
  /** Source files of stage kinds that are TypeScript files, of the whole pipeline whatever was selected, by digest. */
  readonly ownCode: Readonly<Record<string, string>>;
}

/** What of an instance is known besides the plan: its code and the files its kind reads. */
export interface Facet {
  /** Null for a program. */
  readonly code: KindCode | null;
  readonly version: number;
  /** Null where it computes no tensors. */
  readonly engine: EngineSpec | null;
  readonly definitionHash: string;
  readonly files: readonly FileDependency[];
}

/**
 * Opens the store, plans the pipeline and finds the code of its stages. The caller closes the store.
 * @param access `read`: nothing will run, so that a cache that is missing, or may not be written, will do
 */
export async function openSession(options: PipelineOptions, access: 'read' | 'write'): Promise<Session> {
  const { workspace } = options;
  const kinds = await Kinds.open(workspace.cache);
  // A slip in the name of the file must not leave a cache in whatever folder this is.
  const slip = !existsSync(resolve(options.cwd, options.file));
  const store = openStore(workspace.cache, { reading: access === 'read' || slip });
  try {
    const { plan: whole, warnings, definitionHashes } = await planOrRecall(options, kinds, store.folder);
    const plan = options.stages?.length ? selectStages(whole, options.stages) : whole;
    const tokens = { cpu: workspace.jobs, memory: Math.floor(totalmem() / 1e6), gpu: 1 };
    // Asking what a run would do makes no cache.
    const records = existsSync(store.folder) ? store.folder : undefined;
    const chosen = new Engines(plan, options.engine, records);
    const facets = await facetsOf(plan, kinds, chosen, definitionHashes, options);
    const engines = [...new Set([...facets.values()].flatMap(({ engine }) => (engine ? [engine.name] : [])))];
    const ownCode = await ownCodeOf(whole, kinds);
    const told = [...warnings, ...chosen.warnings, ...shortages(plan, tokens)];
    const all = new Set(whole.instances.map(({ id }) => id));
    return { options, plan, all, warnings: told, store, kinds, engines, tokens, facets, ownCode };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Stages that ask for more than there is get all there is: that must not go without a word. */
function shortages({ instances }: Plan, tokens: Resources): Diagnostic[] {
  // Fewer jobs are a wish of the user's, and no lack.
  const there = { ...tokens, cpu: Math.max(tokens.cpu, availableParallelism()) };
  const units = { cpu: 'cores', memory: 'MB of memory', gpu: 'GPU tokens' };
  const told = new Map<string, Diagnostic>();
  for (const { stage, resources, at } of instances) {
    const more = (['cpu', 'memory', 'gpu'] as const).filter((name) => resources[name] > there[name]);
    if (more.length === 0 || told.has(stage)) continue;
    const list = more.map((name) => `${resources[name]} ${units[name]}, of ${there[name]}`).join('; ');
    told.set(stage, {
      severity: 'warning',
      code: 'more-than-there-is',
      message: `the stage "${stage}" asks for more than there is: ${list}`,
      at,
      hint: 'it runs with what there is, alone where it takes all of it',
    });
  }
  return [...told.values()];
}

async function ownCodeOf({ instances, root }: Plan, kinds: Kinds): Promise<Record<string, string>> {
  const own = new Set(instances.flatMap(({ kind }) => (kind.endsWith('.ts') ? [kind] : [])));
  const files: [string, string][] = [];
  for (const kind of own) {
    const found = await kinds.resolve(kind, root, root);
    if (!('severity' in found)) files.push(...Object.entries(found.code.files));
  }
  return Object.fromEntries(files.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

async function facetsOf(
  plan: Plan,
  kinds: Kinds,
  engines: Engines,
  definitionHashes: ReadonlyMap<string, string>,
  options: PipelineOptions,
): Promise<Map<string, Facet>> {
  const lacking = new Map<string, readonly Diagnostic[]>();
  const facets = new Map<string, Facet>();
  const resolved = new Map<string, { code: KindCode; definition: StageKind }>();
  const files = new Map<string, readonly FileDependency[]>();
  for (const instance of plan.instances) {
    if (instance.kind === 'command') {
      facets.set(instance.id, {
        code: null,
        version: commandVersion,
        engine: null,
        definitionHash: definitionHashes.get(instance.id)!,
        files: [],
      });
      continue;
    }
    let kind = resolved.get(instance.kind);
    if (!kind) {
      const found = await kinds.resolve(instance.kind, plan.root, plan.root);
      if ('severity' in found) throw new UserError({ ...found, at: instance.at });
      const { definition, ...code } = found;
      resolved.set(instance.kind, (kind = { code, definition }));
    }
    const { definition, code } = kind;
    facets.set(instance.id, {
      code,
      version: definition.version,
      engine: engines.of(instance),
      definitionHash: definitionHashes.get(instance.id)!,
      files: definition.files ? filesOf(instance, definition, plan.root, files, lacking) : [],
    });
  }
  if (lacking.size > 0) throw await refusal(lacking, options, kinds);
  return facets;
}

/** All that the chosen stages lack, each thing once a place, and where it is named. */
async function refusal(
  lacking: ReadonlyMap<string, readonly Diagnostic[]>,
  options: PipelineOptions,
  kinds: Kinds,
): Promise<UserError> {
  const { lacking: placed, sources } = await planAgain(options, kinds);
  const told = [...lacking].flatMap(([instance, diagnostics]) => placed.found.get(instance) ?? diagnostics);
  const seen = new Map(told.map((d) => [`${d.at?.file} ${d.at?.line} ${d.at?.column} ${d.message}`, d]));
  return new UserError([...seen.values()], 2, sources);
}

/** Many instances read the same data set: it is looked up once. */
function filesOf(
  instance: Instance,
  definition: StageKind,
  root: string,
  seen: Map<string, readonly FileDependency[]>,
  lacking: Map<string, readonly Diagnostic[]>,
): readonly FileDependency[] {
  const id = `${instance.kind} ${JSON.stringify(instance.params)}`;
  let files = seen.get(id);
  if (!files) {
    try {
      files = definition.files!(instance.params as never, root);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      lacking.set(
        instance.id,
        error.diagnostics.map((diagnostic) => ({ at: instance.at, ...diagnostic })),
      );
      return [];
    }
    seen.set(id, files);
  }
  return files;
}
