/**
 * A surface over a grid as polygons in the order in which they are painted: each hides what lies behind it.
 *
 * The order is exact, not a sort by mean depth. Two cells of the grid are separated by an upright plane x = const or
 * y = const, and what lies on the viewer's side of a plane is never hidden by what lies on the other; so cells are
 * painted row by row from the far end of both axes. The two triangles of a cell are separated by the upright plane
 * through their diagonal in the same way. (Newell, Newell and Sancha 1972 need their tests for general polygons.)
 */
import type { Place, Point3, Projection } from './projection.ts';

export interface Patch {
  readonly i: number;
  readonly j: number;
  /** Triangles of the cell, cut off at the cap; corners in the cube. The farther one first. */
  readonly triangles: readonly (readonly Point3[])[];
  /** The cell's four corners in order, where nothing of it is cut off. */
  readonly corners: readonly Point3[] | null;
  /** Mean height of what is shown, from 0 to 1: what the colour shows. */
  readonly height: number;
  /** How squarely the cell faces the light, 0 to 1. */
  readonly light: number;
  /** Pieces of the sample lines that this cell borders and that are not hidden by earlier cells. */
  readonly edges: readonly (readonly [Point3, Point3])[];
}

export interface HeightField {
  /** Places of the samples in [0, 1], ascending. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** `z[i * y.length + j]`: 0 on the floor, 1 at the ceiling and beyond; null where there is none. */
  readonly z: readonly (number | null)[];
}

/** Every `n`th sample line is drawn, so that about two dozen remain. */
const meshStride = (samples: number): number => Math.max(1, Math.ceil((samples - 1) / 24));

/** Painting order of the indices 0 … n-1 along an axis: the far end first. */
const inward = (n: number, towards: number): number[] => {
  const order = Array.from({ length: n }, (_, k) => k);
  return towards >= 0 ? order : order.reverse();
};

export function patches(field: HeightField, { towards }: Projection): Patch[] {
  const { x, y, z } = field;
  const [nx, ny] = [x.length, y.length];
  const at = (i: number, j: number): Point3 | null => {
    const height = z[i * ny + j] ?? null;
    return height === null ? null : [x[i]!, y[j]!, height];
  };
  const [strideX, strideY] = [meshStride(nx), meshStride(ny)];
  const list: Patch[] = [];
  for (const i of inward(nx - 1, towards[0])) {
    for (const j of inward(ny - 1, towards[1])) {
      const corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
      if (corners.some((c) => c === null)) continue;
      const [a, b, c, d] = corners as [Point3, Point3, Point3, Point3];
      const triangles = split(a, b, c, d, towards)
        .map((triangle) => below(triangle))
        .filter((polygon) => polygon.length > 2);
      if (triangles.length === 0) continue;
      const whole = [a, b, c, d].every((p) => p[2] <= 1);
      const shown = whole ? [a, b, c, d] : triangles.flat();
      const height = shown.reduce((sum, p) => sum + p[2], 0) / shown.length;
      list.push({
        i,
        j,
        triangles,
        corners: whole ? [a, b, c, d] : null,
        height,
        light: lightOn(a, b, c, d),
        edges: edgesOf([a, b, c, d], i, j, nx, ny, strideX, strideY, towards),
      });
    }
  }
  return list;
}

/** Along the diagonal whose ends differ less in height; the triangle away from the viewer first. */
function split(a: Point3, b: Point3, c: Point3, d: Point3, towards: Point3): readonly (readonly Point3[])[] {
  if (Math.abs(a[2] - c[2]) <= Math.abs(b[2] - d[2])) {
    // The diagonal a-c; b lies on the side of (dy, -dx) of its direction (dx, dy).
    const side = towards[0] * (c[1] - a[1]) - towards[1] * (c[0] - a[0]);
    const [right, left] = [
      [a, b, c],
      [a, c, d],
    ] as const;
    return side >= 0 ? [left, right] : [right, left];
  }
  const side = towards[0] * (d[1] - b[1]) - towards[1] * (d[0] - b[0]);
  const [right, left] = [
    [b, c, d],
    [b, d, a],
  ] as const;
  return side >= 0 ? [left, right] : [right, left];
}

