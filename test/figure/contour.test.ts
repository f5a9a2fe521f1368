import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Grid, type IndexPoint, isolines, regions } from '../../src/figure/field/contour.ts';

const gridOf = (rows: readonly (readonly number[])[]): Grid => ({
  nx: rows.length,
  ny: rows[0]!.length,
  values: rows.flat(),
});

/** The bilinear interpolant at indices that may lie between samples. */
function bilinear({ nx, ny, values }: Grid, u: number, v: number): number {
  const [i, j] = [Math.min(nx - 2, Math.floor(u)), Math.min(ny - 2, Math.floor(v))];
  const [s, t] = [u - i, v - j];
  const at = (a: number, b: number): number => values[a * ny + b]!;
  return (
    (1 - s) * (1 - t) * at(i, j) +
    s * (1 - t) * at(i + 1, j) +
    s * t * at(i + 1, j + 1) +
    (1 - s) * t * at(i, j + 1)
  );
}

/** How often rings wind around a point. */
function winding(rings: readonly (readonly IndexPoint[])[], [x, y]: IndexPoint): number {
  let turns = 0;
  for (const ring of rings)
    ring.forEach(([x0, y0], i) => {
      const [x1, y1] = ring[(i + 1) % ring.length]!;
      if (y0 <= y === y1 <= y) return;
      const at = x0 + ((y - y0) / (y1 - y0)) * (x1 - x0);
      if (at > x) turns += y1 > y0 ? 1 : -1;
    });
  return turns;
}

const grids = fc
  .record({
    nx: fc.integer({ min: 2, max: 7 }),
    ny: fc.integer({ min: 2, max: 7 }),
    seed: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 49, maxLength: 49 }),
  })
  .map(({ nx, ny, seed }): Grid => ({ nx, ny, values: seed.slice(0, nx * ny) }));
/** Between the samples' values, which are whole. */
const levels = fc.integer({ min: -20, max: 19 }).map((k) => k + 0.5);

describe('isolines', () => {
  it('pass where the interpolant has the level, and end on the border or nowhere', () => {
    fc.assert(
      fc.property(grids, levels, (grid, level) => {
        for (const { points, closed } of isolines(grid, level)) {
          // Corners of the line lie on edges of the grid, where the interpolant is linear: exact up to rounding.
          for (const [u, v] of points) expect(bilinear(grid, u, v)).toBeCloseTo(level, 9);
          if (closed) continue;
          for (const [u, v] of [points[0]!, points.at(-1)!])
            expect(u === 0 || v === 0 || u === grid.nx - 1 || v === grid.ny - 1).toBe(true);
        }
      }),
      { seed: 1, numRuns: 400 },
    );
  });

  it('keep the higher values on their left', () => {
    const [line] = isolines(
      gridOf([
        [0, 0],
        [1, 1],
      ]),
      0.5,
    );
    // Higher to the right of u = ½: with it on the left hand, the line runs downwards.
    expect(line).toEqual({
      points: [
        [0.5, 1],
        [0.5, 0],
      ],
      closed: false,
    });
  });

  it('join at a saddle what the bilinear interpolant joins', () => {
    // The saddle's value is (a·c - b·d)/(a + c - b - d): 0.5 for both, so 0.4 joins the high corners, 0.6 does not.
    const saddle = gridOf([
      [1, 0],
      [0, 1],
    ]);
    const around = (level: number): string[] =>
      isolines(saddle, level).map(({ points }) =>
        points
          .map(([u, v]) => Math.round(u) + Math.round(v))
          .sort()
          .join(),
      );
    // Joined: each line cuts off a low corner, (1, 0) or (0, 1). Apart: each cuts off a high one.
    const cutsOff = (level: number): boolean[] =>
      isolines(saddle, level).map(({ points: [p, q] }) => {
        const middle: IndexPoint = [(p![0] + q![0]) / 2, (p![1] + q![1]) / 2];
        return Math.abs(middle[0] - middle[1]) > 0.5;
      });
    expect(around(0.4)).toHaveLength(2);
    expect(cutsOff(0.4)).toEqual([true, true]);
    expect(cutsOff(0.6)).toEqual([false, false]);
  });

  it('connect in every cell the corners that the bilinear interpolant connects', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }), (v) => {
        const [a, b, c, d] = [v[0]!, -v[1]!, v[2]!, -v[3]!];
        // At a tie the level passes through the saddle itself.
        fc.pre(a * c !== b * d);
        const grid = gridOf([
          [a, d],
          [b, c],
        ]);
        // Through the saddle the interpolant is constant along both axes: it is the lowest point of the best path
        // between the high corners, and the highest of the best one between the low ones.
        const saddle = { u: (a - d) / (a + c - b - d), v: (a - b) / (a + c - b - d) };
        const joined = bilinear(grid, saddle.u, saddle.v) >= 0;
        expect(winding(regions(grid, 0), [saddle.u, saddle.v]) !== 0).toBe(joined);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe('regions', () => {
  it('hold exactly the samples at or above the level', () => {
    fc.assert(
      fc.property(grids, levels, (grid, level) => {
        const rings = regions(grid, level);
        grid.values.forEach((value, k) => {
          const [i, j] = [Math.floor(k / grid.ny), k % grid.ny];
          // A hair inside, because samples on the border lie on the rings.
          const nudge = (at: number, n: number): number =>
            at + (at === 0 ? 1e-6 : at === n - 1 ? -1e-6 : 1e-7);
          expect(winding(rings, [nudge(i, grid.nx), nudge(j, grid.ny)])).toBe(value >= level ? 1 : 0);
        });
      }),
      { seed: 5, numRuns: 400 },
    );
  });

  it('of a level below everything are the whole grid, of one above nothing', () => {
    const grid = gridOf([
      [1, 2, 3],
      [2, 3, 4],
    ]);
    expect(regions(grid, 0)).toHaveLength(1);
    expect(winding(regions(grid, 0), [0.5, 1.3])).toBe(1);
    expect(regions(grid, 5)).toEqual([]);
  });

  it('are nested: a point of a higher region lies in every lower one', () => {
    fc.assert(
      fc.property(
        grids,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (grid, s, t) => {
          const at: IndexPoint = [s * (grid.nx - 1), t * (grid.ny - 1)];
          const inside = [-10.5, -0.5, 0.5, 10.5].map((level) => winding(regions(grid, level), at) !== 0);
          inside.slice(1).forEach((deep, i) => {
            if (deep) expect(inside[i]).toBe(true);
          });
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});
