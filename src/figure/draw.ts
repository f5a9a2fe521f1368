import { labelGap } from './axes.ts';
import type { Figure } from './figure.ts';
import { ascent, descent, wrapText } from './fonts.ts';
import { drawStrip, type KeyEntry, stripHeight } from './key.ts';
import { plainText } from './math-text.ts';
import { drawPanel, type FittedPanel, fitPanel, headHeight } from './panel.ts';
import type { Box, Item, Scene } from './scene.ts';
import { ink, sizes } from './style.ts';
import { sceneToSvg } from './svg.ts';

const margin = 3;
const columnGap = 11;
const rowGap = 9;
const lineHeight = 1.28;
const smallestFrame = 30;
/** Between tick labels and the axis label, in parts of the label's size. */
const labelRoom = 0.22;

/** The figure as a standalone SVG document: a pure function, the same text on every machine. */
export function drawFigure(figure: Figure): string {
  return sceneToSvg(figureScene(figure));
}

/** Where everything of a figure stands. */
export function figureScene(figure: Figure): Scene {
  const layout = arrange(figure);
  const inner = figure.width - 2 * margin;
  const items: Item[] = [];
  let y = margin;
  for (const text of figure.title ? wrapText(figure.title, sizes.figureTitle, inner, true) : []) {
    items.push(centredLine(text, figure.width / 2, y, sizes.figureTitle, true));
    y += lineHeight * sizes.figureTitle;
  }
  if (figure.title) y += 4;
  const key: { entry: KeyEntry; panel: string }[] = [];
  for (const row of layout.rows) {
    y += row.head;
    row.cells.forEach((cell) => {
      const frame = { x: cell.x, y, width: layout.frame.width, height: layout.frame.height };
      const drawn = drawPanel(cell.fitted, frame);
      for (const entry of drawn.key) key.push({ entry, panel: cell.fitted.panel.title ?? '' });
      items.push({ type: 'group', name: 'panel', items: [...drawn.items, ...axisLabels(cell, frame)] });
    });
    y += layout.frame.height + row.foot + rowGap;
  }
  if (layout.rows.length > 0) y -= rowGap;
  for (const { heading, entries } of keyGroups(key)) {
    y += 5;
    if (heading !== '') {
      items.push(centredLine(heading, figure.width / 2, y, sizes.tick, false));
      y += lineHeight * sizes.tick;
    }
    items.push({ type: 'group', name: 'key', items: drawStrip(entries, margin, y, inner) });
    y += stripHeight(entries, inner);
  }
  if (figure.caption) {
    y += 5;
    for (const text of wrapText(figure.caption, sizes.label, inner)) {
      items.push({
        type: 'text',
        x: margin,
        y: y + ascent * sizes.label,
        text,
        size: sizes.label,
        anchor: 'start',
      });
      y += lineHeight * sizes.label;
    }
  }
  if (figure.notes && figure.notes.length > 0) {
    y += 4;
    for (const text of figure.notes.flatMap((note) => wrapText(note, sizes.small, inner))) {
      items.push({
        type: 'text',
        x: margin,
        y: y + ascent * sizes.small,
        text,
        size: sizes.small,
        anchor: 'start',
        fill: ink.faint,
      });
      y += lineHeight * sizes.small;
    }
  }
  const title = plainText(
    figure.title ??
      figure.panels
        .map((p) => p.title ?? '')
        .filter((t) => t !== '')
        .join('; '),
  );
  return { width: figure.width, height: Math.ceil(y + margin), title: title || 'Figure', items };
}

/** What the key explains in one go, under a panel's title where it holds for that panel only. */
interface KeyGroup {
  readonly heading: string;
  readonly entries: readonly KeyEntry[];
}

/** Each entry once; strokes that mean different things in different panels are listed panel by panel. */
function keyGroups(found: readonly { readonly entry: KeyEntry; readonly panel: string }[]): KeyGroup[] {
  const meanings = new Map<string, Set<string>>();
  for (const { entry } of found) {
    const symbol = JSON.stringify(entry.symbol);
    meanings.set(symbol, (meanings.get(symbol) ?? new Set()).add(entry.label));
  }
  const groups = new Map<string, Map<string, KeyEntry>>();
  for (const { entry, panel } of found) {
    const heading = meanings.get(JSON.stringify(entry.symbol))!.size === 1 ? '' : panel;
    const group = groups.get(heading) ?? new Map<string, KeyEntry>();
    groups.set(heading, group.set(JSON.stringify(entry), entry));
  }
  return [...groups]
    .sort(([a], [b]) => Number(a === '') - Number(b === ''))
    .map(([heading, entries]) => ({ heading, entries: [...entries.values()] }));
}

