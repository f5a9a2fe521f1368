/**
 * How differently a loss rises on the two sides of a valley, after He, Huang and Yuan, "Asymmetric Valleys: Beyond Sharp
 * and Flat Local Minima" (NeurIPS 2019). Pure functions of sampled curves; between samples a curve is linear.
 */

/** A curve as it was sampled: λ ascending, one loss each. */
export interface Sampled {
  readonly lambdas: readonly number[];
  readonly losses: readonly number[];
}

export type Side = 'positive' | 'negative';

/** One side of a valley over the distances (ζ, r] from its bottom. */
export interface Rise {
  /** (L(r) - L(ζ)) / (r - ζ). */
  readonly mean: number;
  readonly smallest: number;
  readonly largest: number;
}

export interface Asymmetry {
  /** The side of the smaller mean slope. */
  readonly flat: Side;
  /** Slopes away from the bottom. */
  readonly positive: Rise;
  readonly negative: Rise;
  /** The sharp side's mean slope over the flat side's; Infinity where the flat side does not rise. */
  readonly ratio: number;
  /**
   * Definition 1: the direction is (r, p, c, ζ)-asymmetric when at every distance in (ζ, r] the slope is below p on the
   * flat side and above c·p on the sharp side, c > 1. This p is the flat side's largest slope, c the sharp side's smallest
   * over it; null where the flat side rises nowhere and any p > 0 serves.
   */
  readonly p: number;
  readonly c: number | null;
  /** Whether the definition holds for these p and c. */
  readonly holds: boolean;
}

/** Position of the smallest finite loss, the one nearest to 0 of equal ones; undefined where none is finite. */
export function bottomOf({ lambdas, losses }: Sampled): number | undefined {
  let best: number | undefined;
  for (const [i, loss] of losses.entries()) {
    if (!Number.isFinite(loss)) continue;
    const lowest = best === undefined ? Number.POSITIVE_INFINITY : losses[best]!;
    if (loss < lowest || (loss === lowest && Math.abs(lambdas[i]!) < Math.abs(lambdas[best!]!))) best = i;
  }
  return best === undefined ? undefined : lambdas[best]!;
}

/** How far the samples go on, finite, on the shorter side of a place. */
export function reachFrom({ lambdas, losses }: Sampled, place: number): number {
  const end = (side: number): number => {
    let last = place;
    const order = [...lambdas.keys()].filter((i) => (lambdas[i]! - place) * side > 0);
    if (side < 0) order.reverse();
    for (const i of order) {
      if (!Number.isFinite(losses[i]!)) break;
      last = lambdas[i]!;
    }
    return Math.abs(last - place);
  };
  return Math.min(end(1), end(-1));
}

/** The loss at λ; NaN outside the samples. */
export function lossAt({ lambdas, losses }: Sampled, lambda: number): number {
  const last = lambdas.length - 1;
  // Sums of a place and a distance miss the ends by a rounding.
  const slack = 1e-9 * (lambdas[last]! - lambdas[0]!);
  if (lambda < lambdas[0]! - slack || lambda > lambdas[last]! + slack) return Number.NaN;
  let right = lambdas.findIndex((value) => value >= lambda);
  if (right < 0) right = last;
  if (right === 0 || lambdas[right] === lambda) return losses[right]!;
  const [from, to] = [lambdas[right - 1]!, lambdas[right]!];
  const share = Math.min(1, (lambda - from) / (to - from));
  return losses[right - 1]! + share * (losses[right]! - losses[right - 1]!);
}

/** Ascending distances from the bottom up to the reach at which one of the sides has a sample, 0 first. */
export function distancesOf({ lambdas }: Sampled, bottom: number, reach: number): number[] {
  const slack = 1e-9 * reach;
  const all = lambdas.map((lambda) => Math.abs(lambda - bottom)).sort((a, b) => a - b);
  const distances = [0];
  for (const distance of all)
    if (distance > distances.at(-1)! + slack && distance <= reach + slack) distances.push(distance);
  return distances;
}

/** @param from,to ζ and r; the curve must be finite between bottom - r and bottom + r. */
export function asymmetryOf(curve: Sampled, bottom: number, from: number, to: number): Asymmetry {
  const slack = 1e-6 * (to - from);
  const inside = distancesOf(curve, bottom, to).filter((d) => d > from + slack && d < to - slack);
  const at = [from, ...inside, to];
  const rise = (side: number): Rise => {
    const losses = at.map((distance) => lossAt(curve, bottom + side * distance));
    const slopes = at.slice(1).map((distance, i) => (losses[i + 1]! - losses[i]!) / (distance - at[i]!));
    return {
      mean: (losses.at(-1)! - losses[0]!) / (to - from),
      smallest: Math.min(...slopes),
      largest: Math.max(...slopes),
    };
  };
  const [positive, negative] = [rise(1), rise(-1)];
  const flat: Side = positive.mean <= negative.mean ? 'positive' : 'negative';
  const [low, high] = flat === 'positive' ? [positive, negative] : [negative, positive];
  const c = low.largest > 0 ? high.smallest / low.largest : null;
  return {
    flat,
    positive,
    negative,
    ratio: low.mean > 0 ? high.mean / low.mean : Number.POSITIVE_INFINITY,
    p: Math.max(0, low.largest),
    c,
    holds: c === null ? high.smallest > 0 : c > 1,
  };
}

/**
 * The expected loss at a place beside the bottom when the landscape is shifted by ±s with equal chances, as Theorem 1 has
 * it: S(b) = (L(bottom + b + s) + L(bottom + b - s)) / 2.
 */
export function shiftedLoss(curve: Sampled, bottom: number, bias: number, shift: number): number {
  return (lossAt(curve, bottom + bias + shift) + lossAt(curve, bottom + bias - shift)) / 2;
}

/**
 * By how much another curve, of test images say, is shifted against this one (the paper's shift gap): the δ for which
 * other(λ + δ) - curve(λ) is most nearly constant over |λ - bottom| ≤ R, and ξ, the largest deviation from the constant
 * that fits best.
 * @param radius R. @param most the largest |δ| that is tried. Both curves must be finite as far as that reaches.
 */
export function shiftGap(
  curve: Sampled,
  other: Sampled,
  bottom: number,
  radius: number,
  most: number,
): { shift: number; gap: number; unshifted: number } {
  const at = distancesOf(curve, bottom, radius).flatMap((d) =>
    d === 0 ? [bottom] : [bottom - d, bottom + d],
  );
  const gapOf = (shift: number): number => {
    const differences = at.map((lambda) => lossAt(other, lambda + shift) - lossAt(curve, lambda));
    return (Math.max(...differences) - Math.min(...differences)) / 2;
  };
  const unshifted = gapOf(0);
  let best = { shift: 0, gap: unshifted };
  const tries = 200;
  for (let i = -tries; i <= tries; i++) {
    const shift = (i / tries) * most;
    const gap = gapOf(shift);
    if (gap < best.gap || (gap === best.gap && Math.abs(shift) < Math.abs(best.shift))) best = { shift, gap };
  }
  return { ...best, unshifted };
}
