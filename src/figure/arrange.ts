import type { Figure } from './figure.ts';
import type { FittedPanel } from './fitted.ts';
import { textWidth, wrapText, wrapWords } from './fonts.ts';
import { fitPanel, headHeight } from './panel.ts';
import type { Box, Item } from './scene.ts';
import { sizes } from './style.ts';
import { ascent, descent } from './typography.ts';

/** Paper around everything. */
export const margin = 3;
const columnGap = 11;
const smallestFrame = 30;
export const lineHeight = 1.28;
/** Between tick labels and the axis label, in parts of the label's size. */
const labelRoom = 0.22;
/** Of what stands upright beside a frame, in parts of its height: it may reach into the gaps between rows. */
const rowReach = 1.3;

export interface Cell {
  readonly fitted: FittedPanel;
  readonly x: number;
  /** Room that the column keeps left and right of its frames for numbers and labels. */
  readonly side: { readonly left: number; readonly right: number };
  /** Lines of the axis labels; empty where a neighbour's label serves. */
  readonly xLabel: readonly string[];
  readonly yLabel: readonly string[];
}

export interface Layout {
  readonly frame: { readonly width: number; readonly height: number };
  readonly rows: readonly { readonly cells: readonly Cell[]; readonly head: number; readonly foot: number }[];
  /** Lines of the headings of rows. */
  readonly rowTitles: readonly (readonly string[])[];
}

/**
 * Frames of one size in a grid. What the labels need depends on the ticks, the ticks on the frame's size, and that on
 * what the labels leave: three rounds settle it.
 */
export function arrange(figure: Figure): Layout {
  const columns = Math.max(1, Math.min(figure.columns, figure.panels.length));
  const inner = figure.width - 2 * margin;
  let width = Math.max(smallestFrame, inner / columns - 40);
  let layout: Layout | undefined;
  for (let round = 0; round < 3; round++) {
    const height = 'height' in figure.frame ? figure.frame.height : figure.frame.aspect * width;
    const rowTitles = (figure.rowTitles ?? []).map((text) =>
      wrapText(text, sizes.panelTitle, rowReach * height, true),
    );
    const room = rowTitlesWidth(rowTitles);
    const fitted = figure.panels.map((panel) => fitPanel(panel, width, height));
    const labels = fitted.map((f, i) => labelsOf(fitted, i, columns, f, width, height));
    const sides = Array.from({ length: columns }, (_, c) => {
      const inColumn = fitted.map((f, i) => ({ f, label: labels[i]! })).filter((_, i) => i % columns === c);
      const left = Math.max(
        ...inColumn.map(({ f, label }) => f.left + label.yLabel.length * lineHeight * sizes.label),
      );
      // A word that is wider than the frame stands out on both sides of it.
      const out = Math.max(
        overhang(columnTitle(figure, c, width), sizes.panelTitle, width, true),
        ...inColumn.map(({ f, label }) =>
          Math.max(overhang(f.title, sizes.panelTitle, width), overhang(label.xLabel, sizes.label, width)),
        ),
      );
      return { left: Math.max(left, out), right: Math.max(out, ...inColumn.map(({ f }) => f.right)) };
    });
    const taken = sides.reduce((sum, s) => sum + s.left + s.right, 0) + columnGap * (columns - 1);
    width = Math.max(smallestFrame, (inner - room - taken) / columns);
    const frame = { width, height: 'height' in figure.frame ? height : figure.frame.aspect * width };
    layout = { ...place(fitted, labels, sides, margin + room, frame), rowTitles };
  }
  return layout ?? { frame: { width, height: 0 }, rows: [], rowTitles: [] };
}

const columnTitle = ({ columnTitles }: Figure, c: number, width: number): string[] =>
  wrapWords(columnTitles?.[c] ?? '', sizes.panelTitle, width, { bold: true });

/** How far lines centred over a frame stand out on either side of it. */
const overhang = (lines: readonly string[], size: number, width: number, bold = false): number =>
  lines.reduce((most, text) => Math.max(most, (textWidth(text, size, bold) - width) / 2), 0);

function rowTitlesWidth(lines: Layout['rowTitles']): number {
  const most = Math.max(0, ...lines.map((l) => l.length));
  return most === 0 ? 0 : (0.5 + 1 + (most - 1) * lineHeight) * sizes.panelTitle;
}

/**
 * A label is set once where neighbours say the same: left of a row, below a column. The panels of a row have labels
 * below all of them or none: one without among others with would seem to have no axis.
 */
