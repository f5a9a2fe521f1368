import type { SegmentsMark } from '../../../src/figure/figure.ts';
import type { Axis, Series } from '../../../src/landscape/curves.ts';
import { sample } from './common.ts';

/** Steps of a parabola to each side. */
const steps = 6;

/** How far to each side of a sample its parabola may be drawn, in units of the axis and of the loss. */
export interface Reach {
  readonly across: number;
  readonly up: number;
}

/**
 * L + b(x - λ) + ½a(x - λ)² about each sample, where slope b and curvature a are known: the paper's Fig. 14. A steep
 * one is drawn no further than it keeps near its sample: neighbours would hide each other, and the curve.
 */
export function parabolasOf(
  { metrics }: Series,
  axis: Axis,
  reach: Reach,
  look: { readonly factor: number; readonly style: number; readonly source: string },
): SegmentsMark[] {
  const { loss, slope, curvature } = metrics;
  if (reach.across === 0 || !loss || !slope || !curvature) return [];
  const pieces = axis.values.map((at, i) => {
    const [level, b, a] = [loss[i]!, slope[i]!, curvature[i]!];
    const [left, right] = [-b, b].map((rise) => Math.min(reach.across, within(rise, a, reach.up)));
    const offsets = Array.from({ length: 2 * steps + 1 }, (_, k) =>
      k < steps ? left! * (k / steps - 1) : right! * (k / steps - 1),
    );
    return {
      x: offsets.map((d) => (at + d) * look.factor),
      y: offsets.map((d) => sample(level + b * d + 0.5 * a * d * d)),
    };
  });
  return [
    {
      type: 'segments',
      pieces,
      style: look.style % 6 === 5 ? 1 : 5,
      label: 'second order',
      source: look.source,
    },
  ];
}

/** The smallest d > 0 where |bd + ½ad²| = up, in the form that does not cancel; Infinity where there is none. */
function within(b: number, a: number, up: number): number {
  const crossings = [up, -up].flatMap((level) => {
    const root = Math.sqrt(b * b + 2 * a * level);
    return [(2 * level) / (b + root), (2 * level) / (b - root)];
  });
  return Math.min(...crossings.filter((d) => d > 0));
}
