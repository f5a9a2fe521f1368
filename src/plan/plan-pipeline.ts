/**
 * From a pipeline file to a plan. This folder knows how stages become instances and how those depend on each other.
 * It does not know keys, whether anything has run before, or how stages are run.
 */
import { load } from '../declare/load.ts';
import { textAt, valueAt } from '../declare/node.ts';
import { shownPath } from '../declare/paths.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { Problems } from '../diagnostics/problems.ts';
import type { KindRegistry } from '../kind/registry.ts';
import { Binder, type BoundInstance } from './bind.ts';
import { checkOfSettled, draftStages, type StageDraft } from './draft.ts';
import { KindTable } from './kinds.ts';
import type { Lacking } from './lacking.ts';
import { order } from './order.ts';
import type { EngineChoice, Plan } from './plan.ts';
import { wrongNames } from './select.ts';

export interface PlanOptions {
  /** The pipeline file, absolute or relative to `cwd`. */
  readonly file: string;
  /** Absolute path of the workspace root. */
  readonly root: string;
  readonly profile?: string | undefined;
  /** `name=value` or `a.b=value`, values in YAML; they beat the profile. */
  readonly set?: readonly string[] | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly registry: KindRegistry;
  /** Told, beside other mistakes, of data sets and other files that kinds read and that are not there. */
  readonly lacking?: Lacking | undefined;
  /** Names of stages on the command line, which are checked with the rest. */
  readonly names?: readonly string[] | undefined;
  /** What shown paths are relative to. Default: the process's. */
  readonly cwd?: string | undefined;
}

export interface Planned {
  /** Null if and only if there is an error among the diagnostics. */
  readonly plan: Plan | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Texts by the `file` of positions, to show the lines of diagnostics as they were read. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Reads, checks and resolves a pipeline. Every mistake in it is told, not only the first. */
export async function planPipeline(options: PlanOptions): Promise<Planned> {
  const { root, profile, set = [], names = [], env = process.env, cwd = process.cwd() } = options;
  const problems = new Problems();
  const loaded = await load({ file: options.file, root, cwd, profile, set, env }, problems);
  const sources = new Map([...loaded.sources.values()].map(({ file, text }) => [file, text]));
  if (set.length > 0) sources.set('--set', set.map((text) => text.replace(/[\r\n]+/g, ' ')).join('\n'));
  const finish = (plan: Plan | null): Planned => {
    if (problems.errors > 0)
      for (const diagnostic of [...(options.lacking?.found.values() ?? [])].flat()) problems.add(diagnostic);
    return {
      plan: problems.errors > 0 ? null : plan,
      diagnostics: problems.list(),
      sources,
    };
  };
  const { main, stages } = loaded;
  if (!main) return finish(null);

  const kinds = await KindTable.find(stages, options.registry, root, problems);
  const checkSettled = await checkOfSettled();
  const params = main.params.all();
  const drafts = draftStages(stages, { kinds, env, problems, checkSettled, lacking: options.lacking });
  checkFolders(drafts, problems);
  checkNames(names, drafts, main.unread, problems);
  const binder = new Binder(drafts, root, cwd, problems);
  const bound: BoundInstance[] = [];
  for (const draft of drafts) {
    if (binder.exhausted) break;
    bound.push(...binder.bind(draft));
  }
  const sorted = binder.exhausted ? undefined : order(bound, problems);
  if (stages.length === 0 && problems.errors === 0) {
    problems.error('missing-key', main.node.entries.get('stages')?.key, 'the pipeline has no stages');
  }
  if (problems.errors === 0) main.params.warnOfUnused();
  if (!sorted || problems.errors > 0) return finish(null);
  return finish({
    pipeline: textAt(main.node, 'pipeline')!.value,
    title: textAt(main.node, 'title')?.value ?? null,
    file: shownPath(main.source.path!, root),
    root,
    profile: profile ?? null,
    params,
    engine: engineOf(main.node),
    instances: sorted.map(({ draft, inputs }) => ({ ...draft.settled, inputs })),
    sources: [...loaded.sources.values()].map(({ path, raw }) => ({
      path: shownPath(path!, root),
      text: raw,
    })),
  });
}

function engineOf(node: Parameters<typeof textAt>[0]): Plan['engine'] {
  const long = valueAt(node, 'engine');
  const name = textAt(node, 'engine') ?? textAt(long, 'name');
  const provider = textAt(long, 'provider')?.value as EngineChoice['provider'];
  return {
    name: (name?.value as EngineChoice['name'] | undefined) ?? 'auto',
    ...(provider === undefined ? {} : { provider }),
  };
}

/** Nothing is said of names where no stage is known, or none under their prefix. */
function checkNames(
  names: readonly string[],
  drafts: readonly StageDraft[],
  unread: ReadonlySet<string>,
  problems: Problems,
): void {
  if (drafts.length === 0) return;
  const byStage = new Map(
    drafts.map(({ declaration, instances }) => [declaration.name, instances.map(({ settled }) => settled)]),
  );
  const known = names.filter((name) => ![...unread].some((prefix) => name.startsWith(prefix)));
  for (const diagnostic of wrongNames(known, byStage)) problems.add(diagnostic);
}

/** Folders that would be one on a file system without upper and lower case, or that the run's record needs. */
function checkFolders(drafts: readonly StageDraft[], problems: Problems): void {
  const seen = new Map<string, StageDraft>();
  for (const draft of drafts) {
    const { name, key } = draft.declaration;
    const first = seen.get(name.toLowerCase());
    if (first) {
      problems.error(
        'folder-collision',
        key,
        `"${first.declaration.name}" and "${name}" would share a folder`,
        {
          hint: 'names must differ in more than upper and lower case',
          related: [{ message: 'first given here', at: first.declaration.key }],
        },
      );
    } else seen.set(name.toLowerCase(), draft);
    if (name.toLowerCase() === 'run.json') {
      problems.error('folder-collision', key, `"${name}" would take the place of the record of the run`);
    }
  }
}
