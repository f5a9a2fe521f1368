import { decodeSafetensors } from '../../network/safetensors.ts';
import { columns, type Paint } from '../terminal.ts';
import { count, number } from '../units.ts';

/** One tensor in numbers. The norm is Euclidean; sums are in float64. */
export interface TensorSummary {
  readonly name: string;
  readonly shape: readonly number[];
  readonly norm: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** NaN and infinities, which the others leave out. */
  readonly nonFinite: number;
}

export function summarise(name: string, shape: readonly number[], values: Float32Array): TensorSummary {
  let [sum, squares, min, max, finite] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    finite++;
    sum += value;
    squares += value * value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const none = Number.NaN;
  return {
    name,
    shape,
    norm: Math.sqrt(squares),
    min: finite ? min : none,
    max: finite ? max : none,
    mean: finite ? sum / finite : none,
    nonFinite: values.length - finite,
  };
}

/** What the names of a checkpoint's tensors begin with that belong to its optimiser. */
const slotPrefix = 'optimiser/';

/** A checkpoint or a direction: what it says of itself, each tensor, and the whole. */
export function tensorLines(bytes: Uint8Array, label: string, paint: Paint): string[] {
  const { tensors, metadata } = decodeSafetensors(bytes, label);
  const summaries = tensors.map(({ name, shape, values }) => summarise(name, shape, values));
  const rows = summaries.map((t) => [
    t.name,
    t.shape.length === 0 ? 'scalar' : t.shape.join('x'),
    number(t.norm),
    number(t.min),
    number(t.max),
    number(t.mean),
    ...(t.nonFinite > 0 ? [paint('red', `${count(t.nonFinite, 'value')} not finite`)] : []),
  ]);
  const [head, ...body] = columns([['tensor', 'shape', 'norm', 'min', 'max', 'mean'], ...rows], [2, 3, 4, 5]);
  // A checkpoint holds more than its network: what its optimiser remembers is no part of the parameters.
  const own = summaries.filter(({ name }) => !name.startsWith(slotPrefix));
  const values = own.reduce((n, { shape }) => n + shape.reduce((product, side) => product * side, 1), 0);
  const norm = Math.hypot(...own.map((t) => t.norm));
  const rest = summaries.length - own.length;
  return [
    ...columns(Object.entries(metadata).map(([name, value]) => [paint('dim', name), paint('dim', value)])),
    ...(Object.keys(metadata).length > 0 ? [''] : []),
    paint('bold', head ?? ''),
    ...body,
    '',
    `${count(own.length, 'tensor')}, ${values.toLocaleString('en')} values, norm ${number(norm, 6)}${rest > 0 ? `; and ${rest} of its optimiser` : ''}`,
  ];
}
