import { ticks } from 'd3-array';
import { contours } from 'd3-contour';
import type { SurfaceMark } from './figure.ts';
import { domainOf, numberText, type Scale, scaleOf } from './scale.ts';
import { type Box, circle, type Item, line, number, rectangle } from './scene.ts';
import { ink, mapColour, ruleStroke } from './style.ts';

/** The bands of a filled contour plot: `edges[i]` to `edges[i + 1]` is painted in `colours[i]`. */
export interface Bands {
  readonly edges: readonly number[];
  readonly colours: readonly string[];
  /** Bar from 0 to 1 on the scale of the values. */
  readonly scale: Scale;
}

/** Round levels between the smallest and the largest value, about a dozen bands. */
export function bandsOf(mark: SurfaceMark): Bands {
  const shown = finite(mark);
  const [low, high] = domainOf(mark.scale, shown, 0);
  const wanted = 12;
  const inner = mark.scale === 'log' ? logLevels(low, high, wanted) : ticks(low, high, wanted);
  const step = inner.length > 1 ? inner[1]! - inner[0]! : 0;
  // On a linear scale the outer bands are as wide as the others; on a log scale they end at the values themselves.
  const whole = mark.scale === 'linear' && step > 0;
  const edges = [...inner];
  if (edges.length === 0 || edges[0]! > low) edges.unshift(whole ? edges[0]! - step : low);
  if (edges.length < 2 || edges.at(-1)! < high) edges.push(whole ? edges.at(-1)! + step : high);
  const scale = scaleOf(mark.scale, [edges[0]!, edges.at(-1)!]);
  const colours = edges
    .slice(1)
    .map((edge, i) => mapColour(mark.map, (scale.at(edges[i]!) + scale.at(edge)) / 2));
  return { edges, colours, scale };
}

function logLevels(low: number, high: number, wanted: number): number[] {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  const sets = [[1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]];
  for (const set of sets) {
    const levels: number[] = [];
    for (let k = Math.floor(a); k <= b; k++)
      levels.push(...set.map((m) => m * 10 ** k).filter((v) => v >= low && v <= high));
    if (levels.length <= wanted + 4) return levels;
  }
  const every = Math.ceil((b - a) / wanted);
  return ticks(Math.ceil(a / every), Math.floor(b / every), wanted).map((k) => 10 ** (k * every));
}

const capped = (mark: SurfaceMark, value: number): number =>
  mark.cap === undefined ? value : Math.min(value, mark.cap);

function finite(mark: SurfaceMark): number[] {
  return mark.values.filter((v): v is number => v !== null).map((v) => capped(mark, v));
}

/** Fills, lines and marked points, to be clipped to the frame. */
export function drawSurface(mark: SurfaceMark, bands: Bands, frame: Box, x: Scale, y: Scale): Item[] {
  const [nx, ny] = [mark.x.length, mark.y.length];
  const items: Item[] = [];
  if (finite(mark).length === 0 || nx < 2 || ny < 2) return items;
  // On the scale of the colours, so that interpolation between samples is straight there. A hole takes the mean of
  // its neighbours: it is painted over, but the contours around it must not be drawn towards a made-up height.
  const grid = new Array<number>(nx * ny);
  for (let i = 0; i < nx; i++)
    for (let j = 0; j < ny; j++) {
      grid[j * nx + i] = shareAt(mark, bands, i, j) ?? around(mark, bands, i, j);
    }
  const toX = (index: number): number => frame.x + x.at(between(mark.x, index - 0.5)) * frame.width;
  const toY = (index: number): number => frame.y + frame.height * (1 - y.at(between(mark.y, index - 0.5)));
  const levels = bands.edges.slice(0, -1).map((edge) => bands.scale.at(edge));
  const shapes = contours().size([nx, ny]).smooth(true).thresholds(levels.slice(1))(grid);
  items.push({ type: 'path', d: rectangle(frame), fill: bands.colours[0]! });
  const drawn = shapes.map((shape) =>
    shape.coordinates
      .flatMap((polygon) =>
        polygon.map((ring) =>
          line(
            ring.slice(0, -1).map((p) => [toX(p[0]!), toY(p[1]!)]),
            true,
          ),
        ),
      )
      .join(''),
  );
  drawn.forEach((d, i) => {
    if (d !== '') items.push({ type: 'path', d, fill: bands.colours[i + 1]! });
  });
  const lines = drawn.join('');
  if (mark.lines && lines !== '') items.push({ type: 'path', d: lines, stroke: '#ffffff', width: 0.35 });
  items.push(...drawHoles(mark, frame, x, y));
  for (const point of mark.points)
    items.push({
      type: 'path',
      d: circle(frame.x + x.at(point.x) * frame.width, frame.y + frame.height * (1 - y.at(point.y)), 1.9),
      fill: ruleStroke[point.role].stroke,
      stroke: ink.paper,
      width: 0.7,
    });
  return items;
}

