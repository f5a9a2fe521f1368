import { arrange, axisLabels, columnHeadings, frameOf, lineHeight, margin, rowHeading } from './arrange.ts';
import type { Figure } from './figure.ts';
import type { PlacedPanel } from './fitted.ts';
import { wrapText } from './fonts.ts';
import { drawStrip, type KeyEntry, type KeySymbol, stripHeight } from './key.ts';
import { plainText } from './math-text.ts';
import { drawHead } from './panel.ts';
import type { Item, Scene } from './scene.ts';
import { sharedNames } from './shared-names.ts';
import { ink, lineStroke, sizes } from './style.ts';
import { sceneToSvg } from './svg.ts';
import { ascent } from './typography.ts';

const rowGap = 9;

/** The figure as a standalone SVG document: a pure function, the same text on every machine. */
export function drawFigure(figure: Figure): string {
  return sceneToSvg(figureScene(figure));
}

export function figureScene(figure: Figure): Scene {
  return layOut(figure).scene;
}

/** Where everything of a figure stands. */
export function layOut(given: Figure): { readonly scene: Scene; readonly panels: readonly PlacedPanel[] } {
  const figure = sharedNames(given);
  const layout = arrange(figure);
  const inner = figure.width - 2 * margin;
  const items: Item[] = [];
  const placed: PlacedPanel[] = [];
  let y = margin;
  for (const text of figure.title ? wrapText(figure.title, sizes.figureTitle, inner, true) : []) {
    items.push(centredLine(text, figure.width / 2, y, sizes.figureTitle, true));
    y += lineHeight * sizes.figureTitle;
  }
  if (figure.title) y += 4;
  const headings = columnHeadings(figure, layout, y);
  items.push(...headings.items);
  y += headings.height;
  const key: { entry: KeyEntry; panel: string }[] = [];
  layout.rows.forEach((row, r) => {
    y += row.head;
    for (const cell of row.cells) {
      const frame = frameOf(cell, layout, row, y);
      const drawn = cell.fitted.draw(frame);
      for (const entry of drawn.key) key.push({ entry, panel: cell.fitted.panel.title ?? '' });
      items.push({
        type: 'group',
        name: 'panel',
        items: [...drawn.items, ...drawHead(cell.fitted, frame), ...axisLabels(cell, frame)],
      });
      placed.push({
        frame,
        ...(cell.fitted.scales && { scales: cell.fitted.scales }),
        ...(drawn.inset && { inset: drawn.inset }),
      });
    }
    items.push(...rowHeading(layout, r, { ...layout.frame, x: 0, y }));
    y += layout.frame.height + row.foot + rowGap;
  });
  if (layout.rows.length > 0) y -= rowGap;
  for (const { heading, entries } of keyGroups(key, unnamedSymbols(figure))) {
    y += 5;
    if (heading !== '') {
      items.push(centredLine(heading, figure.width / 2, y, sizes.tick, false));
      y += lineHeight * sizes.tick;
    }
    items.push({ type: 'group', name: 'key', items: drawStrip(entries, margin, y, inner) });
    y += stripHeight(entries, inner);
  }
  const paragraph = (text: string, size: number, fill?: string): void => {
    for (const one of wrapText(text, size, inner)) {
      items.push({
        type: 'text',
        x: margin,
        y: y + ascent * size,
        text: one,
        size,
        anchor: 'start',
        ...(fill && { fill }),
      });
      y += lineHeight * size;
    }
  };
  if (figure.caption) {
    y += 5;
    paragraph(figure.caption, sizes.label);
  }
  if (figure.notes && figure.notes.length > 0) {
    y += 4;
    for (const note of figure.notes) paragraph(note, sizes.small, ink.faint);
  }
  const scene = { width: figure.width, height: Math.ceil(y + margin), title: figureTitle(figure), items };
  return { scene, panels: placed };
}

/** The figure's title without markup, or those of its panels. */
export function figureTitle(figure: Figure): string {
  const panels = figure.panels.map((p) => p.title ?? '').filter((t) => t !== '');
  return plainText(figure.title ?? panels.join('; ')) || 'Figure';
}

/** What the key explains in one go, under a panel's title where it holds for that panel only. */
interface KeyGroup {
  readonly heading: string;
  readonly entries: readonly KeyEntry[];
}

/** Strokes of curves that no legend names: one of the key that looks alike is not theirs. */
function unnamedSymbols({ panels }: Figure): KeySymbol[] {
  return panels.flatMap((panel) =>
    panel.kind === 'space' || panel.legend
      ? []
      : panel.marks.flatMap((mark): KeySymbol[] =>
          mark.type === 'line' ? [{ type: 'line', stroke: lineStroke(mark.style), upright: false }] : [],
        ),
  );
}

/** Each entry once; strokes that mean different things in different panels are listed panel by panel. */
function keyGroups(
  found: readonly { readonly entry: KeyEntry; readonly panel: string }[],
  unnamed: readonly KeySymbol[],
): KeyGroup[] {
  const meanings = new Map<string, Set<string>>(
    unnamed.map((symbol) => [JSON.stringify(symbol), new Set([''])]),
  );
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
    .map(([heading, entries]) => ({ heading, entries: byLabel([...entries.values()]) }));
}

/** Several symbols that mean the same stand before one label. */
function byLabel(entries: readonly KeyEntry[]): KeyEntry[] {
  const labels = new Map<string, KeyEntry>();
  for (const entry of entries) {
    const first = labels.get(entry.label);
    labels.set(entry.label, first ? { ...first, also: [...(first.also ?? []), entry.symbol] } : entry);
  }
  return [...labels.values()];
}

function centredLine(text: string, x: number, y: number, size: number, bold: boolean): Item {
  return { type: 'text', x, y: y + ascent * size, text, size, anchor: 'middle', bold };
}
