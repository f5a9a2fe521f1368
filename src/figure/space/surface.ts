/**
 * A surface in space as a scene. Used twice: for files, and by the interactive form in a browser, which draws it anew
 * as the reader turns it; so nothing here reads font files.
 */
import type { SpacePanel, View } from '../figure.ts';
import { domainOf, type Scale, scaleOf } from '../scale.ts';
import { type Box, circle, type Item, line, number } from '../scene.ts';
import { ink, mapColour, ruleStroke, shaded } from '../style.ts';
import type { Measure } from '../typography.ts';
import { type Box3, drawBox, type ToPage, textCorners } from './box.ts';
import { type HeightField, outlines, type Patch, patches } from './hidden.ts';
import { type Place, type Point3, type Projection, projectionOf } from './projection.ts';

/** A panel's scales and the part of the page that it fills. */
export interface SpaceScene {
  readonly axes: { readonly x: Scale; readonly y: Scale; readonly z: Scale };
  readonly field: HeightField;
  /** Of the middle of the floor, and the length of a floor's edge, in points of the page. */
  readonly centre: Place;
  readonly unit: number;
}

/** The largest scale at which box and numbers stay inside the frame for the panel's view. */
export function fitSpaceScene(panel: SpacePanel, frame: Box, measure: Measure): SpaceScene {
  const axes = axesOf(panel);
  const field = fieldOf(panel, axes);
  const extentAt = (unit: number): Box => {
    const drawn = boxOf(panel, { axes, field, centre: [0, 0], unit }, panel.view, measure);
    return extent(drawn, toPageOf(projectionOf(panel.view), [0, 0], unit), measure);
  };
  let [low, high] = [1, Math.max(frame.width, frame.height) * 2];
  // To half a point.
  while (high - low > 0.5) {
    const middle = (low + high) / 2;
    const { width, height } = extentAt(middle);
    if (width <= frame.width && height <= frame.height) low = middle;
    else high = middle;
  }
  const { x, y, width, height } = extentAt(low);
  const centre: Place = [frame.x + (frame.width - width) / 2 - x, frame.y + (frame.height - height) / 2 - y];
  return { axes, field, centre, unit: low };
}

/** The panel drawn as from `view`; left out, from its own. */
export function drawSpace(
  panel: SpacePanel,
  scene: SpaceScene,
  measure: Measure,
  view: View = panel.view,
): Item[] {
  const projection = projectionOf(view);
  const toPage = toPageOf(projection, scene.centre, scene.unit);
  const box = boxOf(panel, scene, view, measure);
  const inPage: Projection = { ...projection, project: toPage };
  const cells = patches(scene.field, projection);
  const marks = markedPoints(panel, scene, projection, cells);
  const surface = cells.flatMap((patch, k): Item[] => [
    ...drawPatch(patch, panel, inPage),
    ...(marks.get(k) ?? []).map(({ place, colour }): Item => {
      const [x, y] = toPage(place);
      return { type: 'path', d: circle(x, y, 1.9), fill: colour, stroke: ink.paper, width: 0.7 };
    }),
  ]);
  return [...box.back, ...box.ticks, { type: 'group', name: 'surface', items: surface }, ...box.texts];
}

function axesOf(panel: SpacePanel): SpaceScene['axes'] {
  const { surface, x, y, z } = panel;
  const { cap } = surface;
  const finite = surface.values.filter((v): v is number => v !== null);
  const shown = finite.map((v) => (cap === undefined ? v : Math.min(v, cap)));
  const zDomain =
    z.domain ?? domainOf(z.scale, [...shown, ...(z.include ?? [])], cap === undefined ? 0.02 : 0);
  return {
    x: scaleOf('linear', x.domain ?? ends(surface.x)),
    y: scaleOf('linear', y.domain ?? ends(surface.y)),
    z: scaleOf(z.scale, zDomain),
  };
}

const ends = (values: readonly number[]): readonly [number, number] => [values[0]!, values.at(-1)!];

function fieldOf({ surface }: SpacePanel, axes: SpaceScene['axes']): HeightField {
  return {
    x: surface.x.map((v) => axes.x.at(v)),
    y: surface.y.map((v) => axes.y.at(v)),
    z: surface.values.map((v) => {
      if (v === null) return null;
      const share = axes.z.at(v);
      // Zero on a log scale lies on the floor.
      return Number.isFinite(share) ? Math.min(50, Math.max(0, share)) : 0;
    }),
  };
}

