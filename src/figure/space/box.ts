import type { Scale, Tick, Ticks } from '../scale.ts';
import { axisTicks } from '../scale.ts';
import { type Item, line, type TextItem } from '../scene.ts';
import { sizes } from '../style.ts';
import { ascent, centred, descent, type Measure } from '../typography.ts';
import type { Place, Point3, Projection } from './projection.ts';

/** Axis of the box: its scale, label, and wanted number of ticks. */
export interface BoxAxis {
  readonly scale: Scale;
  readonly label: string;
}

/** Places a point of the cube on the page. */
export type ToPage = (point: Point3) => Place;

export interface Box3 {
  /** Walls and their grid, behind the surface. */
  readonly back: readonly Item[];
  /** Ticks, numbers and labels, outside the box. */
  readonly texts: readonly TextItem[];
  readonly ticks: readonly Item[];
}

const wall = '#f4f4f4';
const rule = '#d4d4d4';
const edge = '#8a8a8a';
const tickLength = 2.6;

/**
 * The three far walls of the cube with a grid at the ticks; numbers along the near edges of the floor and along the
 * upright edge at the left.
 */
export function drawBox(
  axes: readonly [BoxAxis, BoxAxis, BoxAxis],
  projection: Projection,
  toPage: ToPage,
  measure: Measure,
): Box3 {
  const [tx, ty] = projection.towards;
  const near = { x: tx >= 0 ? 1 : 0, y: ty >= 0 ? 1 : 0 };
  const far = { x: 1 - near.x, y: 1 - near.y };
  // The upright edge at the left end of the box's outline.
  const uprights: Point3[] = [
    [near.x, far.y, 0],
    [far.x, near.y, 0],
  ];
  const left = uprights.reduce((a, b) => (toPage(a)[0] <= toPage(b)[0] ? a : b));
  const edges: readonly (readonly [Point3, Point3])[] = [
    [
      [0, near.y, 0],
      [1, near.y, 0],
    ],
    [
      [near.x, 0, 0],
      [near.x, 1, 0],
    ],
    [left, [left[0], left[1], 1]],
  ];
  const centre = toPage([0.5, 0.5, 0]);
  const ticks = edges.map(([from, to], k) => {
    const [a, b] = [toPage(from), toPage(to)];
    const outward: Place = k === 2 ? [-1, 0] : outwardOf(a, b, centre);
    const numberAt = ({ at, text }: Tick): TextItem => {
      const share = axes[k]!.scale.at(at);
      return numberBeside([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])], outward, text);
    };
    return ticksFor(
      axes[k]!.scale,
      a,
      b,
      (list) => apart(list.map(numberAt), measure).length === list.length,
    );
  }) as [Ticks, Ticks, Ticks];
  const labelled = ticks.map(({ list }) => list.filter((t) => t.text !== '')) as [Tick[], Tick[], Tick[]];
  const path = (points: readonly Point3[], close = false): string => line(points.map(toPage), close);
  const walls: Point3[][] = [
    [
      [0, 0, 0],
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 0],
    ],
    [
      [far.x, 0, 0],
      [far.x, 1, 0],
      [far.x, 1, 1],
      [far.x, 0, 1],
    ],
    [
      [0, far.y, 0],
      [1, far.y, 0],
      [1, far.y, 1],
      [0, far.y, 1],
    ],
  ];
  const places = labelled.map((list, k) => list.map((t) => axes[k]!.scale.at(t.at))) as [
    number[],
    number[],
    number[],
  ];
  const lines = [
    ...places[0].map((x) =>
      path([
        [x, near.y, 0],
        [x, far.y, 0],
        [x, far.y, 1],
      ]),
    ),
    ...places[1].map((y) =>
      path([
        [near.x, y, 0],
        [far.x, y, 0],
        [far.x, y, 1],
      ]),
    ),
    ...places[2].map((z) =>
      path([
        [near.x, far.y, z],
        [far.x, far.y, z],
        [far.x, near.y, z],
      ]),
    ),
  ];
  const back: Item[] = [
    ...walls.map((w): Item => ({ type: 'path', d: path(w, true), fill: wall, stroke: edge, width: 0.4 })),
    { type: 'path', d: lines.join(''), stroke: rule, width: 0.35 },
  ];
  const rows = [
    { list: labelled[0], at: (s: number): Point3 => [s, near.y, 0], places: places[0] },
    { list: labelled[1], at: (s: number): Point3 => [near.x, s, 0], places: places[1] },
  ].map((row, k) => {
    const [from, to] = [toPage(row.at(0)), toPage(row.at(1))];
    return { ...row, outward: outwardOf(from, to, centre), from, to, label: labelOf(axes[k]!, ticks[k]!) };
  });
  const texts: TextItem[] = [];
  const corner: TextItem[] = [];
  const strokes: string[] = [];
  for (const { list, at, places: shares, outward, from, to, label } of rows) {
    const anchor = anchorOf(outward);
    list.forEach((tick, i) => {
      const point = at(shares[i]!);
      const [x, y] = toPage(point);
      strokes.push(
        line([
          [x, y],
          [x + outward[0] * tickLength, y + outward[1] * tickLength],
        ]),
      );
      const text = numberBeside([x, y], outward, tick.text);
      texts.push(text);
      if (Math.abs(point[0] - near.x) < 1e-6 && Math.abs(point[1] - near.y) < 1e-6) corner.push(text);
    });
    const widest = Math.max(0, ...list.map((t) => measure(t.text, sizes.tick)));
    // Beyond the numbers: their extent in the outward direction.
    const reach = Math.abs(outward[0]) * widest + Math.abs(outward[1]) * sizes.tick;
    const middle: Place = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    if (label !== '') texts.push(textAt(middle, outward, tickLength + 5 + reach, label, sizes.label, anchor));
  }
  labelled[2].forEach((tick, i) => {
    const [x, y] = toPage([left[0], left[1], places[2][i]!]);
    strokes.push(
      line([
        [x, y],
        [x - tickLength, y],
      ]),
    );
    texts.push(numberBeside([x, y], [-1, 0], tick.text));
  });
  const widest = Math.max(0, ...labelled[2].map((t) => measure(t.text, sizes.tick)));
  const middle = toPage([left[0], left[1], 0.5]);
  const name = labelOf(axes[2], ticks[2]);
  if (name !== '')
    texts.push({
      type: 'text',
      x: middle[0] - tickLength - 1.6 - widest - 4,
      y: middle[1],
      text: name,
      size: sizes.label,
      anchor: 'middle',
      angle: 90,
    });
  return {
    back,
    texts: apart(parted(texts, corner, measure), measure),
    ticks: strokes.length > 0 ? [{ type: 'path', d: strokes.join(''), stroke: edge, width: 0.5 }] : [],
  };
}