/** The part of a polygon at or below the ceiling (Sutherland and Hodgman 1974). */
function below(polygon: readonly Point3[]): Point3[] {
  if (polygon.every((p) => p[2] <= 1)) return [...polygon];
  return polygon.flatMap((to, k): Point3[] => {
    const from = polygon[(k + polygon.length - 1) % polygon.length]!;
    const crossing = from[2] <= 1 !== to[2] <= 1 ? [atCeiling(from, to)] : [];
    return to[2] <= 1 ? [...crossing, to] : crossing;
  });
}

function atCeiling(a: Point3, b: Point3): Point3 {
  const t = (1 - a[2]) / (b[2] - a[2]);
  return [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), 1];
}

/** From the upper left of the viewer's back, so that slopes in both directions are told apart. */
const lamp: Point3 = [-0.42, 0.28, 0.86];

function lightOn(a: Point3, b: Point3, c: Point3, d: Point3): number {
  const [u, v] = [
    [c[0] - a[0], c[1] - a[1], c[2] - a[2]],
    [d[0] - b[0], d[1] - b[1], d[2] - b[2]],
  ] as const;
  const normal = [
    u[1]! * v[2]! - u[2]! * v[1]!,
    u[2]! * v[0]! - u[0]! * v[2]!,
    u[0]! * v[1]! - u[1]! * v[0]!,
  ] as const;
  const size = Math.hypot(...normal);
  return size === 0 ? 0 : Math.abs(normal[0] * lamp[0] + normal[1] * lamp[1] + normal[2] * lamp[2]) / size;
}

/**
 * Of the cell's four sides those that are sample lines: the far ones, which earlier cells share, and the near ones at
 * the border of the grid. A line is drawn with the nearer of its two cells, so that neither fill covers half of it.
 */
function edgesOf(
  [a, b, c, d]: readonly [Point3, Point3, Point3, Point3],
  i: number,
  j: number,
  nx: number,
  ny: number,
  strideX: number,
  strideY: number,
  towards: Point3,
): [Point3, Point3][] {
  const [nearX, nearY] = [towards[0] >= 0, towards[1] >= 0];
  const edges: [Point3, Point3][] = [];
  const side = (k: number, stride: number, n: number, first: boolean, near: boolean): boolean => {
    const border = k === 0 || k === n - 1;
    if (!border && k % stride !== 0) return false;
    // `first`: the side with the smaller index; it is the far one where the viewer is at the other end.
    return first === near || border;
  };
  if (side(i, strideX, nx, true, nearX)) edges.push([a, d]);
  if (side(i + 1, strideX, nx, false, nearX)) edges.push([b, c]);
  if (side(j, strideY, ny, true, nearY)) edges.push([a, b]);
  if (side(j + 1, strideY, ny, false, nearY)) edges.push([d, c]);
  return edges.flatMap(([from, to]): [Point3, Point3][] => {
    if (from[2] > 1 && to[2] > 1) return [];
    if (from[2] > 1) return [[atCeiling(from, to), to]];
    if (to[2] > 1) return [[from, atCeiling(from, to)]];
    return [[from, to]];
  });
}

/**
 * The outlines of a patch on the page, to be filled by the non-zero rule: of a cell whose triangles turn the same way
 * the outline of the whole, else each triangle, turned the same way so that they never cancel where they overlap.
 */
export function outlines({ corners, triangles }: Patch, { project }: Pick<Projection, 'project'>): Place[][] {
  const placed = triangles.map((triangle) => triangle.map(project));
  const areas = placed.map(area);
  if (corners && areas.every((one) => one > 0 === areas[0]! > 0)) return [corners.map(project)];
  return placed.map((places, k) => (areas[k]! < 0 ? places.reverse() : places));
}

/** Twice the signed area. */
const area = (places: readonly Place[]): number =>
  places.reduce((sum, [x, y], k) => {
    const [nextX, nextY] = places[(k + 1) % places.length]!;
    return sum + x * nextY - nextX * y;
  }, 0);
