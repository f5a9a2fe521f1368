import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { previewPipeline } from '../../run/preview.ts';
import { collectGarbage } from '../../store/gc.ts';
import { openStore } from '../../store/open.ts';
import type { StageKey } from '../../util/digest.ts';
import { pipelineFilesIn } from '../pipeline-files.ts';
import { namesIn } from '../pipeline-names.ts';
import { pipelineOptions, workspaceOf } from '../pipeline-options.ts';
import { count, parseSize, size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph gc [FILE...]` */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const workspace = await workspaceOf(args, cwd);
  const limit = args.value('max-size');
  const maxBytes = limit === undefined ? undefined : parseSize(limit);
  if (limit !== undefined && maxBytes === undefined)
    throw new UserError({
      severity: 'error',
      code: 'option-value',
      message: `--max-size cannot be "${limit}"`,
      expected: 'a size such as 500MB, 10GB or 1.5TiB',
    });
  const folder = join(workspace.root, 'pipelines');
  const files =
    args.positionals.length > 0 ? args.positionals : existsSync(folder) ? pipelineFilesIn(folder) : [];
  if (files.length === 0)
    throw new UserError({
      severity: 'error',
      code: 'no-pipeline',
      message: `there is no pipeline in ${shortPath(folder, cwd)}, so nothing says what to keep`,
      hint: 'name the pipeline files whose results are to stay; to drop everything, remove the cache folder',
    });

  const keep = new Set<StageKey>();
  const pipelines = new Set<string>();
  for (const file of files) {
    // Results of every profile stay: the published settings may have taken a night. A file that cannot be planned
    // ends the collection, for nobody can say what it reaches.
    const asked = args.value('profile');
    const profiles = asked === undefined ? [undefined, ...namesIn(file, 'profiles', cwd)] : [asked];
    for (const profile of profiles) {
      const { plan, stages } = await previewPipeline({
        ...(await pipelineOptions(args, cwd, shortPath(file, cwd))),
        ...(profile === undefined ? {} : { profile }),
      });
      pipelines.add(plan.pipeline);
      for (const { key } of stages) if (key !== null) keep.add(key);
    }
  }

  const store = openStore(workspace.cache);
  try {
    // And what each stage last was: behind one that must run, keys are not known yet.
    for (const pipeline of pipelines) for (const { key } of store.latest(pipeline).values()) keep.add(key);
    const dryRun = args.has('dry-run');
    const gone = await collectGarbage(store, {
      keep,
      dryRun,
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
    if (args.has('json')) out.line(JSON.stringify({ ...gone, dryRun }));
    else {
      out.line(
        `${dryRun ? 'would remove' : 'removed'} ${count(gone.stages, 'stage result')}, ${count(gone.items, 'sub-result')} and ${count(gone.blobs, 'file')}: ${size(gone.bytes)}; ${size(gone.keptBytes)} ${dryRun ? 'would stay' : 'stay'}`,
      );
      if (gone.othersActive)
        out.line('another orograph process is using the cache, so recent results were spared');
    }
  } finally {
    store.close();
  }
  return exitCodes.good;
}
