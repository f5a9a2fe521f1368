import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { collectGarbage } from '../../store/gc.ts';
import { openStore } from '../../store/open.ts';
import { pipelineFilesUnder } from '../pipeline-files.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { reachOf, unplanned } from '../reach.ts';
import { describeDiagnostics } from '../report.ts';
import { count, parseSize, size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';

/** `orograph gc [FILE...]` */
export async function main({ args, cwd, out, err }: VerbContext): Promise<ExitCode> {
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
    args.positionals.length > 0 ? args.positionals : existsSync(folder) ? pipelineFilesUnder(folder) : [];
  if (files.length === 0)
    throw new UserError({
      severity: 'error',
      code: 'no-pipeline',
      message: `there is no pipeline in ${shortPath(folder, cwd)}, so nothing says what to keep`,
      hint: 'name the pipeline files whose results are to stay; to drop everything, remove the cache folder',
    });

  const { keep, pipelines, unknown } = await reachOf(files, { args, cwd });
  if (unknown.length > 0) err.line(describeDiagnostics(unplanned(unknown, cwd), err, cwd));

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
    if (args.has('json'))
      out.line(
        JSON.stringify({
          ...gone,
          dryRun,
          unknown: unknown.map(({ file, profile }) => ({ file, profile: profile ?? null })),
        }),
      );
    else {
      out.line(
        `${dryRun ? 'would remove' : 'removed'} ${count(gone.stages, 'stage result')}, ${count(gone.items, 'sub-result')}, ${count(gone.blobs, 'file')} and ${count(gone.logs, 'log')}: ${size(gone.bytes)}; ${size(gone.keptBytes)} ${dryRun ? 'would stay' : 'stay'}`,
      );
      if (gone.othersActive)
        out.line('another orograph process is using the cache, so recent results were spared');
    }
  } finally {
    store.close();
  }
  return exitCodes.good;
}
