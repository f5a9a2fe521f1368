import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { runPipeline } from '../../run/run.ts';
import { catchInterrupts } from '../interrupt.ts';
import { filesAndStages } from '../pipeline-files.ts';
import { pipelineOptions } from '../pipeline-options.ts';
import { describeDiagnostics, printUserError } from '../report.ts';
import { warnOfSameName } from '../same-name.ts';
import type { VerbContext } from '../verb.ts';
import { openView, type View } from '../views/view.ts';

/** Worst first: what several pipelines come to. */
const severity: readonly ExitCode[] = [
  exitCodes.interrupted,
  exitCodes.badInput,
  exitCodes.stageFailed,
  exitCodes.verificationFailed,
  exitCodes.good,
];

/** `orograph run FILE [STAGE...]` */
export async function main(context: VerbContext): Promise<ExitCode> {
  const { args, cwd } = context;
  if (args.has('dry-run')) return (await import('./plan.ts')).main(context);
  const { files, stages } = filesAndStages(args.positionals, cwd);
  const keepGoing = args.has('keep-going');

  let view: View | undefined;
  const interrupts = catchInterrupts(() =>
    view?.say([context.err.paint('yellow', 'Stopping: finished work is kept. Ctrl-C again stops at once.')]),
  );
  const codes: ExitCode[] = [];
  // What the process ends with if nobody reads its output any more (EPIPE): the run is not over then.
  process.exitCode = exitCodes.interrupted;
  try {
    for (const file of files) {
      view = viewOf(context);
      const code = await runOne(context, file, stages, view, interrupts.signal);
      codes.push(code);
      if (interrupts.signal.aborted || (code !== exitCodes.good && !keepGoing)) break;
    }
  } finally {
    view?.close();
    interrupts.dispose();
  }
  return severity.find((code) => codes.includes(code)) ?? exitCodes.good;
}

function viewOf({ args, cwd, out, err }: VerbContext): View {
  return openView({
    out,
    err,
    cwd,
    json: args.has('json'),
    quiet: args.has('quiet'),
    describe: ({ diagnostic }) => describeDiagnostics([diagnostic], err, cwd),
  });
}

async function runOne(
  { args, cwd, err }: VerbContext,
  file: string,
  stages: readonly string[],
  view: View,
  signal: AbortSignal,
): Promise<ExitCode> {
  try {
    const sameName = warnOfSameName(file, cwd);
    if (sameName) view.subscriber({ type: 'diagnostic', diagnostic: sameName });
    const result = await runPipeline({
      ...(await pipelineOptions(args, cwd, file, stages)),
      keepGoing: args.has('keep-going'),
      force: args.values('force'),
      strictExpect: args.has('strict-expect'),
      subscriber: view.subscriber,
      signal,
    });
    return result.exitCode;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // With --json a program learns it as events; a person reads it in any case.
    if (args.has('json'))
      for (const diagnostic of error.diagnostics) view.subscriber({ type: 'diagnostic', diagnostic });
    view.close();
    printUserError(error, err, cwd);
    return error.exitCode;
  } finally {
    view.close();
  }
}
