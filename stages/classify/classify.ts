/**
 * Classifies sampled curves: the paper's raw count of stationary points, and a category by six small steps that forgive
 * float noise, plateaus and what lies far above log C. Pure functions of numbers; nothing here knows networks, stages
 * or files.
 */
import type { Curves } from '../../src/landscape/curves.ts';
import { type Category, categoryOf, notesOf } from './category.ts';
import { clip } from './clipping.ts';
import { persistentExtrema } from './extrema.ts';
import { modelIndex, type Role, roleOf } from './role.ts';
import { stationaryIndices } from './stationary-points.ts';

export interface Classification {
  readonly category: Category;
  /** The paper's raw count. */
  readonly 'stationary-points': number;
  /** Interior extrema that outlast the tolerance. */
  readonly extrema: number;
  readonly role: Role;
  readonly notes: readonly string[];
}

/**
 * @param lambdas ascending grid.
 * @param losses one a grid point; may be non-finite.
 * @param classes C, for log C; null where the loss is no cross entropy.
 * @param noise see `clip`.
 */
export function classifyCurve(
  lambdas: readonly number[],
  losses: readonly number[],
  classes: number | null,
  noise = 0,
): Classification {
  const stationary = stationaryIndices(losses);
  const at = modelIndex(lambdas);
  const { values, tolerance, flat } = clip(losses, at ?? -1, classes, noise);
  const { extrema, prominences } = persistentExtrema(values, tolerance);
  const role = flat ? 'slope' : roleOf(at, extrema, values, tolerance);
  const kept = flat ? 0 : extrema.length;
  const stationaryLosses = stationary.map((t) => losses[t]!);
  return {
    category: flat ? 'flat' : categoryOf(extrema, role),
    'stationary-points': stationary.length,
    extrema: kept,
    role,
    notes: notesOf({
      stationaryLosses,
      filtered: kept,
      classes,
      prominences: flat ? [] : prominences,
      tolerance,
    }),
  };
}

/** Every curve of a file; of surfaces none. */
export function classifyCurves(
  curves: Curves,
  noise = 0,
): (Classification & { name: string; direction: string })[] {
  if (curves.axes.length !== 1) return [];
  return curves.series.map(({ name, direction, metrics }) => ({
    name,
    direction,
    ...classifyCurve(curves.axes[0]!.values, metrics.loss!, curves.classes, noise),
  }));
}

/** The categories of some curves in a few words, for `expect:` and the summary of a run. */
export function summarise(list: readonly Classification[]): {
  category: string;
  categories: Record<string, number>;
  'stationary-points': number;
  notes: string[];
} {
  const counts: Record<string, number> = {};
  for (const { category } of list) counts[category] = (counts[category] ?? 0) + 1;
  const [only, ...others] = Object.keys(counts);
  return {
    category: only !== undefined && others.length === 0 ? only : 'mixed',
    categories: counts,
    'stationary-points': list.reduce((sum, c) => sum + c['stationary-points'], 0) / list.length,
    notes: [...new Set(list.flatMap(({ notes }) => notes))],
  };
}
