import { tickStep, ticks } from 'd3-array';
import { format, precisionFixed } from 'd3-format';

/** A mapping of numbers onto [0, 1] of an axis. */
export interface Scale {
  readonly kind: 'linear' | 'log';
  readonly domain: readonly [number, number];
  /** 0 at the lower end, 1 at the upper; NaN for what the scale cannot show (zero on a log scale). */
  at(value: number): number;
}

export interface Tick {
  readonly at: number;
  /** With mathematics; empty for a minor tick. */
  readonly text: string;
}

export interface Ticks {
  readonly list: readonly Tick[];
  /** The labels are to be multiplied by this power of ten: 0 where they mean what they say. */
  readonly exponent: number;
  /** Whether the labels are turned upwards. */
  readonly turned?: boolean;
}

/** Numbers beyond are treated as this one: the difference of two of them must still be a number. */
export const largest = 7e307;
/** Lengths below are none: a tenth of the smallest number would be zero. */
const smallest = 1e-290;

export function scaleOf(kind: Scale['kind'], domain: readonly [number, number]): Scale {
  if (kind === 'log') {
    const [low, high] = [Math.log10(domain[0]), Math.log10(domain[1])];
    return { kind, domain, at: (v) => (v > 0 ? (Math.log10(v) - low) / (high - low) : Number.NaN) };
  }
  const [low, high] = domain;
  return { kind, domain, at: (v) => (v - low) / (high - low) };
}

/**
 * The interval an axis shows for some values: their range and `margin` of it on each side. Values that the scale
 * cannot show are passed over; without any, [0, 1] (log: [0.1, 1]).
 */
export function domainOf(
  kind: Scale['kind'],
  values: readonly number[],
  margin: number,
): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value) || (kind === 'log' && value <= 0)) continue;
    const bounded = Math.min(largest, Math.max(kind === 'log' ? 1e-300 : -largest, value));
    low = Math.min(low, bounded);
    high = Math.max(high, bounded);
  }
  if (low > high) return kind === 'log' ? [0.1, 1] : [0, 1];
  if (kind === 'log') {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const room = b - a < 1e-6 ? 0.3 : (b - a) * margin;
    return [10 ** Math.max(-306, a - room), 10 ** Math.min(306, b + room)];
  }
  const size = Math.max(Math.abs(low), Math.abs(high));
  const narrow = high - low <= Math.max(1e-9 * size, smallest);
  const room = narrow ? (size <= smallest ? 0.5 : size * 0.05) : (high - low) * margin;
  return [low - room, high + room];
}

/**
 * Labelled ticks at round numbers: as many as `wanted`, or fewer, until `fits` says that the labels stand apart. One
 * number tells no scale: rather some more than wanted, where they fit. `fits` gets the ticks in ascending order.
 */
export function axisTicks(scale: Scale, wanted: number, fits: (list: readonly Tick[]) => boolean): Ticks {
  const most = Math.max(2, wanted);
  const fitting = (count: number): { ticks: Ticks; numbers: number } | undefined => {
    const candidate = scale.kind === 'log' ? logTicks(scale.domain, count) : linearTicks(scale.domain, count);
    const labelled = candidate.list.filter((t) => t.text !== '');
    return fits(labelled) ? { ticks: candidate, numbers: labelled.length } : undefined;
  };
  let few: Ticks | undefined;
  for (let count = most; count >= 1 && !few; count--) {
    const found = fitting(count);
    if (found && found.numbers > 1) return found.ticks;
    few = found?.ticks;
  }
  for (let count = most + 1; count <= most + 3; count++) {
    const found = fitting(count);
    if (found && found.numbers > 1) return found.ticks;
  }
  return few ?? { list: [], exponent: 0 };
}

function linearTicks([low, high]: readonly [number, number], count: number): Ticks {
  const values = ticks(low, high, count);
  const top = Math.max(...values.map(Math.abs), 0);
  const power = top === 0 ? 0 : Math.floor(Math.log10(top) + 1e-12);
  const exponent = power >= 4 || power <= -3 ? power : 0;
  const unit = 10 ** exponent;
  const step = Math.abs(tickStep(low, high, count)) / unit;
  const write = format(`.${Math.min(12, precisionFixed(step))}f`);
  return { list: values.map((at) => ({ at, text: write(at / unit) })), exponent };
}

function logTicks(domain: readonly [number, number], count: number): Ticks {
  const [low, high] = [Math.log10(domain[0]), Math.log10(domain[1])];
  // From 0 there are decades without end.
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { list: [], exponent: 0 };
  const first = Math.ceil(low - 1e-9);
  const last = Math.floor(high + 1e-9);
  if (last - first >= 1) {
    const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, count)));
    const list: Tick[] = [];
    for (let k = Math.ceil(low) - 1; k <= last; k++) {
      if (k >= first) list.push({ at: 10 ** k, text: k % every === 0 ? `$10^{${k}}$` : '' });
      if (every > 1) continue;
      for (let m = 2; m <= 9; m++) {
        const at = m * 10 ** k;
        if (at >= domain[0] && at <= domain[1]) list.push({ at, text: '' });
      }
    }
    if (list.filter((t) => t.text !== '').length >= 2 || every === 1) return { list, exponent: 0 };
  }
  const digits = high - low > 0.5 ? [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]] : [];
  for (const set of digits) {
    const values = [Math.floor(low), Math.floor(low) + 1]
      .flatMap((k) => set.map((m) => m * 10 ** k))
      .filter((v) => v >= domain[0] && v <= domain[1]);
    if (values.length <= count && values.length >= 2)
      return { list: values.map((at) => ({ at, text: numberText(at) })), exponent: 0 };
  }
  // Less than a decade: numbers in equal steps, with equal decimals.
  const { list, exponent } = linearTicks(domain, count);
  const above = list.filter(({ at }) => at > 0);
  return {
    list: exponent === 0 ? above : above.map(({ at }) => ({ at, text: numberText(at) })),
    exponent: 0,
  };
}

/** A number as it is printed in a paper: 0.05, 1250, 2.5×10⁻⁷ with so many digits, with a true minus sign. */
export function numberText(value: number, digits = 3): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e5)) return format('~r')(Number(value.toPrecision(6)));
  const [figures, exponent] = value
    .toExponential(digits - 1)
    .split('e')
    .map(Number);
  const mantissa = format('~r')(figures!);
  return `${mantissa === '1' ? '' : `${mantissa}×`}$10^{${exponent}}$`;
}