const toPageOf =
  ({ project }: Projection, [cx, cy]: Place, unit: number): ToPage =>
  (point) => {
    const [x, y] = project(point);
    return [cx + x * unit, cy + y * unit];
  };

function boxOf(panel: SpacePanel, scene: SpaceScene, view: View, measure: Measure): Box3 {
  const projection = projectionOf(view);
  return drawBox(
    [
      { scale: scene.axes.x, label: panel.x.label },
      { scale: scene.axes.y, label: panel.y.label },
      { scale: scene.axes.z, label: panel.z.label },
    ],
    projection,
    toPageOf(projection, scene.centre, scene.unit),
    measure,
  );
}

const corners: readonly Point3[] = [0, 1].flatMap((x) =>
  [0, 1].flatMap((y) => [0, 1].map((z): Point3 => [x, y, z])),
);

/** What box and texts cover of the page. */
function extent(box: Box3, toPage: ToPage, measure: Measure): Box {
  const places = [...corners.map(toPage), ...box.texts.flatMap((text) => textCorners(text, measure))];
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

const tooDark = 0.62;

function drawPatch(patch: Patch, panel: SpacePanel, projection: Projection): Item[] {
  const colour = shaded(mapColour(panel.surface.map, patch.height), tooDark + (1 - tooDark) * patch.light);
  const d = outlines(patch, projection)
    .map((places) => line(places, true))
    .join('');
  const edges = patch.edges
    .map(([from, to]) => {
      const [[x0, y0], [x1, y1]] = [projection.project(from), projection.project(to)];
      return `M${number(x0)} ${number(y0)}L${number(x1)} ${number(y1)}`;
    })
    .join('');
  return [
    // A stroke of the same colour closes the seam that two fills leave between them.
    { type: 'path', d, fill: colour, stroke: colour, width: 0.25 },
    ...(edges === '' ? [] : [{ type: 'path', d: edges, stroke: '#000000', width: 0.18 } as const]),
  ];
}

interface Marked {
  readonly place: Point3;
  readonly colour: string;
}

/** Marked points by the number of the patch after which they are painted: the nearest one that touches them. */
function markedPoints(
  { surface }: SpacePanel,
  { axes, field }: SpaceScene,
  { towards }: Projection,
  cells: readonly Patch[],
): Map<number, Marked[]> {
  const found = new Map<number, Marked[]>();
  for (const point of surface.points) {
    const [sx, sy] = [axes.x.at(point.x), axes.y.at(point.y)];
    if (!(sx >= 0 && sx <= 1 && sy >= 0 && sy <= 1)) continue;
    const i = cellAt(field.x, sx, towards[0]);
    const j = cellAt(field.y, sy, towards[1]);
    const height = heightAt(field, i, j, sx, sy);
    const k = cells.findIndex((patch) => patch.i === i && patch.j === j);
    if (height === undefined || height > 1 || k < 0) continue;
    const marked = { place: [sx, sy, height] as const, colour: ruleStroke[point.role].stroke };
    found.set(k, [...(found.get(k) ?? []), marked]);
  }
  return found;
}

/** The cell that holds a place; of two that touch it, the one nearer to the viewer. */
function cellAt(samples: readonly number[], at: number, towards: number): number {
  const last = samples.length - 2;
  const above = samples.findIndex((s) => s > at + 1e-9);
  const i = above < 0 ? last : above - 1;
  const onLine = Math.abs(samples[i]! - at) < 1e-9;
  return Math.min(last, Math.max(0, onLine && towards < 0 ? i - 1 : i));
}

function heightAt(
  { x, y, z }: HeightField,
  i: number,
  j: number,
  sx: number,
  sy: number,
): number | undefined {
  const s = (sx - x[i]!) / (x[i + 1]! - x[i]!);
  const t = (sy - y[j]!) / (y[j + 1]! - y[j]!);
  let sum = 0;
  for (const [a, b, weight] of [
    [0, 0, (1 - s) * (1 - t)],
    [1, 0, s * (1 - t)],
    [1, 1, s * t],
    [0, 1, (1 - s) * t],
  ] as const) {
    if (Math.abs(weight) < 1e-12) continue;
    const height = z[(i + a) * y.length + j + b];
    if (height === null || height === undefined) return undefined;
    sum += weight * height;
  }
  return sum;
}
