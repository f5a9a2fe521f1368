import type { Sample } from '../../src/figure/figure.ts';
import type { Curves, Series } from '../../src/landscape/curves.ts';
import { countStationaryPoints } from '../classify/stationary-points.ts';

const directionNames: Record<string, string> = {
  gaussian: 'Gaussian',
  'negative-gradient': 'negative gradient',
  difference: 'towards another model',
};

/**
 * A panel's title: the user's, or the category most of its curves have, or the kind of their directions; then, where
 * `values` are given, the mean number of stationary points over the curves in brackets, as the paper prints it.
 */
export function panelTitle(
  content: {
    readonly label: string;
    readonly curves: Curves;
    readonly series: readonly Series[];
    readonly categories: unknown;
  },
  own: string | undefined,
  values: readonly (readonly Sample[])[] | undefined,
): string {
  const name = own ?? category(content.categories) ?? directions(content.series) ?? content.label;
  if (!values || values.length === 0) return name;
  const counts = values.map((list) => countStationaryPoints(list.map((v) => v ?? Number.NaN)));
  const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
  return `${name} [${mean.toFixed(1)}]`.trim();
}

function directions(series: readonly Series[]): string | undefined {
  const kinds = new Set(series.map((s) => s.direction));
  const [only] = kinds;
  if (kinds.size !== 1 || only === undefined) return undefined;
  return directionNames[only] ?? only;
}

/** The commonest category of a categories file; of equally common ones the first. */
function category(categories: unknown): string | undefined {
  const curves = (categories as { readonly series?: readonly { readonly category?: unknown }[] } | undefined)
    ?.series;
  const counts = new Map<string, number>();
  for (const { category: name } of curves ?? [])
    if (typeof name === 'string') counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
