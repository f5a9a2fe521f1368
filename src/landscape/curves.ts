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
  /** What was evaluated, for captions: network, dataset, split, examples, epoch, engine. */
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
   * Always has `loss`; `accuracy` in [0, 1], `loss-standard-error`. Non-finite values stay non-finite (see `encode`).
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

export function decodeCurves(text: string): Curves {
  const curves = JSON.parse(text) as Curves;
  if (curves.format !== 'orograph-curves/1')
    throw new Error(`not a curves file (format ${String(curves.format)})`);
  const revive = (value: unknown): number =>
    typeof value === 'string' ? nonFinite[value]! : (value as number);
  return {
    ...curves,
    series: curves.series.map((s) => ({
      ...s,
      metrics: Object.fromEntries(Object.entries(s.metrics).map(([name, list]) => [name, list.map(revive)])),
    })),
  };
}
