import type { SpacePanel, View } from '../figure.ts';
import { patches } from '../space/hidden.ts';
import { type Point3, projectionOf } from '../space/projection.ts';
import type { SpaceScene } from '../space/surface.ts';
import { type Found, reach } from './found.ts';
import { linesOf, type Place, type Readable } from './samples.ts';

/** The samples of a surface in space, as it is turned. Those that something hides are among them. */
export function readableInSpace(panel: SpacePanel, scene: SpaceScene, view: View): Readable {
  const { surface, x, y, z } = panel;
  const { field } = scene;
  const rows = field.y.length;
  const toPage = pageOf(scene, view);
  return {
    mark: 0,
    count: field.z.length,
    rows,
    sample: (k) => {
      const [i, j] = [Math.floor(k / rows), k % rows];
      // The surface is cut open above 1; what is not finite is told at the height where it would leave the box.
      const at = toPage([field.x[i]!, field.y[j]!, Math.min(1, field.z[k] ?? 1)]);
      return {
        at,
        distance: (pointer) => Math.hypot(at[0] - pointer[0], at[1] - pointer[1]),
        found: () => ({
          lines: linesOf({ x, y }, z.label, surface.x[i]!, surface.y[j]!, surface.values[k]),
          source: surface.source,
          at,
        }),
      };
    },
  };
}

/**
 * The sample that is nearest among the corners of the cell under the pointer, which hides all cells behind it; beside the
 * surface the nearest of all.
 */
export function findInSpace(
  panel: SpacePanel,
  scene: SpaceScene,
  view: View,
  pointer: Place,
): Found | undefined {
  const { field } = scene;
  const toPage = pageOf(scene, view);
  const { count, rows, sample } = readableInSpace(panel, scene, view);
  // Cells are in the order in which they are painted.
  const cell = patches(field, projectionOf(view)).findLast(({ triangles }) =>
    triangles.some((triangle) => isInside(pointer, triangle.map(toPage))),
  );
  const samples = cell
    ? [0, 1].flatMap((i) => [0, 1].map((j) => (cell.i + i) * rows! + cell.j + j))
    : Array.from({ length: count }, (_, k) => k);
  let best: { readonly k: number; readonly distance: number } | undefined;
  for (const k of samples) {
    const z = field.z[k] ?? null;
    if (z === null || z > 1) continue;
    const distance = sample(k)!.distance(pointer)!;
    if ((cell || distance <= reach) && !(best && distance >= best.distance)) best = { k, distance };
  }
  return best && sample(best.k)!.found();
}

const pageOf = ({ centre, unit }: SpaceScene, view: View): ((point: Point3) => Place) => {
  const { project } = projectionOf(view);
  return (point) => {
    const [x, y] = project(point);
    return [centre[0] + x * unit, centre[1] + y * unit];
  };
};

/** Whether a point lies inside a convex polygon, or on its edge. */
function isInside([x, y]: Place, polygon: readonly Place[]): boolean {
  const sides = polygon.map(([x0, y0], k) => {
    const [x1, y1] = polygon[(k + 1) % polygon.length]!;
    return (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0);
  });
  return sides.every((side) => side >= 0) || sides.every((side) => side <= 0);
}