function labelOf({ label }: BoxAxis, { exponent }: Ticks): string {
  return exponent === 0 ? label : `${label} (×$10^{${exponent}}$)`;
}

const numbersOf = ({ list }: Ticks): number => list.filter(({ text }) => text !== '').length;

/** As many ticks as an edge has room for, seen at this angle. */
function ticksFor(scale: Scale, from: Place, to: Place, fits: (list: readonly Tick[]) => boolean): Ticks {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  // Numbers above each other need less room than beside each other.
  const room = Math.abs(to[0] - from[0]) < 1e-6 ? 1.5 : 2;
  const most = Math.min(6, Math.max(2, Math.floor(length / (room * sizes.tick))));
  const few = axisTicks(scale, most, (list) => list.length <= most && fits(list));
  if (numbersOf(few) > 1) return few;
  // One number tells no scale: rather some more than were wanted, where they have room.
  const more = axisTicks(scale, most + 2, fits);
  return numbersOf(more) > numbersOf(few) ? more : few;
}

/** The number of a tick at a place on an edge. */
const numberBeside = (at: Place, outward: Place, text: string): TextItem =>
  textAt(at, outward, tickLength + 1.6, text, sizes.tick, anchorOf(outward));

/** Unit vector on the page, square to an edge and away from the middle of the floor. */
function outwardOf(from: Place, to: Place, centre: Place): Place {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  // An edge seen end on has no direction on the page.
  if (length < 1e-6) return [0, 1];
  const normal: Place = [-dy / length, dx / length];
  const middle: Place = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const out = normal[0] * (middle[0] - centre[0]) + normal[1] * (middle[1] - centre[1]);
  return out >= 0 ? normal : [-normal[0], -normal[1]];
}

