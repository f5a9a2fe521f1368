import { relative } from 'node:path';
import { visible } from '../../diagnostics/width.ts';
import type { Json } from '../../util/json.ts';
import { columns, type Paint, truncate } from '../terminal.ts';
import { count, number } from '../units.ts';
import type { RunState } from './state.ts';

/** Rows of a table before the rest is counted instead of listed. */
const most = 40;

/**
 * What a run ends with: where the figures are, what was found (the facts of its stages: the categories of curves), and
 * whether what the paper claims held. The very last line is `lastLine`.
 */
export function summaryLines(state: RunState, cwd: string, paint: Paint): string[] {
  const lines: string[] = [];
  const section = (title: string, rows: readonly string[]): void => {
    if (rows.length === 0) return;
    const rest = rows.length - most;
    lines.push('', paint('bold', title), ...rows.slice(0, most).map((row) => `  ${row}`));
    if (rest > 0) lines.push(paint('dim', `  and ${rest} more`));
  };
  section(
    state.artifacts.length === 1 ? 'Figure' : 'Figures',
    state.artifacts.map(({ path }) => shortPath(path, cwd)),
  );
  const expected = new Set(state.expectations.map((e) => `${e.stage}\n${e.fact}`));
  const found = [...state.facts]
    .map(([stage, facts]) => [
      stage,
      Object.entries(facts)
        .filter(([name, value]) => !expected.has(`${stage}\n${name}`) && words(value) !== '')
        .map(([name, value]) => `${name} ${words(value)}`)
        .join('  '),
    ])
    .filter(([, facts]) => facts !== '');
  section('Found', columns(found as [string, string][]));
  section(
    'Expected',
    columns(
      state.expectations.map((e) => [
        e.held ? paint('green', '✓') : paint('red', '✗'),
        e.stage,
        e.fact,
        words(e.expected),
        e.held
          ? `${paint('green', 'held')}${words(e.actual) === words(e.expected) ? '' : `: it is ${words(e.actual)}`}`
          : `${paint('red', 'missed')}: it is ${e.actual === null ? 'not told' : words(e.actual)}`,
      ]),
    ),
  );
  if (state.failures.length > 1)
    section(
      'Failed',
      state.failures.map(
        (f) => `${paint('red', '✗')} ${f.stage}: ${truncate(visible(f.message.split('\n')[0]!), 100)}`,
      ),
    );
  return lines.length > 0 ? [...lines, ''] : lines;
}

/** `12 stages: 3 executed, 9 cached, 0 failed, 0 skipped in 4.2 s`: the same words in every run, for scripts. */
export function lastLine(run: {
  executed: number;
  cached: number;
  failed: number;
  skipped: number;
  wallMs: number;
}): string {
  const stages = run.executed + run.cached + run.failed + run.skipped;
  return `${count(stages, 'stage')}: ${run.executed} executed, ${run.cached} cached, ${run.failed} failed, ${run.skipped} skipped in ${(run.wallMs / 1000).toFixed(1)} s`;
}

/** A fact as a person reads it: lists with commas, tables as name value pairs. */
export function words(value: Json): string {
  if (Array.isArray(value)) return value.map(words).join(', ');
  if (value !== null && typeof value === 'object')
    return Object.entries(value)
      .map(([name, inner]) => `${name}: ${words(inner)}`)
      .join(', ');
  return typeof value === 'number' ? number(value, Number.isInteger(value) ? 12 : 4) : visible(String(value));
}

/** The shorter of the absolute path and the path from where the user stands. */
export function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.length < path.length && !short.startsWith('../../..') ? short : path;
}
