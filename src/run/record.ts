import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { diskError } from '../store/disk-errors.ts';
import { digestOf } from '../util/digest.ts';
import { writeFileAtomic } from '../util/fs-durable.ts';
import type { JsonObject } from '../util/json.ts';
import { environmentOf } from './environment.ts';
import type { Expectation } from './expectations.ts';
import { type RunStatus, readLastRun } from './last-run.ts';
import { publishedFiles } from './publishing.ts';
import type { Resolution } from './resolution.ts';
import type { Session } from './session.ts';

interface RecordOptions {
  readonly session: Session;
  readonly resolution: Resolution;
  readonly run: string;
  readonly startedAt: Date;
  readonly status: ReadonlyMap<string, RunStatus>;
  readonly messages: ReadonlyMap<string, string>;
  readonly expectations: readonly Expectation[];
}

/**
 * Writes `artifacts/<pipeline>/run.json`, the provenance record of what lies beside it: the pipeline's text and its
 * resolved stages, every key with its parts, every digest, engine, versions and times. And remembers the keys, which
 * `why` compares with. A run that found everything as the last one left it writes nothing.
 * @returns its path.
 */
export async function writeRecord(options: RecordOptions): Promise<string> {
  const { session, resolution, status } = options;
  const { plan, store } = session;
  const path = join(session.options.workspace.artifacts, plan.pipeline, 'run.json');
  const state = stateOf(options);
  if ([...status.values()].every((s) => s === 'cached') && stateRecorded(path) === state) return path;

  const done = plan.instances.filter((instance) => resolution.rows.has(instance.id));
  const parts = new Map(done.map((instance) => [instance.id, resolution.parts(instance)]));
  store.setLatest(
    plan.pipeline,
    done.map((instance) => ({
      stage: instance.id,
      key: resolution.keys.get(instance.id)!,
      parts: parts.get(instance.id) as unknown as JsonObject,
    })),
  );
  const { workspace, stages, set } = session.options;
  const record = {
    state,
    format: 'orograph-run/1',
    run: options.run,
    pipeline: plan.pipeline,
    title: plan.title,
    file: plan.file,
    profile: plan.profile,
    set: set ?? [],
    selection: stages ?? [],
    params: plan.params,
    startedAt: options.startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    environment: environmentOf(session),
    sources: plan.sources.map(({ path: file, text }) => ({ path: file, digest: digestOf(text), text })),
    stages: [
      ...plan.instances.map((instance) => {
        const row = resolution.rows.get(instance.id);
        const message = options.messages.get(instance.id);
        return {
          id: instance.id,
          kind: instance.kind,
          ...(instance.about && { about: { ...instance.about } }),
          status: status.get(instance.id) ?? 'skipped',
          ...(message !== undefined && { message, key: resolution.keys.get(instance.id) }),
          ...(row && {
            key: row.key,
            parts: parts.get(instance.id),
            outputs: row.outputs,
            published: publishedFiles(workspace.artifacts, plan, instance, row.outputs).map(
              ({ path: copy, file }) => ({
                path: relative(join(workspace.artifacts, plan.pipeline), copy).split(sep).join('/'),
                digest: file.digest,
              }),
            ),
            facts: row.facts,
            expectations: options.expectations.filter((expectation) => expectation.stage === instance.id),
            finishedAt: row.finishedAt,
            wallMs: row.wallMs,
            environment: row.environment,
          }),
        };
      }),
      ...untouched(options),
    ],
  };
  // Not beside it: what a killed process leaves in the cache is cleared away, what it leaves among artifacts is not.
  const through = store.createWorkFolder();
  try {
    await writeFileAtomic(path, `${JSON.stringify(record, null, 1)}\n`, { durable: false, through });
  } catch (error) {
    throw diskError(error, 'write the record of this run', path);
  } finally {
    await store.discard(through).catch(() => {});
  }
  return path;
}

/** What the record before said of stages that this run was not asked for: their copies still lie there. */
function untouched({ session }: RecordOptions): unknown[] {
  const { plan, all, options } = session;
  if (plan.instances.length === all.size) return [];
  const before = readLastRun(options.workspace.artifacts, plan.pipeline);
  const now = new Set(plan.instances.map(({ id }) => id));
  return (before?.stages ?? [])
    .filter(({ id }) => all.has(id) && !now.has(id))
    .map((stage) => ({ ...stage, from: stage.from ?? { run: before!.run, finishedAt: before!.finishedAt } }));
}

/** One hash over what a record says that a later run could change. */
function stateOf(options: RecordOptions): string {
  const { plan, options: given } = options.session;
  const hash = createHash('sha256');
  const { pipeline, profile, params } = plan;
  hash.update(
    JSON.stringify([pipeline, profile, params, given.set ?? [], given.stages ?? [], options.expectations]),
  );
  for (const { path, text } of plan.sources) hash.update(`\n${path} ${digestOf(text)}`);
  for (const instance of plan.instances)
    hash.update(`\n${instance.id} ${options.resolution.keys.get(instance.id)}`);
  return hash.digest('hex');
}

/** The state that an existing record begins with; records can be large, so only their beginning is read. */
function stateRecorded(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const head = Buffer.alloc(128);
      readSync(fd, head, 0, 128, 0);
      return /^\{\s*"state": "([0-9a-f]{64})"/.exec(head.toString('latin1'))?.[1];
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
