import type { Curves } from '../../src/landscape/curves.ts';
import type { Scalar, Sheet } from './sheets.ts';

/**
 * Comma-separated values (RFC 4180 with line feeds): a row a direction and grid point, the last axis fastest. Numbers
 * are the shortest text that reads back as the same float64; `NaN`, `inf` and `-inf` as pandas and NumPy read them.
 */
export function csvOf({ axes, series }: Curves): string {
  const metrics = [...new Set(series.flatMap((one) => Object.keys(one.metrics)))];
  const head = ['name', 'direction', ...axes.map(({ label }) => label), ...metrics];
  const grid = axes.reduce<number[][]>(
    (points, { values }) => points.flatMap((point) => values.map((value) => [...point, value])),
    [[]],
  );
  const rows = series.flatMap(({ name, direction, metrics: own }) =>
    grid.map((point, k) => [
      name,
      direction,
      ...point.map(numberOf),
      ...metrics.map((metric) => (own[metric] ? numberOf(own[metric][k]!) : '')),
    ]),
  );
  return textOf([head, ...rows]);
}

/** A sheet of a table, in the same form; what is not known is empty. */
export function sheetCsv({ columns }: Sheet): string {
  const rows = columns[0]!.values.map((_, i) => columns.map(({ values }) => cell(values[i] ?? null)));
  return textOf([columns.map(({ name }) => name), ...rows]);
}

const textOf = (rows: readonly (readonly string[])[]): string =>
  `${rows.map((row) => row.map(field).join(',')).join('\n')}\n`;

const cell = (value: Scalar): string =>
  value === null ? '' : typeof value === 'number' ? numberOf(value) : String(value);

const numberOf = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';

const field = (text: string): string => (/[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
