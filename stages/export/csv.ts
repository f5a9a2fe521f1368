import type { Curves } from '../../src/landscape/curves.ts';

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
  return `${[head, ...rows].map((row) => row.map(field).join(',')).join('\n')}\n`;
}

const numberOf = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';

const field = (text: string): string => (/[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
