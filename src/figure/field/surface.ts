import type { RuleRole, SurfaceMark } from '../figure.ts';
import type { Scale } from '../scale.ts';
import { numberText } from '../scale.ts';
import { type Box, circle, type Item, line, number, rectangle } from '../scene.ts';
import { ink, mapColour, ruleStroke, sizes } from '../style.ts';
import type { Measure } from '../typography.ts';
import { type Bands, capped, shownValues } from './bands.ts';
import { type Grid, type IndexPoint, isolines, regions } from './contour.ts';
import { type LabelledLine, labelLines, type Place } from './line-labels.ts';

/** Fills and lines of values over a plane, to be clipped to the frame. */
export function drawSurface(
  mark: SurfaceMark,
  bands: Bands,
  frame: Box,
  x: Scale,
  y: Scale,
  measure: Measure,
  /** Places that the numbers of contour lines must not hide. */
  avoid: readonly Place[],
): Item[] {
  const [nx, ny] = [mark.x.length, mark.y.length];
  if (shownValues(mark).length === 0 || nx < 2 || ny < 2) return [];
  const toPage = ([u, v]: IndexPoint): Place => [
    frame.x + x.at(between(mark.x, u)) * frame.width,
    frame.y + frame.height * (1 - y.at(between(mark.y, v))),
  ];
  const points = pointsInFrame(mark, frame, x, y).map(({ place }) => place);
  return [
    ...(mark.form === 'heat'
      ? drawCells(mark, bands, toPage)
      : mark.form === 'filled'
        ? drawFills(gridOf(mark, bands), bands, frame, toPage)
        : drawLines(mark, bands, frame, toPage, [...points, ...avoid], measure)),
    ...drawHoles(mark, toPage),
  ];
}

/** The marked points, which are not to be clipped: one on the frame's edge is shown whole. */
export function drawMarkedPoints(mark: SurfaceMark, frame: Box, x: Scale, y: Scale): Item[] {
  return pointsInFrame(mark, frame, x, y).map(
    ({ place: [left, top], role }): Item => ({
      type: 'path',
      d: circle(left, top, 1.9),
      fill: ruleStroke[role].stroke,
      stroke: ink.paper,
      width: 0.7,
    }),
  );
}

function pointsInFrame(
  { points }: SurfaceMark,
  frame: Box,
  x: Scale,
  y: Scale,
): { readonly role: RuleRole; readonly place: Place }[] {
  return points.flatMap((point) => {
    const [across, up] = [x.at(point.x), y.at(point.y)];
    if (!(across >= 0 && across <= 1 && up >= 0 && up <= 1)) return [];
    return [
      {
        role: point.role,
        place: [frame.x + across * frame.width, frame.y + frame.height * (1 - up)] as const,
      },
    ];
  });
}

type ToPage = (at: IndexPoint) => Place;

/**
 * On the scale of the colours, so that interpolation between samples is straight there. A hole takes the mean of its
 * neighbours: it is painted over, but the contours around it must not be drawn towards a made-up height.
 */
function gridOf(mark: SurfaceMark, bands: Bands): Grid {
  const [nx, ny] = [mark.x.length, mark.y.length];
  const values = mark.values.map((_, k) => {
    const [i, j] = [Math.floor(k / ny), k % ny];
    return shareAt(mark, bands, i, j) ?? around(mark, bands, i, j);
  });
  return { nx, ny, values };
}

function drawFills(grid: Grid, bands: Bands, frame: Box, toPage: ToPage): Item[] {
  const items: Item[] = [{ type: 'path', d: rectangle(frame), fill: bands.colours[0]! }];
  const inner = bands.edges.slice(1, -1).map((edge) => bands.scale.at(edge));
  inner.forEach((level, i) => {
    const d = regions(grid, level)
      .map((ring) => line(ring.map(toPage), true))
      .join('');
    if (d !== '') items.push({ type: 'path', d, fill: bands.colours[i + 1]! });
  });
  const lines = inner
    .flatMap((level) => isolines(grid, level))
    .map(({ points, closed }) => line(points.map(toPage), closed))
    .join('');
  if (lines !== '') items.push({ type: 'path', d: lines, stroke: ink.paper, width: 0.35 });
  return items;
}

