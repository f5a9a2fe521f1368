import { UserError } from '../../../src/diagnostics/diagnostic.ts';
import { didYouMean } from '../../../src/diagnostics/suggest.ts';
import type { RuleMark, Sample } from '../../../src/figure/figure.ts';
import type { Axis, Curves, Series } from '../../../src/landscape/curves.ts';
import type { Content } from '../compose.ts';
import type { RenderParameters } from '../parameters.ts';
import type { Source } from '../sources.ts';

const metricLabels: Record<string, string> = { 'loss-standard-error': 'standard error of the loss' };
export const labelOf = (metric: string): string => metricLabels[metric] ?? metric;

export const ends = (range: readonly number[]): readonly [number, number] => [range[0]!, range[1]!];

export const sample = (value: number): Sample => (Number.isFinite(value) ? value : null);

export const roleNames = { model: 'perturbed model', target: 'target model' } as const;

/** The dotted upright lines of an axis, each once. */
export function modelRules(axes: readonly { readonly axis: Axis; readonly factor: number }[]): RuleMark[] {
  const rules = new Map<string, RuleMark>();
  for (const { axis, factor } of axes)
    for (const { at, role } of axis.marks) {
      const rule: RuleMark = { type: 'rule', axis: 'x', at: at * factor, role, label: roleNames[role] };
      rules.set(`${role} ${rule.at}`, rule);
    }
  return [...rules.values()];
}

/** Values of a metric; a diagnostic where the curves were evaluated without it. */
export function valuesOf(series: Series, metric: string): readonly number[] {
  const values = series.metrics[metric];
  if (values) return values;
  throw unknownMetric(`the curve ${series.name}`, metric, Object.keys(series.metrics));
}

export function unknownMetric(what: string, metric: string, known: readonly string[]): UserError {
  const hint = didYouMean(metric, known);
  return new UserError({
    severity: 'error',
    code: 'unknown-metric',
    message: `${what} has no metric "${metric}"`,
    expected: `one of ${known.join(', ')}`,
    ...(hint && { hint }),
  });
}

/** log C where the metric is a cross entropy. */
export function chanceOf(curves: Curves, metric: string): number | null {
  return metric === 'loss' && curves.classes !== null ? Math.log(curves.classes) : null;
}

/** Of the curves files in a panel those over so many axes. */
export function curvesIn(
  { sources }: Content,
  axes: 1 | 2,
): { readonly source: Source; readonly curves: Curves }[] {
  return sources.flatMap((source) =>
    source.data.type === 'curves' && source.data.curves.axes.length === axes
      ? [{ source, curves: source.data.curves }]
      : [],
  );
}

/** A panel that cannot be drawn as it was asked to. */
export function cannotPlot({ plot, sources }: Content, wanted: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'wrong-plot',
    message: `${sources.map(({ label }) => label).join(', ')} cannot be drawn as ${plot}`,
    expected: wanted,
  });
}

/** Where values are cut off, or undefined where all are shown. */
export function capOf(
  files: readonly Curves[],
  metric: string,
  finite: readonly number[],
  clip: RenderParameters['clip'],
): number | undefined {
  const highest = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (typeof clip === 'number') return highest > clip ? clip : undefined;
  const chances = files.map((curves) => chanceOf(curves, metric)).filter((c) => c !== null);
  const chance = Math.max(...chances);
  if (clip === 'never' || chances.length === 0 || highest <= 50 * chance) return undefined;
  const there = files
    .flatMap((curves) => curves.series.map((series) => valuesOf(series, metric)[originOf(curves)]!))
    .filter(Number.isFinite);
  return 1.25 * Math.max(chance, ...there);
}

/** Index of the grid point that is nearest to the perturbed model. */
function originOf({ axes }: Curves): number {
  return axes.reduce((index, { values, marks }) => {
    const model = marks.find(({ role }) => role === 'model')?.at ?? 0;
    const nearest = values.reduce(
      (best, v, i) => (Math.abs(v - model) < Math.abs(values[best]! - model) ? i : best),
      0,
    );
    return index * values.length + nearest;
  }, 0);
}

export const clippedRemark = (cap: number): string => `clipped at ${Number(cap.toPrecision(3))}`;