/** A sample's place on the colours' scale; undefined where it is not finite. Zero on a log scale is the lowest. */
function shareAt(mark: SurfaceMark, bands: Bands, i: number, j: number): number | undefined {
  const inside = i >= 0 && j >= 0 && i < mark.x.length && j < mark.y.length;
  const value = inside ? (mark.values[i * mark.y.length + j] ?? null) : null;
  if (value === null) return undefined;
  const share = bands.scale.at(capped(mark, value));
  return Number.isFinite(share) ? share : 0;
}

function around(mark: SurfaceMark, bands: Bands, i: number, j: number): number {
  const near = [-1, 0, 1]
    .flatMap((a) => [-1, 0, 1].map((b) => shareAt(mark, bands, i + a, j + b)))
    .filter((share) => share !== undefined);
  return near.length === 0 ? 0 : near.reduce((a, b) => a + b) / near.length;
}

/** Cells around samples that are not finite: grey, crossed out. */
function drawHoles(mark: SurfaceMark, frame: Box, x: Scale, y: Scale): Item[] {
  const ny = mark.y.length;
  const cells: string[] = [];
  const crosses: string[] = [];
  mark.values.forEach((value, k) => {
    if (value !== null) return;
    const [i, j] = [Math.floor(k / ny), k % ny];
    const [x0, x1] = [-0.5, 0.5].map((h) => frame.x + x.at(between(mark.x, i + h)) * frame.width) as [
      number,
      number,
    ];
    const [y0, y1] = [-0.5, 0.5].map((h) => frame.y + frame.height * (1 - y.at(between(mark.y, j + h)))) as [
      number,
      number,
    ];
    cells.push(`M${number(x0)} ${number(y0)}H${number(x1)}V${number(y1)}H${number(x0)}Z`);
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

/** The value at a fractional index, also a little beyond the ends. */
function between(values: readonly number[], index: number): number {
  const i = Math.min(values.length - 2, Math.max(0, Math.floor(index)));
  return values[i]! + (index - i) * (values[i + 1]! - values[i]!);
}

/** The colour bar inside `bar`, with its tick labels to the right. */
export function drawColourBar(
  bands: Bands,
  bar: Box,
  labels: readonly { at: number; text: string }[],
  size: number,
): Item[] {
  const items: Item[] = [];
  const heightOf = (value: number): number => bar.y + bar.height * (1 - bands.scale.at(value));
  bands.colours.forEach((fill, i) => {
    const [low, high] = [heightOf(bands.edges[i]!), heightOf(bands.edges[i + 1]!)];
    // Each band reaches under the next one, so that no seam of paper shows between them.
    const rest = i + 1 < bands.colours.length ? high - 0.3 : high;
    items.push({
      type: 'path',
      d: rectangle({ x: bar.x, y: rest, width: bar.width, height: low - rest }),
      fill,
    });
  });
  items.push({ type: 'path', d: rectangle(bar), stroke: ink.frame, width: 0.5 });
  const marks = labels.map((t) =>
    line([
      [bar.x + bar.width, heightOf(t.at)],
      [bar.x + bar.width + 2, heightOf(t.at)],
    ]),
  );
  if (marks.length > 0) items.push({ type: 'path', d: marks.join(''), stroke: ink.frame, width: 0.5 });
  for (const tick of labels)
    items.push({
      type: 'text',
      x: bar.x + bar.width + 3.4,
      y: heightOf(tick.at) + 0.36 * size,
      text: tick.text,
      size,
      anchor: 'start',
    });
  return items;
}

/** Labels of the colour bar: the edges of bands, thinned until they stand apart. */
export function barLabels(bands: Bands, height: number, size: number): { at: number; text: string }[] {
  const { edges } = bands;
  for (let every = 1; every <= edges.length; every++) {
    const kept = edges.filter((_, i) => i % every === 0);
    const apart = kept.every(
      (edge, i) => i === 0 || (bands.scale.at(edge) - bands.scale.at(kept[i - 1]!)) * height >= 1.4 * size,
    );
    if (apart) return kept.map((at) => ({ at, text: numberText(at) }));
  }
  return [];
}
