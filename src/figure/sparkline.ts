/** Series of numbers as text, for terminals. Values that are not finite are shown as such, never as a height. */

const bars = [...'▁▂▃▄▅▆▇█'];

/** One line: a bar a value, `·` where it is not finite. More than `width` values are averaged in equal groups. */
export function sparkline(values: readonly number[], width = 60): string {
  const shown = reduced(values, width);
  const [low, high] = bounds(shown);
  return shown
    .map((value) => {
      if (!Number.isFinite(value)) return '·';
      const share = high > low ? (value - low) / (high - low) : 0.5;
      return bars[Math.min(bars.length - 1, Math.floor(share * bars.length))]!;
    })
    .join('');
}

export interface TerminalPlot {
  /** Columns and rows of characters; each holds two by four dots. */
  readonly columns: number;
  readonly rows: number;
}

/**
 * A curve in braille dots, `rows` lines of `columns` characters, its highest and lowest value in the first and last
 * line's margin. Dots are joined by straight lines, gaps stay gaps.
 */
export function terminalPlot(x: readonly number[], y: readonly number[], size: TerminalPlot): string[] {
  const dots = Array.from({ length: size.rows * 4 }, () => new Uint8Array(size.columns * 2));
  const [left, right] = bounds(x);
  const [low, high] = bounds(y);
  const place = (i: number): readonly [number, number] | undefined => {
    const [a, b] = [x[i]!, y[i]!];
    if (!Number.isFinite(a) || !Number.isFinite(b)) return undefined;
    const across = right > left ? (a - left) / (right - left) : 0.5;
    const up = high > low ? (b - low) / (high - low) : 0.5;
    return [across * (size.columns * 2 - 1), (1 - up) * (size.rows * 4 - 1)];
  };
  y.forEach((_, i) => {
    const to = place(i);
    if (!to) return;
    const from = (i > 0 && place(i - 1)) || to;
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]))));
    for (let k = 0; k <= steps; k++) {
      const column = Math.round(from[0] + ((to[0] - from[0]) * k) / steps);
      const row = Math.round(from[1] + ((to[1] - from[1]) * k) / steps);
      dots[row]![column] = 1;
    }
  });
  const labels = low <= high ? [short(high), short(low)] : ['', ''];
  const margin = Math.max(...labels.map((l) => l.length));
  return Array.from({ length: size.rows }, (_, row) => {
    const label = row === 0 ? labels[0]! : row === size.rows - 1 ? labels[1]! : '';
    const cells = Array.from({ length: size.columns }, (_, column) =>
      braille(dots, row * 4, column * 2),
    ).join('');
    return `${label.padStart(margin)} ┤${cells}`.trimEnd();
  });
}

/** Bits of a braille character (U+2800) by row and column of its dots. */
const bits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

function braille(dots: readonly Uint8Array[], top: number, left: number): string {
  let code = 0;
  bits.forEach((pair, r) => {
    pair.forEach((bit, c) => {
      if (dots[top + r]![left + c] === 1) code |= bit;
    });
  });
  return code === 0 ? ' ' : String.fromCharCode(0x2800 + code);
}

/** Four significant digits and a true minus sign. */
function short(value: number): string {
  return String(Number(value.toPrecision(4))).replace('-', '−');
}

function bounds(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/** Means of equal groups; a group with a value that is not finite is not finite. */
function reduced(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: width }, (_, i) => {
    const group = values.slice(
      Math.floor((i * values.length) / width),
      Math.floor(((i + 1) * values.length) / width),
    );
    return group.reduce((sum, v) => sum + v / group.length, 0);
  });
}