function centredLine(text: string, x: number, y: number, size: number, bold: boolean): Item {
  return { type: 'text', x, y: y + ascent * size, text, size, anchor: 'middle', bold };
}

interface Cell {
  readonly fitted: FittedPanel;
  readonly x: number;
  /** Lines of the axis labels; empty where a neighbour's label serves. */
  readonly xLabel: readonly string[];
  readonly yLabel: readonly string[];
}

interface Layout {
  readonly frame: { readonly width: number; readonly height: number };
  readonly rows: readonly { readonly cells: readonly Cell[]; readonly head: number; readonly foot: number }[];
}

/**
 * Frames of one size in a grid. What the labels need depends on the ticks, the ticks on the frame's size, and that on
 * what the labels leave: three rounds settle it.
 */
function arrange(figure: Figure): Layout {
  const columns = Math.max(1, Math.min(figure.columns, figure.panels.length));
  let width = Math.max(smallestFrame, (figure.width - 2 * margin) / columns - 40);
  let layout: Layout | undefined;
  for (let round = 0; round < 3; round++) {
    const height = 'height' in figure.frame ? figure.frame.height : figure.frame.aspect * width;
    const fitted = figure.panels.map((panel) => fitPanel(panel, width, height));
    const labels = fitted.map((f, i) => labelsOf(fitted, i, columns, f, width, height));
    const sides = Array.from({ length: columns }, (_, c) => {
      const inColumn = fitted.map((f, i) => ({ f, label: labels[i]! })).filter((_, i) => i % columns === c);
      const left = Math.max(
        ...inColumn.map(({ f, label }) => f.left + label.yLabel.length * lineHeight * sizes.label),
      );
      return { left, right: Math.max(...inColumn.map(({ f }) => f.right)) };
    });
    const taken = sides.reduce((sum, s) => sum + s.left + s.right, 0) + columnGap * (columns - 1);
    width = Math.max(smallestFrame, (figure.width - 2 * margin - taken) / columns);
    layout = place(fitted, labels, sides, {
      width,
      height: 'height' in figure.frame ? height : figure.frame.aspect * width,
    });
  }
  return layout ?? { frame: { width, height: 0 }, rows: [] };
}

function labelsOf(
  all: readonly FittedPanel[],
  i: number,
  columns: number,
  f: FittedPanel,
  width: number,
  height: number,
): { xLabel: string[]; yLabel: string[] } {
  const before = i % columns === 0 ? undefined : all[i - 1];
  const below = all[i + columns];
  const shared = before && before.y.label === f.y.label && !before.surface && !f.surface;
  return {
    xLabel: below && below.x.label === f.x.label ? [] : wrapText(f.x.label, sizes.label, width),
    yLabel: shared ? [] : wrapText(f.y.label, sizes.label, height),
  };
}

function place(
  fitted: readonly FittedPanel[],
  labels: readonly { xLabel: string[]; yLabel: string[] }[],
  sides: readonly { left: number; right: number }[],
  frame: { width: number; height: number },
): Layout {
  const columns = sides.length;
  const starts: number[] = [];
  let x = margin;
  for (const side of sides) {
    starts.push(x + side.left);
    x += side.left + frame.width + side.right + columnGap;
  }
  const rows: { cells: Cell[]; head: number; foot: number }[] = [];
  for (let first = 0; first < fitted.length; first += columns) {
    const cells = fitted
      .slice(first, first + columns)
      .map((f, c) => ({ fitted: f, x: starts[c]!, ...labels[first + c]! }));
    rows.push({
      cells,
      head: Math.max(...cells.map((cell) => headHeight(cell.fitted))),
      foot:
        labelGap +
        sizes.tick +
        Math.max(...cells.map((cell) => cell.xLabel.length)) * lineHeight * sizes.label,
    });
  }
  return { frame, rows };
}

function axisLabels(cell: Cell, frame: Box): Item[] {
  const bottom = frame.y + frame.height + labelGap + sizes.tick;
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
        upward: true,
      }),
    ),
  ];
}
