/** Rows of a split as networks see them: chosen, put into channel order, normalised. */
import { KernelMemory } from '../kernels/kernels.ts';
import { type Examples, inOrder } from '../network/examples.ts';
import type { Normalisation } from './normalisation.ts';
import type { Rows } from './rows.ts';

/** Up to so many bytes of normalised inputs are kept (10,000 images of CIFAR): training reads every image in every epoch. */
const keptBytes = 128 * 2 ** 20;

export interface ResidentExamples {
  readonly examples: Examples;
  /** Bytes of inputs held now. */
  resident(): number;
}

/** What examples are made of. */
interface Source {
  readonly rows: Rows;
  /** Rows in the order of the examples. */
  readonly chosen: Uint32Array;
  readonly labels: Uint8Array | Uint16Array;
  /** Whether the rows have the channels last. */
  readonly interleaved: boolean;
}

/**
 * @param channels of an image; 1 where examples are no images.
 * @param budget bytes that may stay in memory.
 */
export function examplesOf(
  { rows, chosen, labels, interleaved }: Source,
  classes: number,
  channels: number,
  { mean, deviation }: Normalisation,
  budget: number,
): ResidentExamples {
  const { features } = rows;
  const plane = features / channels;
  // Computed in float64 and rounded once.
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++)
    for (let p = 0; p < 256; p++) table[c * 256 + p] = (p / 255 - mean[c]!) / deviation[c]!;
  const normalise =
    rows.element === 'uint8'
      ? bytesNormalised(table, channels, plane, interleaved)
      : numbersNormalised(mean, deviation, plane, interleaved, rows.element);
  const read = (indices: ArrayLike<number>, values: Float32Array): void => {
    const wanted = Uint32Array.from(indices, (i) => chosen[i]!);
    normalise((use) => rows.each(wanted, use), values);
  };
  let all: Float32Array | undefined;
  return {
    resident: () => rows.resident + (all?.byteLength ?? 0),
    examples: {
      count: chosen.length,
      features,
      classes,
      labels,
      inputs(indices, into) {
        const values = into ?? new Float32Array(indices.length * features);
        if (chosen.length * features * 4 > Math.min(keptBytes, budget)) {
          rows.hold(budget);
          read(indices, values);
          return values;
        }
        if (!all) {
          all = new Float32Array(chosen.length * features);
          read(inOrder(chosen.length), all);
        }
        // Whoever offers room asks for numbers to read: neighbours lie there already.
        const first = indices[0] ?? 0;
        if (into && areConsecutive(indices))
          return all.subarray(first * features, (first + indices.length) * features);
        for (let i = 0; i < indices.length; i++)
          values.set(all.subarray(indices[i]! * features, (indices[i]! + 1) * features), i * features);
        return values;
      },
    },
  };
}

function areConsecutive(indices: ArrayLike<number>): boolean {
  for (let i = 1; i < indices.length; i++) if (indices[i] !== indices[0]! + i) return false;
  return true;
}

/** Writes rows, which are handed over with their places, as numbers. */
type Normalise = (each: (use: (i: number, bytes: Uint8Array) => void) => void, values: Float32Array) => void;

/** So many bytes and what they stand for stay in the second-level cache. */
const atOnce = 65_536;

/** @param table [channels][256]. */
function bytesNormalised(
  table: Float32Array,
  channels: number,
  plane: number,
  interleaved: boolean,
): Normalise {
  const size = channels * plane;
  const most = Math.max(1, Math.floor(atOnce / size));
  let ready: { memory: KernelMemory; meanings: number; bytes: number; numbers: number } | undefined;
  const prepare = (): NonNullable<typeof ready> => {
    const memory = new KernelMemory();
    const [meanings, bytes, numbers] = [4 * table.length, most * size, 4 * most * size].map((length) =>
      memory.allocate(length),
    ) as [number, number, number];
    memory.float32(meanings, table.length).set(table);
    return { memory, meanings, bytes, numbers };
  };
  return (each, values) => {
    const { memory, meanings, bytes, numbers } = (ready ??= prepare());
    const given = memory.uint8(bytes, most * size);
    const made = memory.float32(numbers, most * size);
    const places: number[] = [];
    const flush = (): void => {
      memory.run.pixels(numbers, bytes, places.length, channels, plane, meanings, interleaved ? 1 : 0);
      for (const [row, i] of places.entries())
        values.set(made.subarray(row * size, (row + 1) * size), i * size);
      places.length = 0;
    };
    each((i, row) => {
      given.set(row, places.length * size);
      if (places.push(i) === most) flush();
    });
    flush();
  };
}

function numbersNormalised(
  mean: readonly number[],
  deviation: readonly number[],
  plane: number,
  interleaved: boolean,
  element: 'float32' | 'float64',
): Normalise {
  const channels = mean.length;
  const step = interleaved ? channels : 1;
  return (each, values) =>
    each((i, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const given = (at: number): number =>
        element === 'float32' ? view.getFloat32(4 * at, true) : Math.fround(view.getFloat64(8 * at, true));
      let to = i * channels * plane;
      for (let c = 0; c < channels; c++)
        for (let p = 0, from = interleaved ? c : c * plane; p < plane; p++, from += step)
          values[to++] = (given(from) - mean[c]!) / deviation[c]!;
    });
}
