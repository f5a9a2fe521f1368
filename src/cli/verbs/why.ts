import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { visible } from '../../diagnostics/width.ts';
import type { Difference } from '../../fingerprint/differences.ts';
import { type Explanation, explainStage } from '../../run/explain.ts';
import { pipelineOptions } from '../pipeline-options.ts';
import { columns, type Paint } from '../terminal.ts';
import { ago, count, duration } from '../units.ts';
import type { VerbContext } from '../verb.ts';

/** Instances of a matrix that are explained before the rest is counted. */
const most = 20;

/** `orograph why FILE STAGE` */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const [file, stage] = args.positionals as [string, string];
  const explanations = await explainStage(await pipelineOptions(args, cwd, file), stage);
  if (args.has('json')) {
    for (const { forecast, newest, differences, failure } of explanations) {
      const { id, kind, status, reasons, key, parts } = forecast;
      out.line(JSON.stringify({ id, kind, status, reasons, key, newest, differences, failure, parts }));
    }
    return exitCodes.good;
  }
  const shown = explanations.slice(0, most);
  out.line(shown.map((each) => explain(each, Date.now(), out.paint).join('\n')).join('\n\n'));
  if (shown.length < explanations.length)
    out.line(`\nand ${count(explanations.length - shown.length, 'more instance')} of ${stage}`);
  return exitCodes.good;
}

export function explain(
  { forecast, newest, differences, failure }: Explanation,
  now: number,
  paint: Paint,
): string[] {
  const { id, kind, status, reasons, key, row } = forecast;
  const name = `${paint('bold', id)} (${kind})`;
  const lines: string[] = [];
  switch (status) {
    case 'cached':
      lines.push(`${name} is cached`);
      lines.push(
        differences.length > 0
          ? '  its newest run was another one, but this one is stored, too; since then changed:'
          : '  nothing that decides its result has changed',
        ...differenceLines(differences, paint),
      );
      if (row)
        lines.push(
          paint('dim', `  computed ${ago(now - Date.parse(row.finishedAt))} in ${duration(row.wallMs)}`),
        );
      break;
    case 'unknown':
      lines.push(`${name} is not decided yet`, ...reasons.map((reason) => `  ${reason}`));
      lines.push(paint('dim', '  if what feeds it comes out with the same content, it will not run'));
      break;
    case 'will-run':
      lines.push(`${name} will run${failure ? ' again: as it is now, it failed' : ''}`);
      if (failure) lines.push(...failureLines(failure, now, paint));
      if (differences.length > 0) lines.push(...differenceLines(differences, paint));
      else if (!failure) lines.push(...reasons.map((reason) => `  ${reason}`));
      break;
    default:
      status satisfies never;
  }
  if (newest !== null && newest !== key)
    lines.push(paint('dim', `  compared with its newest finished run, key ${newest}`));
  if (key !== null) lines.push(paint('dim', `  key ${key}`));
  return lines;
}

function failureLines(failure: NonNullable<Explanation['failure']>, now: number, paint: Paint): string[] {
  const [first = '', ...more] = failure.message.split('\n').map(visible);
  return [
    `  ${ago(now - Date.parse(failure.at))}: ${paint('red', first)}`,
    ...more.map((line) => `    ${line}`),
    ...(failure.log === null ? [] : [paint('dim', `  log ${failure.log}`)]),
  ];
}

function differenceLines(differences: readonly Difference[], paint: Paint): string[] {
  return columns(
    differences.map(({ field, before, after }) => {
      const name = `  ${field}`;
      if (before === null && after === null) return [paint('yellow', name)];
      const was = before === null ? paint('dim', '(none)') : paint('red', before);
      const is = after === null ? paint('dim', '(none)') : paint('green', after);
      return [name, `${was} -> ${is}`];
    }),
  );
}
