import type { SpacePanel, View } from '../figure.ts';
import { plainText } from '../math-text.ts';
import { patches } from '../space/hidden.ts';
import { type Place, type Point3, projectionOf } from '../space/projection.ts';
import type { SpaceScene } from '../space/surface.ts';
import { type Found, reach, say } from './found.ts';

/**
 * The sample that is nearest among the corners of the cell under the pointer, which hides all cells behind it; beside the
 * surface the nearest of all.
 */
export function findInSpace(
  panel: SpacePanel,
  { field, centre, unit }: SpaceScene,
  view: View,
  at: Place,
): Found | undefined {
  const projection = projectionOf(view);
  const toPage = (point: Point3): Place => {
    const [x, y] = projection.project(point);
    return [centre[0] + x * unit, centre[1] + y * unit];
  };
  const rows = field.y.length;
  // Cells are in the order in which they are painted.
  const cell = patches(field, projection).findLast(({ triangles }) =>
    triangles.some((triangle) => isInside(at, triangle.map(toPage))),
  );
  const samples = cell
    ? [0, 1].flatMap((i) => [0, 1].map((j) => (cell.i + i) * rows + cell.j + j))
    : field.z.keys();
  let best: { k: number; distance: number; spot: Place } | undefined;
  for (const k of samples) {
    const z = field.z[k] ?? null;
    if (z === null || z > 1) continue;
    const spot = toPage([field.x[Math.floor(k / rows)]!, field.y[k % rows]!, z]);
    const distance = Math.hypot(spot[0] - at[0], spot[1] - at[1]);
    if ((cell || distance <= reach) && !(best && distance >= best.distance)) best = { k, distance, spot };
  }
  if (!best) return undefined;
  const { surface } = panel;
  const [i, j] = [Math.floor(best.k / rows), best.k % rows];
  return {
    lines: [
      `${plainText(panel.x.label)} = ${say(surface.x[i]!)}, ${plainText(panel.y.label)} = ${say(surface.y[j]!)}`,
      `${plainText(panel.z.label)} = ${say(surface.values[best.k]!)}`,
    ],
    source: surface.source,
    at: best.spot,
  };
}

/** Whether a point lies inside a convex polygon, or on its edge. */
function isInside([x, y]: Place, polygon: readonly Place[]): boolean {
  const sides = polygon.map(([x0, y0], k) => {
    const [x1, y1] = polygon[(k + 1) % polygon.length]!;
    return (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0);
  });
  return sides.every((side) => side >= 0) || sides.every((side) => side <= 0);
}
