import type { Terminal } from '../terminal.ts';

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
/** Lines longer than the screen are cut instead of wrapped while the block is drawn. */
const noWrap = '\x1b[?7l';
const wrap = '\x1b[?7h';
const clearToEnd = '\x1b[J';

const screens = new Set<{ close(): void }>();

/** Gives the terminal back, so that what is printed next is not erased: for whoever must end the process. */
export function closeScreens(): void {
  for (const screen of screens) screen.close();
}

/**
 * Draws a block of lines at the foot of the terminal again and again, with lasting lines printed above it. The cursor
 * rests below the block's first column between two drawings, so whatever else is printed meanwhile spoils at most one
 * frame. `close` restores the terminal and is also called when the process ends, for whatever reason but SIGKILL.
 */
export function openScreen(terminal: Terminal) {
  let drawn: readonly number[] = [];
  let open = true;
  let hidden = false;

  /** Rows the last block takes now: a terminal that became narrower has wrapped its lines. */
  const rowsAbove = (): number => {
    const { columns } = terminal.size();
    return drawn.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / Math.max(1, columns))), 0);
  };
  const erase = (): string => {
    const rows = Math.min(rowsAbove(), terminal.size().rows - 1);
    drawn = [];
    return rows > 0 ? `\x1b[${rows}A\r${clearToEnd}` : `\r${clearToEnd}`;
  };

  const close = (): void => {
    if (!open) return;
    open = false;
    process.off('exit', close);
    screens.delete(screen);
    if (hidden) terminal.write(erase() + wrap + showCursor);
  };
  process.on('exit', close);

  const screen = {
    /** One write a frame, so that the terminal never shows half of it. `widths` are the columns each line takes. */
    draw(lasting: readonly string[], block: readonly string[], widths: readonly number[]): void {
      if (!open) return;
      const frame = [hidden ? erase() : hideCursor];
      hidden = true;
      frame.push(...lasting.map((line) => `${line}\n`));
      if (block.length > 0) frame.push(noWrap, ...block.map((line) => `${line}\n`), wrap);
      terminal.write(frame.join(''));
      drawn = widths;
    },
    close,
  };
  screens.add(screen);
  return screen;
}
