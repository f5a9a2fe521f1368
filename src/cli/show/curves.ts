import { sparkline, terminalPlot } from '../../figure/sparkline.ts';
import type { Axis, Curves, Series } from '../../landscape/curves.ts';
import { columns, type Paint } from '../terminal.ts';
import { count, number } from '../units.ts';
import { words } from '../views/summary.ts';

/** Curves that are plotted before the others become a line each. */
const mostPlots = 6;

/** What was evaluated, then each curve: a plot of its loss, range and place of the minimum, accuracy as a line. */
export function curvesLines(
  curves: Curves,
  categories: string | undefined,
  width: number,
  paint: Paint,
): string[] {
  const lines = [paint('dim', words(curves.subject as never))];
  if (categories !== undefined) lines.push(categories);
  const [axis] = curves.axes;
  if (curves.axes.length !== 1 || !axis) return [...lines, '', ...surfaceLines(curves)];
  curves.series.forEach((series, i) => {
    lines.push('', ...(i < mostPlots ? plotted(series, axis, width, paint) : [oneLine(series, width)]));
  });
  return lines;
}

function plotted(series: Series, axis: Axis, width: number, paint: Paint): string[] {
  const loss = series.metrics.loss ?? [];
  const size = { columns: Math.max(20, Math.min(72, width - 14)), rows: 8 };
  const plot = terminalPlot(axis.values, loss, size);
  const margin = plot[0]!.indexOf('┤');
  const accuracy = series.metrics.accuracy;
  return [
    `${paint('bold', series.name)}  ${paint('dim', series.direction)}`,
    ...plot.map((line) => paint('cyan', line)),
    axisLine(axis, margin, size.columns),
    `${' '.repeat(margin + 1)}${rangeWords('loss', axis.values, loss)}`,
    ...(accuracy
      ? [`${' '.repeat(margin + 1)}accuracy ${sparkline(accuracy, size.columns - 28)} ${extremes(accuracy)}`]
      : []),
  ];
}

/** The ends of the axis under the plot, and between them where the marks are. */
function axisLine(axis: Axis, margin: number, width: number): string {
  const [first, last] = [axis.values[0] ?? 0, axis.values.at(-1) ?? 0];
  const cells = Array.from({ length: width }, () => '─');
  for (const { at, role } of axis.marks) {
    const place = Math.round(((at - first) / (last - first || 1)) * (width - 1));
    if (place >= 0 && place < width) cells[place] = role === 'model' ? '┴' : '╨';
  }
  const left = number(first);
  const right = `${number(last)}`;
  const name = axis.label;
  const room = Math.max(1, width - left.length - right.length - name.length);
  const before = Math.floor(room / 2);
  return [
    `${' '.repeat(margin)}└${cells.join('')}`,
    `${' '.repeat(margin + 1)}${left}${' '.repeat(before)}${name}${' '.repeat(room - before)}${right}`,
  ].join('\n');
}

function oneLine(series: Series, width: number): string {
  const loss = series.metrics.loss ?? [];
  return `${series.name}  ${sparkline(loss, Math.max(20, Math.min(60, width - 50)))}  loss ${extremes(loss)}`;
}

function rangeWords(name: string, x: readonly number[], y: readonly number[]): string {
  const finite = y.flatMap((value, i) => (Number.isFinite(value) ? [i] : []));
  if (finite.length === 0) return `${name}: no finite value`;
  const lowest = finite.reduce((best, i) => (y[i]! < y[best]! ? i : best));
  const gaps = y.length - finite.length;
  return `${name} ${extremes(y)}, lowest at ${number(x[lowest]!)}, ${count(y.length, 'point')}${gaps > 0 ? `, ${gaps} not finite` : ''}`;
}

/** `0.12 … 4.5` */
function extremes(values: readonly number[]): string {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? 'nowhere finite' : `${number(low, 3)} … ${number(high, 3)}`;
}

/** A surface as shades: one line a value of the first axis, low loss dark. */
function surfaceLines({ axes, series }: Curves): string[] {
  const [first, second] = axes as [Axis, Axis];
  return series.flatMap(({ name, metrics }) => {
    const loss = metrics.loss ?? [];
    const finite = loss.filter(Number.isFinite);
    const low = Math.min(...finite);
    const high = Math.max(...finite);
    const shades = [...' ░▒▓█'];
    const rows = first.values.map((x, i) => {
      const cells = second.values.map((_, j) => {
        const value = loss[i * second.values.length + j]!;
        if (!Number.isFinite(value)) return '··';
        const share = high > low ? (value - low) / (high - low) : 0;
        return shades[Math.min(shades.length - 1, Math.floor((1 - share) * shades.length))]!.repeat(2);
      });
      return [number(x, 3), cells.join('')];
    });
    return [
      `${name}: loss ${extremes(loss)} (dark is low), ${first.label} down, ${second.label} across from ${number(second.values[0] ?? 0)} to ${number(second.values.at(-1) ?? 0)}`,
      ...columns(rows, [0]),
    ];
  });
}