/** Lines in the colours of their levels, each level's longest line interrupted by its number. */
function drawLines(
  mark: SurfaceMark,
  bands: Bands,
  frame: Box,
  toPage: ToPage,
  avoid: readonly Place[],
  measure: Measure,
): Item[] {
  const grid = gridOf(mark, bands);
  const lines = bands.edges.flatMap((edge): LabelledLine[] => {
    const level = bands.scale.at(edge);
    return isolines(grid, level).map(({ points, closed }) => ({
      points: closed ? [...points, points[0]!].map(toPage) : points.map(toPage),
      text: numberText(edge),
      // The palest fifth of a map cannot be seen as a line on paper.
      colour: mapColour(mark.map, 0.8 * level),
    }));
  });
  const { strokes, labels } = labelLines(lines, frame, avoid, sizes.small, measure);
  return [
    ...strokes.map(
      ({ points, colour }): Item => ({ type: 'path', d: line(points), stroke: colour, width: 0.8 }),
    ),
    ...labels,
  ];
}

/** A rectangle a sample, reaching half way to its neighbours and clipped at the grid's border. */
function drawCells(mark: SurfaceMark, bands: Bands, toPage: ToPage): Item[] {
  const [nx, ny] = [mark.x.length, mark.y.length];
  const cells = new Map<string, string[]>();
  for (let i = 0; i < nx; i++)
    for (let j = 0; j < ny; j++) {
      const share = shareAt(mark, bands, i, j);
      if (share === undefined) continue;
      // In as many steps as the bar has, so that equal colours share a path.
      const step = Math.min(bands.colours.length - 1, Math.floor(share * bands.colours.length));
      const fill = bands.colours[Math.max(0, step)]!;
      cells.set(fill, [...(cells.get(fill) ?? []), cell(i, j, nx, ny, toPage)]);
    }
  return [...cells].map(([fill, parts]) => ({
    type: 'path',
    d: parts.join(''),
    fill,
    // As wide as a seam of paper between two fills would be.
    stroke: fill,
    width: 0.2,
  }));
}

function cell(i: number, j: number, nx: number, ny: number, toPage: ToPage): string {
  const inside = (at: number, n: number): number => Math.min(n - 1, Math.max(0, at));
  const [x0, y0] = toPage([inside(i - 0.5, nx), inside(j - 0.5, ny)]);
  const [x1, y1] = toPage([inside(i + 0.5, nx), inside(j + 0.5, ny)]);
  return `M${number(x0)} ${number(y0)}H${number(x1)}V${number(y1)}H${number(x0)}Z`;
}

/** A sample's place on the colours' scale; undefined where it is not finite. Zero on a log scale is the lowest. */
function shareAt(mark: SurfaceMark, bands: Bands, i: number, j: number): number | undefined {
  const inside = i >= 0 && j >= 0 && i < mark.x.length && j < mark.y.length;
  const value = inside ? (mark.values[i * mark.y.length + j] ?? null) : null;
  if (value === null) return undefined;
  const share = bands.scale.at(capped(mark.cap, value));
  return Number.isFinite(share) ? share : 0;
}

function around(mark: SurfaceMark, bands: Bands, i: number, j: number): number {
  const near = [-1, 0, 1]
    .flatMap((a) => [-1, 0, 1].map((b) => shareAt(mark, bands, i + a, j + b)))
    .filter((share) => share !== undefined);
  return near.length === 0 ? 0 : near.reduce((a, b) => a + b) / near.length;
}

/** Cells around samples that are not finite: grey, crossed out. */
function drawHoles(mark: SurfaceMark, toPage: ToPage): Item[] {
  const [nx, ny] = [mark.x.length, mark.y.length];
  const cells: string[] = [];
  const crosses: string[] = [];
  mark.values.forEach((value, k) => {
    if (value !== null) return;
    const [i, j] = [Math.floor(k / ny), k % ny];
    cells.push(cell(i, j, nx, ny, toPage));
    const inside = (at: number, n: number): number => Math.min(n - 1, Math.max(0, at));
    const [x0, y0] = toPage([inside(i - 0.5, nx), inside(j - 0.5, ny)]);
    const [x1, y1] = toPage([inside(i + 0.5, nx), inside(j + 0.5, ny)]);
    crosses.push(
      line([
        [x0, y0],
        [x1, y1],
      ]),
      line([
        [x0, y1],
        [x1, y0],
      ]),
    );
  });
  if (cells.length === 0) return [];
  return [
    { type: 'path', d: cells.join(''), fill: '#d9d9d9' },
    { type: 'path', d: crosses.join(''), stroke: '#8c8c8c', width: 0.35 },
  ];
}

/** The value at a fractional index. */
function between(values: readonly number[], index: number): number {
  const i = Math.min(values.length - 2, Math.max(0, Math.floor(index)));
  return values[i]! + (index - i) * (values[i + 1]! - values[i]!);
}
