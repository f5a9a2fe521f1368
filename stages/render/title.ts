import { literal } from '../../src/figure/math-text.ts';
import type { Series } from '../../src/landscape/curves.ts';
import { countStationaryPoints } from '../classify/stationary-points.ts';

const directionNames: Record<string, string> = {
  gaussian: 'Gaussian',
  'negative-gradient': 'negative gradient',
  difference: 'towards another model',
};

/** What `classify` says of one curve, as far as a figure shows it. */
export interface CategoryRow {
  readonly name: string;
  readonly category: string;
}

/**
 * A panel's title: the user's, or the category most of its curves have, or the kind of their directions; then, where
 * `values` are given, the mean number of stationary points over the curves in brackets, as the paper prints it.
 */
export function panelTitle(
  content: {
    readonly label: string;
    readonly series: readonly Series[];
    readonly categories: readonly CategoryRow[];
  },
  own: string | undefined,
  values: readonly (readonly number[])[] | undefined,
): string {
  const name = own ?? commonest(content.categories) ?? directions(content.series) ?? literal(content.label);
  if (!values || values.length === 0) return name;
  const total = values.reduce((sum, list) => sum + countStationaryPoints(list), 0);
  return `${name} [${(total / values.length).toFixed(1)}]`.trim();
}

function directions(series: readonly Series[]): string | undefined {
  const kinds = new Set(series.map((s) => s.direction));
  const [only] = kinds;
  return kinds.size !== 1 || only === undefined ? undefined : directionTitle(only);
}

/** The kind of a direction in words; of a surface's two directions, both. */
export const directionTitle = (kind: string): string =>
  kind
    .split(' x ')
    .map((one) => directionNames[one] ?? literal(one))
    .join(' × ');

/** The commonest category, of equally common ones the first; where curves differ, with its share. */
function commonest(rows: readonly CategoryRow[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { category } of rows) counts.set(category, (counts.get(category) ?? 0) + 1);
  const [first] = [...counts].sort((a, b) => b[1] - a[1]);
  if (!first) return undefined;
  return counts.size === 1 ? first[0] : `${first[0]} (${first[1]} of ${rows.length})`;
}
