/**
 * A figure made again from what its file says: the pipeline's text is written back out and run, and the result is
 * compared byte for byte.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { Subscriber } from '../events/event.ts';
import { originalOf } from '../figure/reduced.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { makeFolder, writeFileAtomic } from '../util/fs-durable.ts';
import type { RunResult, Workspace } from './contract.ts';
import { previewPipeline } from './preview.ts';
import type { Provenance } from './provenance.ts';
import { publishedFiles } from './publishing.ts';
import { type ReadFigure, readFigure } from './read-provenance.ts';
import { runPipeline } from './run.ts';

export interface RebuildOptions {
  readonly figure: ReadFigure;
  readonly workspace: Workspace;
  /** Absolute: gets the pipeline's text, unless the workspace has it unchanged, and the artifacts. */
  readonly into: string;
  readonly engine?: string;
  readonly subscriber: Subscriber;
  readonly signal?: AbortSignal;
}

export interface Rebuilt {
  readonly run: RunResult;
  /** The pipeline file that was run. */
  readonly file: string;
  /** The new figure; null where the run made none. */
  readonly path: string | null;
  readonly same: boolean;
  /** What is not as it was, in words; empty where the bytes are the same. */
  readonly differences: readonly string[];
}

export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { figure, into, workspace } = options;
  const { provenance } = figure;
  const file = await restoreSources(provenance, workspace.root, into);
  const asked = {
    workspace: { ...workspace, artifacts: join(into, 'artifacts') },
    file,
    cwd: workspace.root,
    stages: [provenance.stage],
    set: provenance.set,
    ...(provenance.profile !== null && { profile: provenance.profile }),
    ...engineOf(provenance, options.engine),
  };
  const run = await runPipeline({
    ...asked,
    subscriber: options.subscriber,
    ...(options.signal && { signal: options.signal }),
  });
  const { plan, stages } = await previewPipeline(asked);
  const instance = plan.instances.find(({ id }) => id === provenance.stage);
  const output = stages.find(({ id }) => id === provenance.stage)?.row?.outputs[provenance.output];
  const path =
    instance && output
      ? (publishedFiles(asked.workspace.artifacts, plan, instance, { [provenance.output]: output })[0]
          ?.path ?? null)
      : null;
  if (path === null || !existsSync(path)) return { run, file, path: null, same: false, differences: [] };
  const bytes = await readFile(path);
  // A picture of a gallery is a smaller copy: it says of which bytes, and those are what is made again.
  const original = originalOf(provenance);
  const same = original === undefined ? bytes.equals(figure.bytes) : digestOf(bytes) === original;
  if (same) return { run, file, path, same: true, differences: [] };
  const { provenance: now } = await readFigure(path, path);
  return { run, file, path, same: false, differences: differences(provenance, now) };
}

/** The engine that the figure was computed with, where it was one. */
function engineOf({ stages }: Provenance, asked: string | undefined): { engine?: string } {
  if (asked !== undefined) return { engine: asked };
  const names = new Set(stages.flatMap(({ engine }) => (engine ? [String(engine.name)] : [])));
  const [only] = names;
  return names.size === 1 && only !== undefined ? { engine: only } : {};
}

/**
 * The pipeline file to run. Where the workspace has all the texts as they were, it is run in its place, so that stage
 * kinds and files beside it are found; else all of them are written under `into`.
 */
async function restoreSources({ sources, file }: Provenance, root: string, into: string): Promise<string> {
  for (const { path, text, digest } of sources) {
    const place = resolve(into, path);
    if (!place.startsWith(`${into}${sep}`))
      throw refusal(`its pipeline file ${path} would be written outside ${into}`);
    if (digestOf(text) !== digest) throw refusal(`the text of ${path} is not what its digest says`);
  }
  const homes = ['', 'pipelines'].map((folder) => join(root, folder));
  const home = homes.find((folder) =>
    sources.every(({ path, digest }) => digestOfFile(resolve(folder, path)) === digest),
  );
  if (home !== undefined) return resolve(home, file);
  for (const { path, text, digest } of sources) {
    const place = resolve(into, path);
    const there = digestOfFile(place);
    if (there === digest) continue;
    if (there !== undefined)
      throw refusal(`${place} is there and holds something else`, 'name another folder with --into DIR');
    makeFolder(dirname(place));
    await writeFileAtomic(place, text, { durable: false });
  }
  return resolve(into, file);
}

function digestOfFile(path: string): Digest | undefined {
  try {
    return digestOf(readFileSync(path));
  } catch {
    return undefined;
  }
}

const refusal = (message: string, hint?: string): UserError =>
  new UserError({
    severity: 'error',
    code: 'cannot-rebuild',
    message: `the figure cannot be rebuilt: ${message}`,
    ...(hint !== undefined && { hint }),
  });

/** What could explain other bytes, nearest cause first. */
export function differences(was: Provenance, now: Provenance): string[] {
  const found: string[] = [];
  const compare = (what: string, before: unknown, after: unknown): void => {
    const [a, b] = [said(before), said(after)];
    if (a !== b) found.push(`${what}: ${a} was, ${b} is`);
  };
  compare('orograph', was.orograph, now.orograph);
  for (const kind of Object.keys(was.kinds)) {
    const [a, b] = [was.kinds[kind]!, now.kinds[kind]];
    for (const name of Object.keys(a.packages))
      compare(`package ${name} of ${kind}`, a.packages[name], b?.packages[name]);
    compare(`code of ${kind}`, a.code?.slice(0, 12), b?.code?.slice(0, 12));
    compare(`version of ${kind}`, a.version, b?.version);
  }
  for (const before of was.stages) {
    const after = now.stages.find(({ id }) => id === before.id);
    if (!after) {
      found.push(`stage ${before.id}: is not there any more`);
      continue;
    }
    for (const name of new Set([...Object.keys(before.engine ?? {}), ...Object.keys(after.engine ?? {})]))
      compare(`engine of ${before.id}, ${name}`, before.engine?.[name], after.engine?.[name]);
    for (const name of Object.keys(before.files))
      compare(`file ${name} of ${before.id}`, before.files[name], after.files[name]);
    for (const [name, list] of Object.entries(before.inputs))
      list.forEach(({ label, digest }, i) => {
        const isFile = !was.stages.some(({ id }) => label.startsWith(`${id}.`));
        if (isFile) compare(`file ${label}`, digest, after.inputs[name]?.[i]?.digest);
      });
  }
  const first = was.stages.find((before) => {
    const after = now.stages.find(({ id }) => id === before.id);
    return said(before.outputs) !== said(after?.outputs);
  });
  if (first) found.push(`the first stage whose results differ is ${first.id}`);
  else found.push('all results are the same: only what the file says of itself differs');
  return [...new Set(found)];
}

const said = (value: unknown): string =>
  value === undefined || value === null
    ? 'nothing'
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
