import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeightField, outlines, type Patch, patches } from '../../src/figure/space/hidden.ts';
import {
  cubeHeight,
  type Place,
  type Point3,
  type Projection,
  projectionOf,
} from '../../src/figure/space/projection.ts';

/** Whether a place lies inside a closed outline, by the non-zero rule. */
function inside(outline: readonly Place[], [x, y]: Place): boolean {
  let turns = 0;
  outline.forEach(([x0, y0], k) => {
    const [x1, y1] = outline[(k + 1) % outline.length]!;
    if (y0 <= y === y1 <= y) return;
    if (x0 + ((y - y0) / (y1 - y0)) * (x1 - x0) > x) turns += y1 > y0 ? 1 : -1;
  });
  return turns !== 0;
}

/** Where a triangle meets the line of sight through a place: its distance towards the viewer, if it does. */
function depthAt(triangle: readonly Point3[], projection: Projection, at: Place): number | undefined {
  const [a, b, c] = triangle.map(projection.project) as [Place, Place, Place];
  const det = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
  if (Math.abs(det) < 1e-9) return undefined;
  const s = ((at[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (at[1] - a[1])) / det;
  const t = ((b[0] - a[0]) * (at[1] - a[1]) - (at[0] - a[0]) * (b[1] - a[1])) / det;
  if (s < 0 || t < 0 || s + t > 1) return undefined;
  const { towards } = projection;
  const depth = ([x, y, z]: Point3): number => x * towards[0] + y * towards[1] + z * cubeHeight * towards[2];
  const [da, db, dc] = triangle.map(depth) as [number, number, number];
  return da + s * (db - da) + t * (dc - da);
}

const fields = fc
  .record({
    nx: fc.integer({ min: 2, max: 6 }),
    ny: fc.integer({ min: 2, max: 6 }),
    heights: fc.array(
      fc.oneof(
        { weight: 12, arbitrary: fc.integer({ min: 0, max: 13 }) },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
      { minLength: 36, maxLength: 36 },
    ),
  })
  .map(
    ({ nx, ny, heights }): HeightField => ({
      x: Array.from({ length: nx }, (_, i) => i / (nx - 1)),
      y: Array.from({ length: ny }, (_, j) => (j / (ny - 1)) ** 1.3),
      // Up to 1.3: some are above the ceiling.
      z: heights.slice(0, nx * ny).map((h) => (h === null ? null : h / 10)),
    }),
  );
const views = fc.record({
  azimuth: fc.integer({ min: -180, max: 180 }),
  elevation: fc.integer({ min: 3, max: 90 }),
});
/** Off any corner that fields of round numbers have: there, inside and outside are a matter of rounding. */
const places = fc.array(
  fc
    .tuple(fc.double({ min: -0.7, max: 0.7, noNaN: true }), fc.double({ min: -1, max: 0.6, noNaN: true }))
    .map(([x, y]): Place => [x + Math.SQRT2 / 1000, y + Math.PI / 1000]),
  { minLength: 6, maxLength: 6 },
);

/** The triangles of a patch that lie under a place, with their depths. */
const hits = (patch: Patch, projection: Projection, at: Place): number[] =>
  patch.triangles.flatMap((polygon) =>
    // A triangle that was cut open is a fan of triangles.
    polygon.slice(1, -1).flatMap((_, k) => {
      const depth = depthAt([polygon[0]!, polygon[k + 1]!, polygon[k + 2]!], projection, at);
      return depth === undefined ? [] : [depth];
    }),
  );

describe('a surface in space', () => {
  it('shows at every place the patch that is nearest to the viewer', () => {
    fc.assert(
      fc.property(fields, views, places, (field, view, spots) => {
        const projection = projectionOf(view);
        const list = patches(field, projection);
        for (const at of spots) {
          const depths = list.map((patch) => hits(patch, projection, at));
          const painted = depths.findLastIndex((d) => d.length > 0);
          if (painted < 0) continue;
          const nearest = Math.max(...depths.flat());
          // Neighbours share their border: equal up to rounding.
          expect(Math.max(...depths[painted]!)).toBeGreaterThanOrEqual(nearest - 1e-9);
        }
      }),
      { seed: 11, numRuns: 1500 },
    );
  });

  it('fills exactly what its triangles cover, also where a cell is folded over itself', () => {
    fc.assert(
      fc.property(fields, views, places, (field, view, spots) => {
        const projection = projectionOf(view);
        for (const patch of patches(field, projection)) {
          const filled = outlines(patch, projection);
          for (const at of spots)
            expect(filled.some((outline) => inside(outline, at))).toBe(
              hits(patch, projection, at).length > 0,
            );
        }
      }),
      { seed: 13, numRuns: 400 },
    );
  });

  it('paints the farther of the two triangles of a cell first', () => {
    fc.assert(
      fc.property(fields, views, places, (field, view, spots) => {
        const projection = projectionOf(view);
        for (const patch of patches(field, projection)) {
          if (patch.triangles.length < 2) continue;
          for (const at of spots) {
            const [first, second] = patch.triangles.map((triangle) =>
              hits({ ...patch, triangles: [triangle] }, projection, at),
            );
            if (first!.length > 0 && second!.length > 0)
              expect(Math.max(...second!)).toBeGreaterThanOrEqual(Math.max(...first!) - 1e-9);
          }
        }
      }),
      { seed: 17, numRuns: 300 },
    );
  });

  it('ends at the ceiling and has holes where there are no samples', () => {
    const field: HeightField = { x: [0, 0.5, 1], y: [0, 0.5, 1], z: [0, 0, 0, 0, 2, 0, 0, 0, null] };
    const list = patches(field, projectionOf({ azimuth: -60, elevation: 30 }));
    expect(list).toHaveLength(3);
    for (const [, , z] of list.flatMap((p) => p.triangles.flat())) expect(z).toBeLessThanOrEqual(1);
    for (const patch of list) {
      expect(patch.corners).toBeNull();
      expect(patch.height).toBeGreaterThan(0);
      expect(patch.height).toBeLessThan(1);
    }
  });

  it('keeps equal heights equal on the page: the projection is orthographic', () => {
    const { project } = projectionOf({ azimuth: 25, elevation: 40 });
    const rise = (x: number, y: number): number => project([x, y, 0])[1] - project([x, y, 1])[1];
    expect(rise(0, 0)).toBeCloseTo(rise(1, 0.3), 12);
    expect(rise(0, 0)).toBeCloseTo(cubeHeight * Math.cos((40 * Math.PI) / 180), 12);
  });
});
