import { UserError } from '../diagnostics/diagnostic.ts';
import type { Examples } from '../network/examples.ts';

/** One record of the official binary files: a label byte, then 32x32 pixels as a red, a green and a blue plane. */
export const recordBytes = 3073;
const planeBytes = 1024;
const pixelBytes = 3 * planeBytes;
/** Up to so many images (50 MB as float32) stay normalised in memory. */
const keptRows = 4096;

/** Constants of inputs (p/255 - mean) / deviation, one a channel. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** The usual constants of CIFAR-10's training images. */
export const cifar10Normalisation: Normalisation = {
  mean: [0.4914, 0.4822, 0.4465],
  deviation: [0.247, 0.2435, 0.2616],
};

/** Records of one or more files, checked. */
export interface Records {
  /** The files' bytes, one after the other. */
  readonly bytes: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * Checks the records of official binary files and collects their labels.
 * @throws UserError with the file and the byte offset of a record that is cut short or a label out of range.
 */
export function readRecords(
  files: readonly { readonly path: string; readonly bytes: Uint8Array }[],
  classes: number,
): Records {
  const total = files.reduce((sum, file) => sum + file.bytes.length, 0);
  const labels = new Uint8Array(Math.floor(total / recordBytes));
  let row = 0;
  for (const { path, bytes } of files) {
    const bad = (message: string): UserError =>
      new UserError({
        severity: 'error',
        code: 'bad-dataset',
        message: `${path}: ${message}`,
        expected: `records of ${recordBytes} bytes: a label below ${classes}, then 3,072 pixel bytes`,
        hint: 'the file is damaged or of another format: get it again',
      });
    if (bytes.length === 0) throw bad('the file is empty');
    for (let at = 0; at < bytes.length; at += recordBytes) {
      if (at + recordBytes > bytes.length)
        throw bad(`the record at byte ${at} is cut short after ${bytes.length - at} of ${recordBytes} bytes`);
      const label = bytes[at]!;
      if (label >= classes)
        throw bad(`the record at byte ${at} has the label ${label}, and there are ${classes} classes`);
      labels[row++] = label;
    }
  }
  if (files.length === 1) return { bytes: files[0]!.bytes, labels };
  const joined = new Uint8Array(total);
  let at = 0;
  for (const { bytes } of files) {
    joined.set(bytes, at);
    at += bytes.length;
  }
  return { bytes: joined, labels };
}

/**
 * Records as examples of 3,072 features: normalised pixels (p/255 - mean) / deviation, channel after channel as in
 * the file. Computed in float64 and rounded once.
 */
export function examplesOf(
  { bytes, labels }: Records,
  classes: number,
  { mean, deviation }: Normalisation = cifar10Normalisation,
): Examples {
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++)
    for (let pixel = 0; pixel < 256; pixel++)
      table[channel * 256 + pixel] = (pixel / 255 - mean[channel]!) / deviation[channel]!;
  const normalise = (row: number, into: Float32Array, at: number): void => {
    let to = at;
    let from = row * recordBytes + 1;
    for (let channel = 0; channel < 3; channel++) {
      const entries = table.subarray(channel * 256, channel * 256 + 256);
      for (let i = 0; i < planeBytes; i++) into[to++] = entries[bytes[from++]!]!;
    }
  };
  // Small sets are normalised once: training reads every image in every epoch.
  let all: Float32Array | undefined;
  return {
    count: labels.length,
    features: pixelBytes,
    classes,
    labels,
    inputs(indices) {
      if (labels.length <= keptRows && !all) {
        all = new Float32Array(labels.length * pixelBytes);
        for (let row = 0; row < labels.length; row++) normalise(row, all, row * pixelBytes);
      }
      const values = new Float32Array(indices.length * pixelBytes);
      for (let i = 0; i < indices.length; i++) {
        const row = indices[i]!;
        if (all) values.set(all.subarray(row * pixelBytes, (row + 1) * pixelBytes), i * pixelBytes);
        else normalise(row, values, i * pixelBytes);
      }
      return values;
    },
  };
}

/** Class names, one a line, as in `batches.meta.txt`. */
export function parseClassNames(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
