import { textWidth } from './fonts.ts';
import { type Box, circle, type Item, line, rectangle } from './scene.ts';
import { ink, type Stroke, sizes, triangle } from './style.ts';

export type KeySymbol =
  | { readonly type: 'line'; readonly stroke: Stroke; readonly upright: boolean }
  | { readonly type: 'dot'; readonly fill: string }
  | { readonly type: 'box'; readonly fill: string }
  | { readonly type: 'missing'; readonly direction: 'up' | 'down' };

/** One line of a legend: what a stroke or a symbol means. */
export interface KeyEntry {
  readonly label: string;
  readonly symbol: KeySymbol;
  /** What else means the same: a dotted line in one panel, a dot in another. */
  readonly also?: readonly KeySymbol[];
}

const sample = 13;
/** Half the length of an upright sample: four whole dots of a reference line. */
const upright = 4.35;
const gap = 3.5;
const between = 12;
const size = sizes.tick;
const keyRow = 1.45 * size;
const inset = 3;

const symbolsOf = ({ symbol, also = [] }: KeyEntry): readonly KeySymbol[] => [symbol, ...also];

const entryWidth = (entry: KeyEntry): number =>
  symbolsOf(entry).reduce((sum, symbol) => sum + sampleWidth(symbol) + gap, textWidth(entry.label, size));

const sampleWidth = (symbol: KeySymbol): number =>
  symbol.type === 'line' && !symbol.upright ? sample : symbol.type === 'box' ? 7 : 4;

/** Symbols and their label, with the left end at `x` and the middle of the text's height at `y`. */
function drawEntry(entry: KeyEntry, x: number, y: number): Item[] {
  let left = x;
  const marks = symbolsOf(entry).map((symbol) => {
    const mark = drawSymbol(symbol, left, y);
    left += sampleWidth(symbol) + gap;
    return mark;
  });
  return [...marks, { type: 'text', x: left, y: y + 0.36 * size, text: entry.label, size, anchor: 'start' }];
}

function drawSymbol(symbol: KeySymbol, x: number, y: number): Item {
  const width = sampleWidth(symbol);
  return symbol.type === 'line'
    ? {
        type: 'path',
        d: symbol.upright
          ? line([
              [x + width / 2, y + upright],
              [x + width / 2, y - upright],
            ])
          : line([
              [x, y],
              [x + width, y],
            ]),
        ...symbol.stroke,
      }
    : symbol.type === 'dot'
      ? { type: 'path', d: circle(x + width / 2, y, 1.9), fill: symbol.fill }
      : symbol.type === 'box'
        ? {
            type: 'path',
            d: rectangle({ x, y: y - 2.3, width, height: 4.6 }),
            fill: symbol.fill,
            opacity: 0.6,
            stroke: symbol.fill,
            width: 0.5,
          }
        : {
            type: 'path',
            d: triangle(x + width / 2, y + (symbol.direction === 'up' ? -2.7 : 2.7), symbol.direction),
            fill: ink.faint,
          };
}

/** Entries side by side in centred rows of at most `width`; the first row's top is at `y`. */
export function drawStrip(entries: readonly KeyEntry[], x: number, y: number, width: number): Item[] {
  return stripRows(entries, width).flatMap((row, i) => {
    const whole = row.reduce((sum, e) => sum + entryWidth(e), 0) + between * (row.length - 1);
    let left = x + Math.max(0, (width - whole) / 2);
    return row.flatMap((entry) => {
      const items = drawEntry(entry, left, y + (i + 0.5) * keyRow);
      left += entryWidth(entry) + between;
      return items;
    });
  });
}

export const stripHeight = (entries: readonly KeyEntry[], width: number): number =>
  stripRows(entries, width).length * keyRow;

function stripRows(entries: readonly KeyEntry[], width: number): KeyEntry[][] {
  const rows: KeyEntry[][] = [];
  let used = 0;
  for (const entry of entries) {
    const needed = entryWidth(entry);
    if (rows.length > 0 && used + between + needed <= width) {
      rows.at(-1)!.push(entry);
      used += between + needed;
    } else {
      rows.push([entry]);
      used = needed;
    }
  }
  return rows;
}

/** Size of a legend, and its distance from the frame. */
export function legendSize(entries: readonly KeyEntry[]): { width: number; height: number } {
  return {
    width: Math.max(...entries.map(entryWidth)) + 2 * inset,
    height: entries.length * keyRow + inset,
  };
}
export const legendSpace = 3;

/**
 * A place inside the frame for a legend where no obstacle is: the corners first, then the middles. Undefined where
 * there is none. `obstacles` are points along all curves, close together.
 */
export function freePlace(
  entries: readonly KeyEntry[],
  frame: Box,
  obstacles: readonly (readonly [number, number])[],
): Box | undefined {
  const { width, height } = legendSize(entries);
  const space = legendSpace;
  if (width > frame.width - 2 * space || height > 0.7 * frame.height) return undefined;
  const right = frame.x + frame.width - width - space;
  const middle = frame.x + (frame.width - width) / 2;
  const top = frame.y + space;
  const bottom = frame.y + frame.height - height - space;
  const places = [
    [right, top],
    [frame.x + space, top],
    [right, bottom],
    [frame.x + space, bottom],
    [middle, top],
    [middle, bottom],
  ] as const;
  return places
    .map(([x, y]) => ({ x, y, width, height }))
    .find(
      (box) =>
        !obstacles.some(
          ([x, y]) => x > box.x - 1 && x < box.x + width + 1 && y > box.y - 1 && y < box.y + height + 1,
        ),
    );
}

/** The legend in its place, on paper, so that reference lines pass behind it. */
export function drawLegend(entries: readonly KeyEntry[], box: Box): Item[] {
  return [
    { type: 'path', d: rectangle(box), fill: ink.paper },
    ...entries.flatMap((entry, i) => drawEntry(entry, box.x + inset, box.y + inset / 2 + (i + 0.5) * keyRow)),
  ];
}
