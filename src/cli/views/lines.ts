import { visible } from '../../diagnostics/width.ts';
import type { RunEvent } from '../../events/event.ts';
import { type Paint, truncate } from '../terminal.ts';
import { duration, number } from '../units.ts';
import type { RunState } from './state.ts';

/** What V8 prints when the heap is used up are addresses, and nothing else of a stage is left in the last lines. */
const tellsNothing = 'heap-exhausted';

/** A failed stage as lines that stay: what happened and where it is declared, the last it printed, what to do. */
export function failureLines(
  event: Extract<RunEvent, { type: 'stage-failed' }>,
  tail: readonly string[],
  paint: Paint,
): string[] {
  const [first = '', ...more] = event.message.trimEnd().split('\n').map(visible);
  const lines = [
    `${paint('red', '✗')} ${paint('bold', event.stage)} failed after ${duration(event.wallMs)}: ${first} ${paint('dim', `[${event.code}]`)}`,
  ];
  lines.push(...more.map((line) => `    ${line}`));
  const { file, line, column } = event.at;
  lines.push(`    ${paint('dim', `declared at ${visible(file)}:${line}:${column}`)}`);
  const said = event.code === tellsNothing ? [] : tail.filter((line) => !event.message.includes(line.trim()));
  if (said.length > 0) lines.push(`    ${paint('dim', 'the last it printed:')}`);
  lines.push(...said.map((line) => `    ${paint('dim', '│')} ${truncate(line, 200)}`));
  if (event.expected) lines.push(`    ${paint('cyan', 'expected:')} ${visible(event.expected)}`);
  if (event.hint) lines.push(`    ${paint('cyan', 'hint:')} ${visible(event.hint)}`);
  if (event.log) lines.push(`    ${paint('dim', `log: ${event.log}`)}`);
  return lines;
}

export function retryLine(event: Extract<RunEvent, { type: 'stage-retry' }>, paint: Paint): string {
  return `${paint('yellow', '↻')} ${event.stage}: attempt ${event.attempt} failed (${visible(event.message)}), next in ${duration(event.delayMs)}`;
}

/** `61 %, 31/50 epochs, 1.3/s` without what is not known. */
export function progressWords(done: number, total: number, unit: string): string {
  const share = total > 0 ? `${Math.floor((100 * done) / total)} %, ` : '';
  return `${share}${number(done)}/${number(total)} ${unit}`.trimEnd();
}

/** The tail that belongs to a stage, before the event that ends it is reduced. */
export function tailOf(state: RunState, stage: string): readonly string[] {
  return state.running.get(stage)?.tail ?? [];
}
