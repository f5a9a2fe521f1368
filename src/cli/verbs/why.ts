import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import type { Forecast } from '../../run/contract.ts';
import { previewPipeline } from '../../run/preview.ts';
import { pipelineOptions } from '../pipeline-options.ts';
import type { Paint } from '../terminal.ts';
import { ago, count, duration } from '../units.ts';
import type { VerbContext } from '../verb.ts';

/** Instances of a matrix that are explained before the rest is counted. */
const most = 20;

/** `orograph why FILE STAGE` */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const [file, stage] = args.positionals as [string, string];
  const { plan, stages } = await previewPipeline(pipelineOptions(args, cwd, file, [stage]));
  // The preview holds what feeds the stage, too.
  const named = new Set(plan.instances.filter((i) => i.id === stage || i.stage === stage).map((i) => i.id));
  const asked = stages.filter(({ id }) => named.size === 0 || named.has(id));
  if (args.has('json')) {
    for (const { id, kind, status, reasons, key, parts } of asked)
      out.line(JSON.stringify({ id, kind, status, reasons, key, parts }));
    return exitCodes.good;
  }
  const lines = asked.slice(0, most).map((forecast) => explanation(forecast, Date.now(), out.paint));
  out.line(lines.map((list) => list.join('\n')).join('\n\n'));
  if (asked.length > most) out.line(`\nand ${count(asked.length - most, 'more instance')} of ${stage}`);
  return exitCodes.good;
}

export function explanation(
  { id, kind, status, reasons, key, row }: Forecast,
  now: number,
  paint: Paint,
): string[] {
  const name = `${paint('bold', id)} (${kind})`;
  const lines: string[] = [];
  if (status === 'cached') {
    lines.push(`${name} is cached: nothing that decides its result has changed`);
    if (row) lines.push(`  computed ${ago(now - Date.parse(row.finishedAt))} in ${duration(row.wallMs)}`);
  } else if (status === 'unknown') {
    lines.push(`${name} is not decided yet`, ...reasons.map((reason) => `  ${reason}`));
    lines.push(
      paint('dim', '  its key holds the content of its inputs: if that comes out the same, it will not run'),
    );
  } else {
    lines.push(`${name} would run`, ...reasons.map((reason) => `  ${paint('yellow', reason)}`));
  }
  if (key) lines.push(paint('dim', `  key ${key}`));
  return lines;
}
