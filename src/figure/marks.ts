import type { BarsMark, PathMark, PointsMark, SegmentsMark } from './figure.ts';
import type { Scale } from './scale.ts';
import { type Box, circle, type Item, line, rectangle } from './scene.ts';
import { ink, lineStroke, sizes } from './style.ts';

type Place = readonly [number, number];

/** Of the strokes of a rug. */
export const tickHeight = 5;

/** Turns data into places on the page. A value far outside is brought near: the clipped drawing is the same. */
export function placing(frame: Box, x: Scale, y: Scale): (at: number, value: number) => Place {
  const near = (share: number): number => Math.min(50, Math.max(-50, share));
  return (at, value) => [
    frame.x + near(x.at(at)) * frame.width,
    frame.y + frame.height * (1 - near(y.at(value))),
  ];
}

/** Bars with their outline; of several histograms in one frame, each lets the others show through. */
export function drawBars(mark: BarsMark, frame: Box, x: Scale, y: Scale, several: boolean): Item[] {
  const { stroke } = lineStroke(mark.style);
  const place = placing(frame, x, y);
  const floor = y.kind === 'log' ? y.domain[0] : 0;
  const boxes = mark.height.flatMap((height, i): Box[] => {
    if (height === null || !(y.kind === 'linear' || height > 0)) return [];
    const [x0, y0] = place(mark.from[i]!, floor);
    const [x1, y1] = place(mark.to[i]!, height);
    return [{ x: x0, y: Math.min(y0, y1), width: x1 - x0, height: Math.abs(y1 - y0) }];
  });
  if (boxes.length === 0) return [];
  const d = boxes.map(rectangle).join('');
  return [
    { type: 'path', d, fill: stroke, opacity: several ? 0.4 : 0.75 },
    { type: 'path', d, stroke, width: 0.5 },
  ];
}

export function drawPoints(mark: PointsMark, frame: Box, x: Scale, y: Scale): Item[] {
  const { stroke } = lineStroke(mark.style);
  const place = placing(frame, x, y);
  const places = mark.y.flatMap((value, i): Place[] => {
    const at = place(mark.x[i]!, mark.shape === 'tick' ? y.domain[0] : (value ?? Number.NaN));
    return at.every(Number.isFinite) ? [at] : [];
  });
  if (places.length === 0) return [];
  if (mark.shape === 'tick') {
    const d = places.map(([left, bottom]) =>
      line([
        [left, bottom],
        [left, bottom - tickHeight],
      ]),
    );
    return [{ type: 'path', d: d.join(''), stroke, width: 0.9 }];
  }
  const d = places.map(([left, top]) => circle(left, top, 1.6)).join('');
  return mark.shape === 'dot'
    ? [{ type: 'path', d, fill: stroke }]
    : [{ type: 'path', d, fill: ink.paper, stroke, width: 0.8 }];
}

/** The way on an edge of paper; a ring at its start, a dot at its end. */
export function drawPath(mark: PathMark, frame: Box, x: Scale, y: Scale): Item[] {
  const { stroke } = lineStroke(mark.style);
  const place = placing(frame, x, y);
  const places = mark.x.map((at, i) => place(at, mark.y[i]!)).filter((p) => p.every(Number.isFinite));
  const [first, last] = [places[0], places.at(-1)];
  if (!first || !last) return [];
  const steps = places.length <= 60 ? places.slice(1, -1).map(([left, top]) => circle(left, top, 0.9)) : [];
  return [
    { type: 'path', d: line(places), stroke: ink.paper, width: sizes.line + 1.6 },
    { type: 'path', d: line(places), stroke, width: sizes.line },
    ...(steps.length > 0 ? [{ type: 'path', d: steps.join(''), fill: stroke } as const] : []),
    { type: 'path', d: circle(first[0], first[1], 2), fill: ink.paper, stroke, width: 1 },
    { type: 'path', d: circle(last[0], last[1], 2.2), fill: stroke, stroke: ink.paper, width: 0.7 },
  ];
}

/**
 * Short curves, broad enough to be seen on both sides of a curve that lies on them; narrow ones finer, so that the two
 * arms of a steep parabola stand apart.
 */
export function drawSegments(mark: SegmentsMark, frame: Box, x: Scale, y: Scale): Item[] {
  const { stroke } = lineStroke(mark.style);
  const place = placing(frame, x, y);
  const pieces = mark.pieces
    .map((piece) =>
      piece.x.flatMap((at, i): Place[] => {
        const value = piece.y[i];
        const found = value === null || value === undefined ? undefined : place(at, value);
        return found?.every(Number.isFinite) ? [found] : [];
      }),
    )
    .filter((places) => places.length > 1);
  const byWidth = new Map<number, string>();
  for (const places of pieces) {
    const across = Math.abs(places.at(-1)![0] - places[0]![0]);
    const width = Math.min(sizes.segment, Math.max(sizes.finest, Math.round(across * 3) / 10));
    byWidth.set(width, (byWidth.get(width) ?? '') + line(places));
  }
  return [...byWidth].map(([width, d]) => ({ type: 'path', d, stroke, width }));
}