const anchorOf = ([x]: Place): TextItem['anchor'] => (x > 0.35 ? 'start' : x < -0.35 ? 'end' : 'middle');

/** A text whose nearest side is `distance` from a point in a direction. */
function textAt(
  [x, y]: Place,
  [dx, dy]: Place,
  distance: number,
  text: string,
  size: number,
  anchor: TextItem['anchor'],
): TextItem {
  // Below an edge the text hangs from its top, above it stands on its foot, beside it is centred.
  const drop = (dy > 0 ? 0.76 * dy : 0) * size + (1 - Math.abs(dy)) * centred * size;
  return { type: 'text', x: x + dx * distance, y: y + dy * distance + drop, text, size, anchor };
}

/** Two opposite corners of what a text covers. */
export function textCorners(item: TextItem, measure: Measure): readonly [Place, Place] {
  const width = measure(item.text, item.size);
  const before = item.anchor === 'start' ? 0 : item.anchor === 'middle' ? width / 2 : width;
  const [up, down] = [ascent * item.size, descent * item.size];
  if (item.angle === 90)
    return [
      [item.x - up, item.y - (width - before)],
      [item.x + down, item.y + before],
    ];
  return [
    [item.x - before, item.y - up],
    [item.x - before + width, item.y + down],
  ];
}

/** White between two numbers on one height, in parts of their size: with less, `1` and `−1` read as `1−1`. */
const clear = 0.66;
/** How far a number may stand from its tick, in parts of its size. */
const farthest = 0.75;

/** The two numbers of the corner where both floor axes end, moved away from each other where they are too close. */
function parted(texts: readonly TextItem[], corner: readonly TextItem[], measure: Measure): TextItem[] {
  const [a, b] = corner;
  if (!a || !b) return [...texts];
  const [left, right] = textCorners(a, measure)[0][0] <= textCorners(b, measure)[0][0] ? [a, b] : [b, a];
  const [[, y0], [x1, y1]] = textCorners(left, measure);
  const [[a0, b0], [, b1]] = textCorners(right, measure);
  const lacking = clear * sizes.tick - (a0 - x1);
  if (y0 >= b1 || b0 >= y1 || lacking <= 0 || lacking > 2 * farthest * sizes.tick) return [...texts];
  return texts.map((text) => {
    const by = text === left ? -lacking / 2 : text === right ? lacking / 2 : 0;
    return by === 0 ? text : { ...text, x: text.x + by };
  });
}

/** Texts in order, without those that would lie on one before them: numbers where two axes meet at a corner. */
function apart(texts: readonly TextItem[], measure: Measure): TextItem[] {
  const kept: { item: TextItem; box: readonly [Place, Place] }[] = [];
  for (const item of texts) {
    const box = textCorners(item, measure);
    const [[x0, y0], [x1, y1]] = box;
    const free = kept.every(({ item: other, box: [[a0, b0], [a1, b1]] }) => {
      // Rounding must not undo what `parted` has done.
      const gap = item.size === sizes.tick && other.size === sizes.tick ? clear * sizes.tick - 1e-6 : 1;
      return x0 >= a1 + gap || a0 >= x1 + gap || y0 >= b1 || b0 >= y1;
    });
    if (free) kept.push({ item, box });
  }
  return kept.map(({ item }) => item);
}