function labelsOf(
  all: readonly FittedPanel[],
  i: number,
  columns: number,
  f: FittedPanel,
  width: number,
  height: number,
): { xLabel: string[]; yLabel: string[] } {
  const before = i % columns === 0 ? undefined : all[i - 1];
  const first = i - (i % columns);
  const repeated = all
    .slice(first, first + columns)
    .every((one, c) => one.xLabel === '' || all[first + columns + c]?.xLabel === one.xLabel);
  const shared = before && before.yLabel === f.yLabel && !before.alone && !f.alone;
  return {
    xLabel: repeated ? [] : wrapWords(f.xLabel, sizes.label, width),
    yLabel: shared ? [] : wrapWords(f.yLabel, sizes.label, height, { most: rowReach * height }),
  };
}

function place(
  fitted: readonly FittedPanel[],
  labels: readonly { xLabel: string[]; yLabel: string[] }[],
  sides: readonly { left: number; right: number }[],
  start: number,
  frame: { width: number; height: number },
): Omit<Layout, 'rowTitles'> {
  const columns = sides.length;
  const starts: number[] = [];
  let x = start;
  for (const side of sides) {
    starts.push(x + side.left);
    x += side.left + frame.width + side.right + columnGap;
  }
  const rows: { cells: Cell[]; head: number; foot: number }[] = [];
  for (let first = 0; first < fitted.length; first += columns) {
    const cells = fitted
      .slice(first, first + columns)
      .map((f, c) => ({ fitted: f, x: starts[c]!, side: sides[c]!, ...labels[first + c]! }));
    rows.push({
      cells,
      head: Math.max(...cells.map((cell) => headHeight(cell.fitted))),
      foot: Math.max(
        ...cells.map((cell) => cell.fitted.foot + cell.xLabel.length * lineHeight * sizes.label),
      ),
    });
  }
  return { frame, rows };
}

/** Where a cell of a row is drawn; one that sets its numbers itself has the room of its neighbours' numbers as well. */
export function frameOf(cell: Cell, { frame }: Layout, row: Layout['rows'][number], y: number): Box {
  if (!cell.fitted.fills) return { x: cell.x, y, ...frame };
  const { left, right } = cell.side;
  return { x: cell.x - left, y, width: left + frame.width + right, height: frame.height + row.foot };
}

/** The axis labels of a cell, below and left of its frame. */
export function axisLabels(cell: Cell, frame: Box): Item[] {
  const bottom = frame.y + frame.height + cell.fitted.foot;
  const middle = frame.y + frame.height / 2;
  const right = frame.x - cell.fitted.left - (descent + labelRoom) * sizes.label;
  return [
    ...cell.xLabel.map(
      (text, i): Item => ({
        type: 'text',
        x: frame.x + frame.width / 2,
        y: bottom + (ascent + labelRoom + i * lineHeight) * sizes.label,
        text,
        size: sizes.label,
        anchor: 'middle',
      }),
    ),
    ...cell.yLabel.map(
      (text, i): Item => ({
        type: 'text',
        x: right - (cell.yLabel.length - 1 - i) * lineHeight * sizes.label,
        y: middle,
        text,
        size: sizes.label,
        anchor: 'middle',
        angle: 90,
      }),
    ),
  ];
}

/** Headings of the columns, on a line whose top is at `y`, and their height. */
export function columnHeadings(figure: Figure, layout: Layout, y: number): { items: Item[]; height: number } {
  const [row] = layout.rows;
  if (!figure.columnTitles || !row) return { items: [], height: 0 };
  const size = sizes.panelTitle;
  const lines = row.cells.map((_, c) => columnTitle(figure, c, layout.frame.width));
  const most = Math.max(...lines.map((l) => l.length));
  const items = row.cells.flatMap((cell, c) =>
    lines[c]!.map(
      (text, i): Item => ({
        type: 'text',
        x: cell.x + layout.frame.width / 2,
        y: y + (most - lines[c]!.length + i + 0.8) * lineHeight * size,
        text,
        size,
        anchor: 'middle',
        bold: true,
      }),
    ),
  );
  return { items, height: most * lineHeight * size };
}

/** The heading of a row, reading upwards beside its frames; its last line stands next to them. */
export function rowHeading(layout: Layout, r: number, frame: Box): Item[] {
  const lines = layout.rowTitles[r] ?? [];
  const size = sizes.panelTitle;
  const most = Math.max(...layout.rowTitles.map((l) => l.length));
  return lines.map(
    (text, i): Item => ({
      type: 'text',
      x: margin + (1 + (most - lines.length + i) * lineHeight) * size,
      y: frame.y + frame.height / 2,
      text,
      size,
      anchor: 'middle',
      bold: true,
      angle: 90,
    }),
  );
}
