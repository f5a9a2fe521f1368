import type { LineMark, RuleMark } from './figure.ts';
import type { Scale } from './scale.ts';
import { type Box, circle, type Item, line } from './scene.ts';
import { lineStroke, ruleStroke, triangle } from './style.ts';

type Place = readonly [number, number];

/** A curve in points of the page, cut at its gaps, and where it has values that no axis shows. */
export interface PlacedCurve {
  readonly pieces: readonly (readonly Place[])[];
  /** Abscissae of values that are not finite, and of values that a log scale cannot show. */
  readonly above: readonly number[];
  readonly below: readonly number[];
}

export function placeCurve(mark: LineMark, frame: Box, x: Scale, y: Scale): PlacedCurve {
  const pieces: Place[][] = [];
  const above: number[] = [];
  const below: number[] = [];
  let piece: Place[] = [];
  mark.y.forEach((value, i) => {
    const left = frame.x + x.at(mark.x[i]!) * frame.width;
    const share = value === null ? Number.NaN : y.at(value);
    if (Number.isFinite(left) && Number.isFinite(share)) {
      // A value far outside the frame is brought near it: the clipped line is the same, and readers of PDF choke less.
      const far = Math.min(50, Math.max(-50, share));
      piece.push([left, frame.y + frame.height * (1 - far)]);
      return;
    }
    if (piece.length > 0) pieces.push(piece);
    piece = [];
    if (Number.isFinite(left)) (value === null ? above : below).push(left);
  });
  if (piece.length > 0) pieces.push(piece);
  return { pieces, above, below };
}

/** The curve itself, to be clipped to the frame. A sample that stands alone becomes a dot. */
export function drawCurve(mark: LineMark, placed: PlacedCurve): Item[] {
  const stroke = lineStroke(mark.style);
  const d = placed.pieces
    .filter((p) => p.length > 1)
    .map((p) => line(p))
    .join('');
  const dots = placed.pieces
    .filter((p) => p.length === 1)
    .map((p) => circle(p[0]![0], p[0]![1], 1.5))
    .join('');
  return [
    ...(d === '' ? [] : [{ type: 'path', d, ...stroke } as const]),
    ...(dots === '' ? [] : [{ type: 'path', d: dots, fill: stroke.stroke } as const]),
  ];
}

/** Triangles at the frame's edges for the samples that are not on the curve. */
export function drawMissing(mark: LineMark, placed: PlacedCurve, frame: Box): Item[] {
  const d = [
    ...placed.above.map((x) => triangle(x, frame.y, 'up')),
    ...placed.below.map((x) => triangle(x, frame.y + frame.height, 'down')),
  ].join('');
  return d === '' ? [] : [{ type: 'path', d, fill: lineStroke(mark.style).stroke }];
}

/** A reference line through the frame, or nothing where it lies outside. */
export function drawRule(mark: RuleMark, frame: Box, x: Scale, y: Scale): Item[] {
  if (!isInside(mark.at, mark.axis === 'x' ? x : y)) return [];
  const left = frame.x + x.at(mark.at) * frame.width;
  const top = frame.y + frame.height * (1 - y.at(mark.at));
  const d =
    mark.axis === 'x'
      ? line([
          [left, frame.y + frame.height],
          [left, frame.y],
        ])
      : line([
          [frame.x, top],
          [frame.x + frame.width, top],
        ]);
  return [{ type: 'path', d, ...ruleStroke[mark.role] }];
}

export function isInside(value: number, scale: Scale): boolean {
  const share = scale.at(value);
  return share >= 0 && share <= 1;
}
