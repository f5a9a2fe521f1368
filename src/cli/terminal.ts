import { stripVTControlCharacters, styleText } from 'node:util';
import { displayWidth as widthOf } from '../diagnostics/width.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'underline';

/** Colours a text, or gives it back as it is. */
export type Paint = (style: Style, text: string) => string;

export const noPaint: Paint = (_, text) => text;
export const withColours: Paint = (style, text) =>
  text === '' ? '' : styleText(style, text, { validateStream: false });

/** One of the two streams a command prints on, and what it can show. */
export interface Terminal {
  readonly stream: NodeJS.WriteStream;
  /** Whether someone watches and the screen can be redrawn. */
  readonly interactive: boolean;
  readonly paint: Paint;
  /** Width and height now; 80 by 24 where there is no screen. */
  size(): { readonly columns: number; readonly rows: number };
  write(text: string): void;
  /** Writes one line. */
  line(text?: string): void;
}

export interface ColourWish {
  readonly noColor: boolean;
  readonly tty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Whether to colour: what was asked on the command line, then FORCE_COLOR (https://force-color.org), then NO_COLOR
 * (https://no-color.org), then whether it is a terminal that can.
 */
export function wantsColour({ noColor, tty, env }: ColourWish): boolean {
  if (noColor) return false;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env.NO_COLOR) return false;
  return tty && env.TERM !== 'dumb';
}

/** Whether the screen can be redrawn: a machine that only collects what is printed (CI) gets plain lines. */
export function canRedraw(tty: boolean, env: ColourWish['env']): boolean {
  const ci = env.CI;
  return tty && env.TERM !== 'dumb' && (ci === undefined || ci === '' || ci === 'false' || ci === '0');
}

export function openTerminal(
  stream: NodeJS.WriteStream,
  noColor: boolean,
  env: ColourWish['env'] = process.env,
): Terminal {
  const tty = stream.isTTY === true;
  const write = (text: string): void => {
    if (!stream.destroyed) stream.write(text);
  };
  return {
    stream,
    interactive: canRedraw(tty, env),
    paint: wantsColour({ noColor, tty, env }) ? withColours : noPaint,
    size: () => ({ columns: stream.columns || 80, rows: stream.rows || 24 }),
    write,
    line: (text = '') => write(`${text}\n`),
  };
}

/** Columns a text takes on a screen; colours take none. */
export function displayWidth(text: string): number {
  return widthOf(stripVTControlCharacters(text));
}

/** Cuts a text that has no colours yet to a width; the cut shows as `…`. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let cut = '';
  let width = 1;
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns) break;
    cut += character;
  }
  return columns <= 0 ? '' : `${cut}…`;
}

/** Fills up with spaces to a width; colours take no width. */
export function pad(text: string, columns: number, side: 'end' | 'start' = 'end'): string {
  const space = ' '.repeat(Math.max(0, columns - displayWidth(text)));
  return side === 'end' ? text + space : space + text;
}

/** Rows of cells as aligned lines, two spaces between columns. Numbers of cells may differ. */
export function columns(
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[] = [],
): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell));
    });
  return rows.map((row) =>
    row
      .map((cell, i) => {
        if (rightAligned.includes(i)) return pad(cell, widths[i]!, 'start');
        return i === row.length - 1 ? cell : pad(cell, widths[i]!);
      })
      .join('  ')
      .trimEnd(),
  );
}
