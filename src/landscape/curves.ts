import { UserError } from '../diagnostics/diagnostic.ts';
import type { Json } from '../util/json.ts';

/** Data of an artifact of type `curves`: a set of 1D curves over one λ axis, or of 2D surfaces over two. JSON. */
export interface Curves {
  readonly format: 'orograph-curves/1';
  /** One axis: curves. Two: surfaces. */
  readonly axes: readonly Axis[];
  /** One entry a direction (1D) or a pair of directions (2D). */
  readonly series: readonly Series[];
  /** Number of classes C, for the line at log C; null where the loss is no cross entropy. */
  readonly classes: number | null;
  /**
   * What was evaluated, for captions: network, dataset, split, examples, epoch, engine; of networks with batch norm also
   * `statistics`, `kept` or `recalibrated`, the latter with `recalibration` (average, examples, batch); `weight-decay`
   * of the metric objective; `multiply-adds` that the grid takes and `multiply-adds-plainly`, where they differ.
   */
  readonly subject: Readonly<Record<string, Json>>;
}

export interface Axis {
  /** `λ`, `λ₁`, `λ₂`. */
  readonly label: string;
  readonly values: readonly number[];
  /** Vertical lines: the perturbed model at 0, a target (another checkpoint) where the direction has one. */
  readonly marks: readonly {
    readonly at: number;
    readonly role: 'model' | 'target';
    readonly label: string;
  }[];
}

export interface Series {
  readonly name: string;
  /** What the direction is, e.g. `gaussian`, `negative-gradient`, `difference`. */
  readonly direction: string;
  /**
   * Metric to values, in the order of `axes[0]` (2D: row-major, `values[i * n2 + j]` at (axes[0][i], axes[1][j])).
   * Always has `loss`; `accuracy` in [0, 1] and `error`, 1 minus it, `loss-standard-error`, `objective`: the loss with
   * weight decay. Non-finite values stay non-finite (see `encode`).
   */
  readonly metrics: Readonly<Record<string, readonly number[]>>;
}

const nonFinite: Record<string, number> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** JSON text of curves. JSON has no NaN and no Infinity; they become the strings "NaN", "Infinity", "-Infinity". */
export function encodeCurves(curves: Curves): string {
  return `${JSON.stringify(curves, (_, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )}\n`;
}

/**
 * Reads what `encodeCurves` wrote.
 * @param label what to call the file in messages.
 * @throws UserError where the text is no curves, or a metric has not one value a grid point: a user's own command may
 * have written it.
 */
export function decodeCurves(text: string, label = 'the file'): Curves {
  const bad = (what: string): UserError =>
    new UserError({ severity: 'error', code: 'bad-curves', message: `${label} is no curves file: ${what}` });
  let curves: Curves;
  try {
    curves = JSON.parse(text) as Curves;
  } catch (error) {
    throw bad((error as Error).message);
  }
  if (curves?.format !== 'orograph-curves/1')
    throw bad(`its format is ${JSON.stringify(curves?.format ?? null)}, orograph-curves/1 expected`);
  const { axes, series, classes, subject } = curves;
  if (!Array.isArray(axes) || !axes.every(isAxis) || axes.length < 1 || axes.length > 2)
    throw bad('it needs one or two axes, each with a label, values and marks');
  if (!axes.every(({ marks }) => marks.every(isMark)))
    throw bad('a mark of an axis needs a number "at", a label, and "model" or "target" as its role');
  if (!Array.isArray(series)) throw bad('it has no series');
  if (classes !== null && !(Number.isInteger(classes) && classes > 0))
    throw bad('"classes" must be the number of classes, or null where the loss is no cross entropy');
  const points = axes.reduce((product, axis) => product * axis.values.length, 1);
  return {
    ...curves,
    subject: subject ?? {},
    series: series.map((one, i) => {
      const where = `series ${i + 1}`;
      const metrics = revived(one?.metrics, points, where, bad);
      for (const key of ['name', 'direction'] as const)
        if (typeof one[key] !== 'string') throw bad(`${where} has no ${key}`);
      return { ...one, metrics };
    }),
  };
}

function isAxis(axis: Axis | null): boolean {
  return (
    typeof axis?.label === 'string' &&
    Array.isArray(axis.values) &&
    axis.values.every(Number.isFinite) &&
    Array.isArray(axis.marks)
  );
}

function isMark(mark: Axis['marks'][number] | null): boolean {
  return (
    Number.isFinite(mark?.at) &&
    typeof mark?.label === 'string' &&
    (mark.role === 'model' || mark.role === 'target')
  );
}

/** Metrics with their non-finite numbers back. */
function revived(
  metrics: unknown,
  points: number,
  where: string,
  bad: (what: string) => UserError,
): Record<string, number[]> {
  if (typeof metrics !== 'object' || metrics === null || !('loss' in metrics))
    throw bad(`${where} has no loss`);
  return Object.fromEntries(
    Object.entries(metrics).map(([name, list]) => {
      if (!Array.isArray(list) || list.length !== points)
        throw bad(`the ${name} of ${where} is no list of ${points} values, one a grid point`);
      const values = list.map((value) => (typeof value === 'string' ? nonFinite[value] : value));
      if (!values.every((value) => typeof value === 'number'))
        throw bad(`the ${name} of ${where} holds no numbers`);
      return [name, values];
    }),
  );
}
