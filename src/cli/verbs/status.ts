import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import type { Forecast } from '../../run/contract.ts';
import { readLastRun } from '../../run/last-run.ts';
import { previewPipeline } from '../../run/preview.ts';
import { openStore } from '../../store/open.ts';
import { storeUsage } from '../../store/usage.ts';
import { pipelineFilesIn } from '../pipeline-files.ts';
import { pipelineOptions, workspaceOf } from '../pipeline-options.ts';
import { columns, type Paint, truncate } from '../terminal.ts';
import { ago, count, size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';

/** How one pipeline stands. */
export interface Standing {
  readonly file: string;
  readonly pipeline: string | null;
  readonly stages: number;
  readonly cached: number;
  readonly toRun: number;
  /** Known when what feeds them is. */
  readonly undecided: number;
  readonly lastRun: LastRunCounts | null;
  /** Why the file cannot be planned. */
  readonly problem: string | null;
}

/** What run.json says of the newest run. */
interface LastRunCounts {
  readonly finishedAt: string;
  readonly failed: number;
  readonly skipped: number;
  readonly expectations: number;
  readonly held: number;
}

/** `orograph status [FILE...]` */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const workspace = await workspaceOf(args, cwd);
  const folder = join(workspace.root, 'pipelines');
  const named = args.positionals.length > 0;
  const files = named ? args.positionals : existsSync(folder) ? pipelineFilesIn(folder) : [];
  if (files.length === 0)
    throw new UserError({
      severity: 'error',
      code: 'no-pipeline',
      message: `there is no pipeline in ${shortPath(folder, cwd)}`,
      hint: 'name the pipeline files, or make a folder of your own with "orograph init my-project"',
    });
  const standings: Standing[] = [];
  for (const file of files) standings.push(await standingOf(file, { args, cwd }, workspace.artifacts));
  if (args.has('json')) for (const standing of standings) out.line(JSON.stringify(standing));
  else {
    for (const line of standingLines(standings, Date.now(), out.paint)) out.line(line);
    if (existsSync(workspace.cache)) out.line(out.paint('dim', cacheLine(workspace.cache, cwd)));
  }
  return standings.some(({ problem }) => problem !== null) ? exitCodes.badInput : exitCodes.good;
}

function cacheLine(cache: string, cwd: string): string {
  const store = openStore(cache, { reading: true });
  try {
    const { stages, items, bytes } = storeUsage(store);
    return `${shortPath(cache, cwd)}: ${count(stages, 'stage result')} and ${count(items, 'sub-result')}, ${size(bytes)}`;
  } finally {
    store.close();
  }
}

async function standingOf(
  file: string,
  { args, cwd }: Pick<VerbContext, 'args' | 'cwd'>,
  artifacts: string,
): Promise<Standing> {
  const path = shortPath(resolve(cwd, file), cwd);
  try {
    const { plan, stages } = await previewPipeline(await pipelineOptions(args, cwd, path));
    const of = (status: Forecast['status']): number =>
      stages.filter((stage) => stage.status === status).length;
    return {
      file: path,
      pipeline: plan.pipeline,
      stages: stages.length,
      cached: of('cached'),
      toRun: of('will-run'),
      undecided: of('unknown'),
      lastRun: lastRunOf(artifacts, plan.pipeline),
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [first] = error.diagnostics;
    const more =
      error.diagnostics.length > 1 ? ` (and ${count(error.diagnostics.length - 1, 'more problem')})` : '';
    const problem = `${first?.at ? `line ${first.at.line}: ` : ''}${first?.message}${more}`;
    return {
      file: path,
      pipeline: null,
      stages: 0,
      cached: 0,
      toRun: 0,
      undecided: 0,
      lastRun: null,
      problem,
    };
  }
}

function lastRunOf(artifacts: string, pipeline: string): LastRunCounts | null {
  const record = readLastRun(artifacts, pipeline);
  if (record === null) return null;
  const expectations = record.stages.flatMap((stage) => stage.expectations ?? []);
  const of = (status: string): number => record.stages.filter((stage) => stage.status === status).length;
  return {
    finishedAt: record.finishedAt,
    failed: of('failed'),
    skipped: of('skipped'),
    expectations: expectations.length,
    held: expectations.filter(({ held }) => held).length,
  };
}

export function standingLines(standings: readonly Standing[], now: number, paint: Paint): string[] {
  return columns(
    standings.map((s) => {
      const name = s.pipeline ?? (dirname(s.file) === 'pipelines' ? basename(s.file) : s.file);
      if (s.problem !== null) return [`${paint('red', '✗')} ${name}`, paint('red', truncate(s.problem, 100))];
      const open = s.toRun + s.undecided;
      const mark = open === 0 ? paint('green', '✓') : paint('yellow', '●');
      const work =
        open === 0
          ? `${count(s.stages, 'stage')} cached`
          : `${s.toRun} to run, ${s.undecided} undecided, ${s.cached} cached`;
      return [`${mark} ${name}`, work, ...lastRunWords(s.lastRun, now, paint)];
    }),
  );
}

function lastRunWords(run: LastRunCounts | null, now: number, paint: Paint): string[] {
  if (run === null) return [paint('dim', 'never ran')];
  const words = [`ran ${ago(now - Date.parse(run.finishedAt))}`];
  if (run.failed > 0) words.push(paint('red', `${run.failed} failed`));
  if (run.skipped > 0) words.push(`${run.skipped} skipped`);
  const claims =
    run.expectations === 0
      ? []
      : [
          run.held === run.expectations
            ? paint('green', `${run.held}/${run.expectations} expectations held`)
            : paint('red', `${run.held}/${run.expectations} expectations held`),
        ];
  return [words.join(', '), ...claims];
}
