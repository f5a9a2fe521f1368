/** What of a panel can be read: the samples of its marks, each where it is drawn. */
import type { Mark, PlanePanel } from '../figure.ts';
import { tickHeight } from '../marks.ts';
import { plainText } from '../math-text.ts';
import type { Scale } from '../scale.ts';
import type { Box } from '../scene.ts';
import { type Found, reach, say } from './found.ts';

export type Place = readonly [number, number];

/** A sample where it is drawn; what is said of it costs more than where it is, so it is said when asked for. */
export interface Sample {
  readonly at: Place;
  /** How far from it a pointer is, in points of the page; nothing where that means something else. */
  distance(pointer: Place): number | undefined;
  found(): Found;
}

/** A mark whose samples are read one after another. */
export interface Readable {
  /** A number of its own in its panel. */
  readonly mark: number;
  readonly count: number;
  /** Of a surface: how many samples have an x in common. They follow each other. */
  readonly rows?: number;
  /** Nothing where none is drawn. */
  sample(k: number): Sample | undefined;
}

/** How far a point's centre may lie outside the frame that clips it. */
const edge = 1;

/** The marks of a panel with two axes, in the order in which they are drawn. */
export function readableInPlane(panel: PlanePanel, frame: Box, x: Scale, y: Scale): Readable[] {
  const place = (a: number, b: number): Place => [
    frame.x + x.at(a) * frame.width,
    frame.y + frame.height * (1 - y.at(b)),
  ];
  const [left, right] = [frame.x - edge, frame.x + frame.width + edge];
  const [top, bottom] = [frame.y - edge, frame.y + frame.height + edge];
  /** What is clipped away is not there. */
  const isDrawn = ([sx, sy]: Place): boolean => sx >= left && sx <= right && sy >= top && sy <= bottom;
  const [nameX, nameY] = [plainText(panel.x.label) || 'x', plainText(panel.y.label) || 'y'];
  const both = (a: number, b: number | null): string[] => [
    `${nameX} = ${say(a)}`,
    `${nameY} ${b === null ? 'is not finite' : `= ${say(b)}`}`,
  ];
  const sampleAt = (
    mark: Mark,
    at: Place,
    lines: () => readonly string[],
    distance: Sample['distance'] = (pointer) => within(pointer[0] - at[0], pointer[1] - at[1]),
  ): Sample => ({
    at,
    distance,
    found: () => ({
      lines: [...nameOf(mark), ...lines()],
      source: 'source' in mark ? mark.source : undefined,
      at,
    }),
  });
  const drawn = (mark: Mark, at: Place, lines: () => readonly string[]): Sample | undefined =>
    isDrawn(at) ? sampleAt(mark, at, lines) : undefined;
  return panel.marks.flatMap((mark, m): Readable[] => {
    const readable = (count: number, sample: Readable['sample']): Readable[] => [{ mark: m, count, sample }];
    switch (mark.type) {
      case 'line':
        return readable(mark.y.length, (i) => {
          const [a, value] = [mark.x[i]!, mark.y[i] ?? null];
          const spot = place(a, value ?? Number.NaN);
          // Triangles at the edges stand for what no axis shows.
          const shown: Place = Number.isFinite(spot[1])
            ? spot
            : [spot[0], value === null ? frame.y : frame.y + frame.height];
          return drawn(mark, shown, () => both(a, value));
        });
      case 'points':
        return readable(mark.y.length, (i) => {
          const [a, value] = [mark.x[i]!, mark.y[i] ?? null];
          if (mark.shape !== 'tick')
            return value === null ? undefined : drawn(mark, place(a, value), () => both(a, value));
          const [across, foot] = place(a, y.domain[0]);
          const at: Place = [across, foot - tickHeight / 2];
          if (!isDrawn(at)) return undefined;
          return sampleAt(
            mark,
            at,
            () => [`${nameX} = ${say(a)}`],
            // Anywhere along the stroke.
            ([px, py]) => within(px - across, py - Math.min(foot, Math.max(foot - tickHeight, py))),
          );
        });
      case 'segments': {
        const points = mark.pieces.flatMap((piece) =>
          piece.x.map((a, i) => [a, piece.y[i] ?? null] as const),
        );
        return readable(points.length, (k) => {
          const [a, value] = points[k]!;
          return value === null ? undefined : drawn(mark, place(a, value), () => both(a, value));
        });
      }
      case 'path':
        return readable(mark.x.length, (i) =>
          drawn(mark, place(mark.x[i]!, mark.y[i]!), () => [
            `point ${i + 1} of ${mark.x.length}`,
            `${nameX} = ${say(mark.x[i]!)}, ${nameY} = ${say(mark.y[i]!)}`,
          ]),
        );
      case 'bars':
        return readable(mark.height.length, (i) => {
          const height = mark.height[i] ?? null;
          if (height === null) return undefined;
          const [from, end] = place(mark.from[i]!, height);
          const [to] = place(mark.to[i]!, height);
          // A bar may hang down; one of no height is met around its place.
          const foot = y.kind === 'log' ? bottom : place(0, 0)[1];
          const [upper, lower] = [Math.min(end, foot) - 4, Math.max(end, foot) + 4];
          const name = panel.x.categories?.[Math.round((mark.from[i]! + mark.to[i]!) / 2)];
          return sampleAt(
            mark,
            [(from + to) / 2, Math.min(bottom, Math.max(top, end))],
            () => [
              name === undefined ? `${say(mark.from[i]!)} to ${say(mark.to[i]!)}` : plainText(name),
              `${nameY} = ${say(height)}`,
            ],
            // Of bars that lie over each other the one whose end is nearest.
            ([px, py]) =>
              px >= from && px <= to && py >= upper && py <= lower ? Math.abs(py - end) : undefined,
          );
        });
      case 'surface':
        return [
          {
            mark: m,
            count: mark.values.length,
            rows: mark.y.length,
            sample: (k) => {
              const [a, b] = [mark.x[Math.floor(k / mark.y.length)]!, mark.y[k % mark.y.length]!];
              return sampleAt(mark, place(a, b), () => linesOf(panel, mark.label, a, b, mark.values[k]));
            },
          },
        ];
      default:
        return [];
    }
  });
}

const within = (across: number, up: number): number | undefined => {
  const distance = Math.hypot(across, up);
  return distance <= reach ? distance : undefined;
};

/** What is said of a sample of a surface. */
export function linesOf(
  { x, y }: { readonly x: { readonly label: string }; readonly y: { readonly label: string } },
  name: string,
  a: number,
  b: number,
  value: number | null | undefined,
): string[] {
  return [
    `${plainText(x.label) || 'x'} = ${say(a)}, ${plainText(y.label) || 'y'} = ${say(b)}`,
    `${plainText(name) || 'value'} = ${typeof value === 'number' ? say(value) : 'not finite'}`,
  ];
}

/** What a mark is called, unless by its source, which is told anyway. */
const nameOf = (mark: Mark): string[] =>
  'style' in mark && mark.label && mark.label !== mark.source ? [plainText(mark.label)] : [];
