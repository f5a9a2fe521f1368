/** How the page calls panels: by what a reader sees. */
import type { Figure, Panel } from '../figure.ts';
import { plainText } from '../math-text.ts';
import type { Box } from '../scene.ts';

/**
 * The headings of a panel's row and column, and its title; where it has none, what its axes are called; where that is
 * another's name, too, or there is nothing, where it stands on the page.
 */
export function panelNames(
  panels: readonly { readonly frame: Box; readonly panel: Panel }[],
  { columns, rowTitles = [], columnTitles = [] }: Pick<Figure, 'columns' | 'rowTitles' | 'columnTitles'>,
): string[] {
  const names = panels.map(({ panel }, i) => {
    const headings = [rowTitles[Math.floor(i / columns)], columnTitles[i % columns]];
    const title = plainText(panel.title ?? '');
    // Below headings a number in brackets may be all of a title: it is no name.
    const own = headings.some(Boolean) ? title.replace(/ ?\[[^\]]*\]$/u, '') : title;
    const said = [...headings.map((text) => plainText(text ?? '')), own].filter((text) => text !== '');
    if (said.length > 0) return said.join(', ');
    const [x, y] = [panel.x, panel.y].map(({ label }) => plainText(label));
    return x && y ? `${y} over ${x}` : x || y || '';
  });
  const places = placesOf(panels.map(({ frame }) => frame));
  return names.map((name, i) => {
    const alone = names.filter((other) => other === name).length === 1;
    if (name && alone) return name;
    return name ? `${name} (${places[i]})` : places[i]!;
  });
}

/** Rows and columns of a page, counted from 1, by the frames' upper left corners. */
function placesOf(frames: readonly Box[]): string[] {
  const ranks = (values: readonly number[]): number[] => {
    // Frames of one row may differ by what their titles need.
    const starts: number[] = [];
    for (const value of [...values].sort((a, b) => a - b))
      if (starts.length === 0 || value - starts.at(-1)! > 20) starts.push(value);
    return values.map((value) => starts.filter((start) => start <= value).length);
  };
  const rows = ranks(frames.map(({ y }) => y));
  const columns = ranks(frames.map(({ x }) => x));
  const [manyRows, manyColumns] = [Math.max(...rows) > 1, Math.max(...columns) > 1];
  return frames.map(
    (_, i) =>
      [...(manyRows ? [`row ${rows[i]}`] : []), ...(manyColumns ? [`column ${columns[i]}`] : [])].join(
        ', ',
      ) || 'the panel',
  );
}
