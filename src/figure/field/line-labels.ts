import type { Box, TextItem } from '../scene.ts';
import { ink } from '../style.ts';
import { centred, type Measure } from '../typography.ts';

export type Place = readonly [number, number];

/** A line in points of the page, and the text to be set into it. */
export interface LabelledLine {
  readonly points: readonly Place[];
  readonly text: string;
  readonly colour: string;
}

interface Labelled {
  /** The lines with gaps where their labels stand. */
  readonly strokes: readonly { readonly points: readonly Place[]; readonly colour: string }[];
  readonly labels: readonly TextItem[];
}

/** Free line on both sides of a label, in points of the page. */
const gap = 1.6;
/** Places are tried this far apart. */
const step = 2.5;
/** Ratio of chord to arc below which a line bends too much under its label. */
const straightest = 0.965;

/**
 * Sets labels along lines, turned with them and never upside down: one on each line that is long enough, where it
 * is straightest and the label stands clear of the frame, of other labels and of the points to avoid. Lines of one
 * text that are shorter than a third of the longest are left without.
 */
export function labelLines(
  lines: readonly LabelledLine[],
  frame: Box,
  avoid: readonly Place[],
  size: number,
  measure: Measure,
): Labelled {
  const strokes: { points: readonly Place[]; colour: string }[] = [];
  const labels: TextItem[] = [];
  const taken: Box[] = avoid.map(([x, y]) => ({ x: x - 3, y: y - 3, width: 6, height: 6 }));
  const longest = new Map<string, number>();
  const measured = lines.map((one) => {
    const arc = arcOf(one.points);
    const length = arc.at(-1) ?? 0;
    longest.set(one.text, Math.max(longest.get(one.text) ?? 0, length));
    return { ...one, arc, length };
  });
  for (const { points, text, colour, arc, length } of measured) {
    const width = measure(text, size);
    const half = width / 2 + gap;
    const place =
      length >= 3 * half && length >= longest.get(text)! / 3
        ? bestPlace(points, arc, half, size, frame, taken)
        : undefined;
    if (!place) {
      strokes.push({ points, colour });
      continue;
    }
    taken.push(place.box);
    strokes.push(
      { points: stretch(points, arc, 0, place.at - half), colour },
      { points: stretch(points, arc, place.at + half, length), colour },
    );
    const turn = (place.angle * Math.PI) / 180;
    labels.push({
      type: 'text',
      x: place.centre[0] + centred * size * Math.sin(turn),
      y: place.centre[1] + centred * size * Math.cos(turn),
      text,
      size,
      anchor: 'middle',
      angle: place.angle,
      fill: ink.text,
    });
  }
  return { strokes: strokes.filter(({ points }) => points.length > 1), labels };
}

interface Found {
  readonly at: number;
  readonly centre: Place;
  readonly angle: number;
  readonly box: Box;
}

function bestPlace(
  points: readonly Place[],
  arc: readonly number[],
  half: number,
  size: number,
  frame: Box,
  taken: readonly Box[],
): Found | undefined {
  let best: (Found & { readonly score: number }) | undefined;
  const length = arc.at(-1)!;
  for (let at = half + gap; at <= length - half - gap; at += step) {
    const [from, to] = [pointAt(points, arc, at - half), pointAt(points, arc, at + half)];
    const chord = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const straight = chord / (2 * half);
    if (straight < straightest) continue;
    const centre = pointAt(points, arc, at);
    const angle = upright((Math.atan2(from[1] - to[1], to[0] - from[0]) * 180) / Math.PI);
    const box = boxAround(centre, angle, half, size);
    const inside =
      box.x >= frame.x + 1 &&
      box.y >= frame.y + 1 &&
      box.x + box.width <= frame.x + frame.width - 1 &&
      box.y + box.height <= frame.y + frame.height - 1;
    if (!inside || taken.some((other) => cut(box, other))) continue;
    // Of places that are about as straight, the one that reads most level.
    const score = straight - 0.02 * Math.abs(angle / 90);
    if (!best || score > best.score + 1e-9) best = { at, centre, angle, box, score };
  }
  return best;
}

/** The angle or its opposite, so that the text reads from left to right, or upwards where it is almost upright. */
function upright(angle: number): number {
  const turned = angle > 105 ? angle - 180 : angle <= -75 ? angle + 180 : angle;
  return Math.round(turned * 10) / 10;
}

function boxAround([x, y]: Place, angle: number, half: number, size: number): Box {
  const turn = (angle * Math.PI) / 180;
  const [c, s] = [Math.abs(Math.cos(turn)), Math.abs(Math.sin(turn))];
  const high = 0.62 * size;
  const [across, up] = [half * c + high * s, half * s + high * c];
  return { x: x - across, y: y - up, width: 2 * across, height: 2 * up };
}

const cut = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** Length of the line up to each of its points. */
function arcOf(points: readonly Place[]): number[] {
  let sum = 0;
  return points.map(([x, y], i) => {
    const before = points[i - 1];
    if (before) sum += Math.hypot(x - before[0], y - before[1]);
    return sum;
  });
}

function pointAt(points: readonly Place[], arc: readonly number[], at: number): Place {
  const i = Math.max(
    1,
    arc.findIndex((length) => length >= at),
  );
  const [a, b] = [points[i - 1]!, points[i]!];
  const span = arc[i]! - arc[i - 1]!;
  const t = span === 0 ? 0 : Math.min(1, Math.max(0, (at - arc[i - 1]!) / span));
  return [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
}

/** The part of a line between two lengths. */
function stretch(points: readonly Place[], arc: readonly number[], from: number, to: number): Place[] {
  if (to <= from) return [];
  const within = points.filter((_, i) => arc[i]! > from && arc[i]! < to);
  return [pointAt(points, arc, from), ...within, pointAt(points, arc, to)];
}
