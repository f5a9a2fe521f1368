import type { Mark, PlanePanel } from '../figure.ts';
import { tickHeight } from '../marks.ts';
import { plainText } from '../math-text.ts';
import type { Scale } from '../scale.ts';
import type { Box } from '../scene.ts';
import { type Found, reach, say } from './found.ts';

/** How far a point's centre may lie outside the frame that clips it. */
const edge = 1;

/** What a mark is called, unless by its source, which is told anyway. */
const nameOf = (mark: Mark): string[] =>
  'style' in mark && mark.label && mark.label !== mark.source ? [plainText(mark.label)] : [];

/** The nearest sample of a panel with two axes that is shown. */
export function findInPlane(
  panel: PlanePanel,
  frame: Box,
  x: Scale,
  y: Scale,
  at: readonly [number, number],
  hidden: (mark: number) => boolean,
): Found | undefined {
  const place = (a: number, b: number): readonly [number, number] => [
    frame.x + x.at(a) * frame.width,
    frame.y + frame.height * (1 - y.at(b)),
  ];
  let best: (Found & { readonly distance: number }) | undefined;
  const [left, right] = [frame.x - edge, frame.x + frame.width + edge];
  const [top, bottom] = [frame.y - edge, frame.y + frame.height + edge];
  /** What is clipped away is not pointed at. */
  const isDrawn = ([sx, sy]: readonly [number, number]): boolean =>
    sx >= left && sx <= right && sy >= top && sy <= bottom;
  const offer = (mark: Mark, spot: readonly [number, number], lines: readonly string[]): void => {
    if (!isDrawn(spot)) return;
    const distance = Math.hypot(spot[0] - at[0], spot[1] - at[1]);
    if (!(distance <= reach) || (best && distance >= best.distance)) return;
    best = {
      lines: [...nameOf(mark), ...lines],
      source: 'source' in mark ? mark.source : undefined,
      at: spot,
      distance,
    };
  };
  const [nameX, nameY] = [plainText(panel.x.label) || 'x', plainText(panel.y.label) || 'y'];
  const both = (a: number, b: number | null): string[] => [
    `${nameX} = ${say(a)}`,
    `${nameY} ${b === null ? 'is not finite' : `= ${say(b)}`}`,
  ];
  panel.marks.forEach((mark, m) => {
    if (hidden(m)) return;
    if (mark.type === 'line')
      mark.y.forEach((value, i) => {
        const spot = place(mark.x[i]!, value ?? Number.NaN);
        // Triangles at the edges stand for what no axis shows.
        const shown = Number.isFinite(spot[1])
          ? spot
          : ([spot[0], value === null ? frame.y : frame.y + frame.height] as const);
        offer(mark, shown, both(mark.x[i]!, value));
      });
    else if (mark.type === 'points')
      mark.y.forEach((value, i) => {
        if (mark.shape === 'tick') {
          // Anywhere along the stroke.
          const [left, foot] = place(mark.x[i]!, y.domain[0]);
          const level = Math.min(foot, Math.max(foot - tickHeight, at[1]));
          offer(mark, [left, level], [`${nameX} = ${say(mark.x[i]!)}`]);
        } else if (value !== null) offer(mark, place(mark.x[i]!, value), both(mark.x[i]!, value));
      });
    else if (mark.type === 'segments')
      for (const piece of mark.pieces)
        piece.y.forEach((value, i) => {
          if (value !== null) offer(mark, place(piece.x[i]!, value), both(piece.x[i]!, value));
        });
    else if (mark.type === 'path')
      mark.x.forEach((value, i) => {
        const where = `${nameX} = ${say(value)}, ${nameY} = ${say(mark.y[i]!)}`;
        offer(mark, place(value, mark.y[i]!), [`point ${i + 1} of ${mark.x.length}`, where]);
      });
    else if (mark.type === 'bars')
      mark.height.forEach((height, i) => {
        if (height === null) return;
        const [left, end] = place(mark.from[i]!, height);
        const [right] = place(mark.to[i]!, height);
        // A bar may hang down; one of no height is met around its place.
        const foot = y.kind === 'log' ? bottom : place(0, 0)[1];
        const [upper, lower] = [Math.min(end, foot) - 4, Math.max(end, foot) + 4];
        if (!(at[0] >= left && at[0] <= right && at[1] >= upper && at[1] <= lower)) return;
        // Of bars that lie over each other the one whose end is nearest.
        const distance = Math.abs(at[1] - end);
        if (best && distance >= best.distance) return;
        const middle = (mark.from[i]! + mark.to[i]!) / 2;
        const name = panel.x.categories?.[Math.round(middle)];
        const where = name === undefined ? `${say(mark.from[i]!)} to ${say(mark.to[i]!)}` : plainText(name);
        best = {
          lines: [...nameOf(mark), where, `${nameY} = ${say(height)}`],
          source: mark.source,
          at: [(left + right) / 2, Math.min(bottom, Math.max(top, end))],
          distance,
        };
      });
  });
  return best ?? findOnSurface(panel, x, y, frame, at, hidden);
}

/** The sample of a surface that is nearest, anywhere in the frame. */
function findOnSurface(
  panel: PlanePanel,
  x: Scale,
  y: Scale,
  frame: Box,
  at: readonly [number, number],
  hidden: (mark: number) => boolean,
): Found | undefined {
  const m = panel.marks.findIndex((mark) => mark.type === 'surface');
  const mark = panel.marks[m];
  if (mark?.type !== 'surface' || hidden(m)) return undefined;
  const [across, up] = [(at[0] - frame.x) / frame.width, 1 - (at[1] - frame.y) / frame.height];
  const i = nearest(mark.x.map(x.at), across);
  const j = nearest(mark.y.map(y.at), up);
  const value = mark.values[i * mark.y.length + j] ?? null;
  return {
    lines: [
      `${plainText(panel.x.label)} = ${say(mark.x[i]!)}, ${plainText(panel.y.label)} = ${say(mark.y[j]!)}`,
      `${plainText(mark.label)} = ${value === null ? 'not finite' : say(value)}`,
    ],
    source: mark.source,
    at: [frame.x + x.at(mark.x[i]!) * frame.width, frame.y + frame.height * (1 - y.at(mark.y[j]!))],
  };
}

const nearest = (places: readonly number[], at: number): number =>
  places.reduce((best, place, i) => (Math.abs(place - at) < Math.abs(places[best]! - at) ? i : best), 0);
