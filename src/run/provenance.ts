/**
 * What a published figure says of itself: the pipeline's text, every stage behind it with its key, parameters and
 * digests, and versions. A pure function of the plan and of what the stages gave: no times, no machine, no folders, so
 * that the same figure made elsewhere is the same file.
 *
 * Figures are stored without it and get it when they are published. Were it an input of the stage that draws, every
 * change of an upstream key that leaves the numbers alone would draw anew what early cutoff has just saved.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { stampVersion } from '../figure/stamp/extensions.ts';
import type { Instance, Plan, Source } from '../plan/plan.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import type { Json, JsonObject } from '../util/json.ts';
import { orographVersion } from './environment.ts';
import { labelOf, type Resolution } from './resolution.ts';
import type { Session } from './session.ts';

export const provenanceFormat = 'orograph-provenance/1';

export interface Provenance {
  readonly format: typeof provenanceFormat;
  readonly orograph: string;
  readonly pipeline: string;
  readonly title: string | null;
  /** The pipeline file, as `sources` names it. */
  readonly file: string;
  readonly profile: string | null;
  readonly set: readonly string[];
  readonly params: JsonObject;
  /** The instance and the output that this file is. */
  readonly stage: string;
  readonly output: string;
  /** Every pipeline file and the code of stage kinds of its own, relative to the nearest folder that holds them all. */
  readonly sources: readonly { readonly path: string; readonly digest: Digest; readonly text: string }[];
  /** Code of the stage kinds, and the packages it uses. */
  readonly kinds: Readonly<
    Record<
      string,
      {
        readonly version: number;
        readonly code: Digest | null;
        readonly packages: Readonly<Record<string, string>>;
      }
    >
  >;
  /** The figure's stage and all behind it, in the order in which they depend on each other. */
  readonly stages: readonly ProvenanceStage[];
  /** Of a smaller picture of a figure alone: of which bytes it is a copy (`figure/reduced.ts`). */
  readonly reduced?: string;
}

export interface ProvenanceStage {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly with: JsonObject;
  readonly inputs: Readonly<Record<string, readonly { readonly label: string; readonly digest: Digest }[]>>;
  readonly files: Readonly<Record<string, Digest>>;
  readonly engine: JsonObject | null;
  /** Names of the variables that reached it; their values are in its key and stay out of the figure. */
  readonly env: readonly string[];
  readonly outputs: Readonly<Record<string, Digest>>;
}

/** The provenance of one output as the text that is put into its file. All stages behind it must be done. */
export function provenanceText(
  session: Session,
  resolution: Resolution,
  instance: Instance,
  output: string,
): string {
  const { plan, options, facets } = session;
  const stages = behind(session, instance);
  const code = Object.keys(session.ownCode);
  const portable = portableFrom(plan, code);
  const texts = [
    ...plan.sources,
    ...code.map((path) => ({ path, text: readFileSync(resolve(plan.root, path), 'utf8') })),
  ];
  const sources = texts.map(({ path, text }) => ({ path: portable(path), digest: digestOf(text), text }));
  const record: Provenance = {
    format: provenanceFormat,
    orograph: orographVersion(),
    pipeline: plan.pipeline,
    title: plan.title,
    file: portable(plan.file),
    profile: plan.profile,
    set: options.set ?? [],
    params: plan.params,
    stage: instance.id,
    output,
    sources,
    kinds: Object.fromEntries(
      stages.map(({ id, kind }) => {
        const { code, version } = facets.get(id)!;
        const identity = code?.code ?? null;
        return [kind, { version, code: identity?.digest ?? null, packages: identity?.packages ?? {} }];
      }),
    ),
    stages: stages.map((one) => stageOf(resolution, one)),
  };
  return JSON.stringify(record);
}

/**
 * One hash over all that `provenanceText` says, for a fraction of the work: an unchanged copy is recognised by it. A
 * stage's key stands for its parameters, inputs, code and engine.
 */
export function provenanceIdentity(
  session: Session,
  resolution: Resolution,
  instance: Instance,
  output: string,
): Digest {
  const { plan, options } = session;
  const { pipeline, title, file, profile, params, sources } = plan;
  const lines: Json[] = [
    [stampVersion, orographVersion(), pipeline, title, file, profile, params, [...(options.set ?? [])]],
    ...sources.map(({ path, text }): Json => [path, digestOf(text)]),
    ...Object.entries(session.ownCode),
    ...behind(session, instance).map((one): Json => {
      const { outputs } = resolution.rows.get(one.id)!;
      const digests = Object.entries(outputs).map(([name, { digest }]) => `${name} ${digest}`);
      return [one.id, resolution.key(one), ...digests, ...labelsOf(one)];
    }),
    [instance.id, output],
  ];
  return digestOf(JSON.stringify(lines));
}

const labelsOf = ({ inputs }: Instance): string[] =>
  Object.entries(inputs).flatMap(([name, { sources }]) => sources.map((s) => `${name} ${labelOf(s)}`));

function stageOf(resolution: Resolution, instance: Instance): ProvenanceStage {
  const parts = resolution.parts(instance);
  const { outputs } = resolution.rows.get(instance.id)!;
  return {
    id: instance.id,
    kind: instance.kind,
    key: resolution.key(instance)!,
    with: parts.with,
    inputs: Object.fromEntries(
      Object.entries(instance.inputs).map(([name, { sources }]) => [
        name,
        sources.map((source, i) => ({
          label: portableLabel(source),
          digest: parts.inputs[name]![i]!.digest,
        })),
      ]),
    ),
    files: parts.files,
    engine: parts.engine,
    env: Object.keys(parts.env).sort(),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, { digest }]) => [name, digest])),
  };
}

/** An instance and all it depends on, in the plan's order. */
function behind({ plan }: Session, instance: Instance): Instance[] {
  const wanted = new Set([instance.id]);
  for (const one of [...plan.instances].reverse()) {
    if (!wanted.has(one.id)) continue;
    for (const { sources } of Object.values(one.inputs))
      for (const source of sources) if (source.from === 'stage') wanted.add(source.instance);
  }
  return plan.instances.filter(({ id }) => wanted.has(id));
}

/** Paths from the nearest folder that holds all sources: they mean the same wherever the files lie. */
function portableFrom({ root, sources }: Plan, code: readonly string[]): (path: string) => string {
  const folders = [...sources.map(({ path }) => path), ...code].map((path) =>
    dirname(resolve(root, path)).split(sep),
  );
  const [first = []] = folders;
  const shared = first.findIndex((name, i) => folders.some((parts) => parts[i] !== name));
  const home = first.slice(0, shared < 0 ? first.length : shared).join(sep) || sep;
  return (path) => relative(home, resolve(root, path)).split(sep).join('/');
}

/** Of a file outside the workspace its name alone: folders are nobody's business. */
function portableLabel(source: Source): string {
  const label = labelOf(source);
  return source.from === 'file' && isAbsolute(label) ? basename(label) : label;
}
