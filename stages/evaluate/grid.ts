import type { Digest } from '../../src/util/digest.ts';

/** `count` equally spaced numbers; the ends, and 0 and 1 where they are grid points, are exact. */
export function linspace(from: number, to: number, count: number): number[] {
  // What rounding can make of 0 and 1: with from = -0.3 and to = 0.7 the fourth of eleven would be -4e-17.
  const rounding = 4 * Number.EPSILON * Math.max(Math.abs(from), Math.abs(to));
  return Array.from({ length: count }, (_, i) => {
    const value = (i * to + (count - 1 - i) * from) / (count - 1);
    return [0, 1].find((exact) => Math.abs(value - exact) <= rounding) ?? value;
  });
}

/** One step along a direction: which, by content, and how far. */
export interface Move {
  readonly direction: Digest;
  readonly by: number;
}

/**
 * The moves that lead to a grid point, in one form for all ways to ask for it: coefficients λ·s rounded to 12
 * significant digits, equal directions joined, zero ones dropped, sorted by direction. The point is computed from
 * these moves alone, so whatever asks for the same ones may share the result: λ = 0 is one point for all directions,
 * a surface's axes are its curves' points, and figures of different scales share those that coincide.
 */
export function movesTo(steps: readonly Move[]): Move[] {
  const sums = new Map<Digest, number>();
  for (const { direction, by } of steps) sums.set(direction, (sums.get(direction) ?? 0) + by);
  return [...sums]
    .map(([direction, by]) => ({ direction, by: Number(by.toPrecision(12)) }))
    .filter(({ by }) => by !== 0)
    .sort((a, b) => (a.direction < b.direction ? -1 : 1));
}

/**
 * In which order points are measured: those that begin with the same step follow each other, so that it is taken once
 * (`AffineMeter`), whichever of a surface's axes that is; else as they come.
 * @returns indices of `points`.
 */
export function orderOfWork(points: readonly (readonly Move[])[]): number[] {
  const groups = new Map<string, number[]>();
  for (const [index, [first]] of points.entries()) {
    const begun = JSON.stringify([first?.direction, first?.by]);
    const group = groups.get(begun);
    if (group) group.push(index);
    else groups.set(begun, [index]);
  }
  return [...groups.values()].flat();
}
