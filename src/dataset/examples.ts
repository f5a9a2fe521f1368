/** Rows of a split as networks see them: chosen, put into channel order, normalised. */
import type { Examples } from '../network/examples.ts';
import type { Normalisation } from './normalisation.ts';
import type { Rows } from './rows.ts';

/** Up to so many bytes of normalised inputs are kept: training reads every image in every epoch. */
const keptBytes = 50_331_648;

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
  const features = rows.element === 'uint8' ? rows.size : rows.size / 4;
  const plane = features / channels;
  // Computed in float64 and rounded once.
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++)
    for (let p = 0; p < 256; p++) table[c * 256 + p] = (p / 255 - mean[c]!) / deviation[c]!;
  const step = interleaved ? channels : 1;
  const normalise = (bytes: Uint8Array, into: Float32Array, at: number): void => {
    const view =
      rows.element === 'float32' ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : undefined;
    let to = at;
    for (let c = 0; c < channels; c++) {
      let from = interleaved ? c : c * plane;
      if (view) {
        for (let i = 0; i < plane; i++, from += step)
          into[to++] = (view.getFloat32(4 * from, true) - mean[c]!) / deviation[c]!;
        continue;
      }
      const entries = table.subarray(c * 256, c * 256 + 256);
      for (let i = 0; i < plane; i++, from += step) into[to++] = entries[bytes[from]!]!;
    }
  };
  const read = (indices: ArrayLike<number>): Float32Array => {
    const values = new Float32Array(indices.length * features);
    rows.each(
      Uint32Array.from(indices, (i) => chosen[i]!),
      (i, bytes) => normalise(bytes, values, i * features),
    );
    return values;
  };
  let all: Float32Array | undefined;
  return {
    resident: () => rows.resident + (all?.byteLength ?? 0),
    examples: {
      count: chosen.length,
      features,
      classes,
      labels,
      inputs(indices) {
        if (chosen.length * features * 4 > Math.min(keptBytes, budget)) {
          rows.hold(budget);
          return read(indices);
        }
        all ??= read(Uint32Array.from({ length: chosen.length }, (_, i) => i));
        const values = new Float32Array(indices.length * features);
        for (let i = 0; i < indices.length; i++)
          values.set(all.subarray(indices[i]! * features, (indices[i]! + 1) * features), i * features);
        return values;
      },
    },
  };
}
