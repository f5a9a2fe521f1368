import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import type { Forecast, Preview } from '../../run/contract.ts';
import { previewPipeline } from '../../run/preview.ts';
import { filesAndStages } from '../pipeline-files.ts';
import { pipelineOptions } from '../pipeline-options.ts';
import { columns, type Paint, truncate } from '../terminal.ts';
import { count } from '../units.ts';
import type { VerbContext } from '../verb.ts';

/** `orograph plan FILE [STAGE...]`, also `run --dry-run`. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const { files, stages } = filesAndStages(args.positionals, cwd);
  for (const file of files) {
    const preview = await previewPipeline({
      ...(await pipelineOptions(args, cwd, file, stages)),
      force: args.values('force'),
    });
    if (args.has('json')) out.line(JSON.stringify(planJson(preview)));
    else {
      const width = out.stream.isTTY ? out.size().columns : Number.POSITIVE_INFINITY;
      for (const line of planLines(preview, args.has('all'), width, out.paint)) out.line(line);
    }
  }
  return exitCodes.good;
}

/** What programs get: no file contents, no key parts (`why --json` has them). */
export function planJson({ plan, engine, stages }: Preview) {
  return {
    pipeline: plan.pipeline,
    file: plan.file,
    profile: plan.profile,
    engine,
    stages: stages.map(({ id, kind, status, reasons, key }) => ({ id, kind, status, reasons, key })),
  };
}

export function planLines(preview: Preview, all: boolean, width: number, paint: Paint): string[] {
  const { plan, engine, stages } = preview;
  const of = (status: Forecast['status']) => stages.filter((stage) => stage.status === status);
  const [run, unknown, cached] = [of('will-run'), of('unknown'), of('cached')];
  const profile = plan.profile === null ? '' : `, profile ${plan.profile}`;
  const shown = all ? stages : stages.filter((stage) => stage.status !== 'cached');
  const nameWidth = Math.max(0, ...shown.map(({ id }) => id.length));
  return [
    `${paint('bold', plan.pipeline)}: ${count(stages.length, 'stage')}${profile}${engine === 'none' ? '' : `, engine ${engine}`}`,
    ...columns(shown.map((stage) => row(stage, width - nameWidth - 8, paint))),
    [
      `${run.length} to run`,
      ...(unknown.length > 0 ? [`${unknown.length} undecided until what feeds them is known`] : []),
      `${cached.length} cached`,
    ].join(', '),
  ];
}

const marks = { 'will-run': ['yellow', '●'], unknown: ['blue', '○'], cached: ['green', '✓'] } as const;

function row(stage: Forecast, room: number, paint: Paint): string[] {
  const [style, mark] = marks[stage.status];
  const [first = '', ...more] = stage.reasons;
  const reason = stage.status === 'cached' ? 'cached' : first;
  const rest = more.length > 0 ? ` (+${more.length} more)` : '';
  return [
    `  ${paint(style, mark)} ${stage.id}`,
    paint('dim', truncate(reason, Math.max(20, room - rest.length)) + rest),
  ];
}
