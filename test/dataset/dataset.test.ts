import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { recordsFromStrip } from '../../src/dataset/cifar10-package.ts';
import {
  datasetFiles,
  datasetFor,
  firstExamples,
  listDatasets,
  loadDataset,
} from '../../src/dataset/dataset.ts';
import { decodeRgbPng } from '../../src/dataset/png.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';
import { tinyRecords, tinyWorkspace } from '../support/tiny-dataset.ts';

async function messageOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return 'no error';
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
}

describe('the shipped sample of CIFAR-10', () => {
  test('has the bytes that its README states', () => {
    const folder = join(packageRoot(), 'data', 'cifar10-mini');
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const file of ['train.bin', 'test.bin']) {
      const sum = createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex');
      expect(readme).toContain(`${sum}  ${file}`);
    }
  });

  test('holds the ten classes as evenly as the numbers allow', async () => {
    const { train, test: held, classNames } = await loadDataset('cifar10-mini', packageRoot());
    expect([train.count, held.count]).toEqual([2048, 512]);
    expect(classNames.slice(0, 3)).toEqual(['airplane', 'automobile', 'bird']);
    const counts = (labels: ArrayLike<number>): number[] =>
      Array.from({ length: 10 }, (_, c) => Array.from(labels).filter((label) => label === c).length);
    expect(counts(train.labels)).toEqual([205, 205, 205, 205, 205, 205, 205, 205, 204, 204]);
    expect(counts(held.labels)).toEqual([52, 52, 51, 51, 51, 51, 51, 51, 51, 51]);
  });

  test('is normalised channel by channel', async () => {
    const { train } = await loadDataset('cifar10-mini', packageRoot());
    const bytes = readFileSync(join(packageRoot(), 'data/cifar10-mini/train.bin'));
    const [second] = [train.inputs([1])];
    const pixel = (channel: number, i: number): number => bytes[3073 + 1 + 1024 * channel + i]!;
    expect(second[5]).toBe(Math.fround((pixel(0, 5) / 255 - 0.4914) / 0.247));
    expect(second[1024 + 7]).toBe(Math.fround((pixel(1, 7) / 255 - 0.4822) / 0.2435));
    expect(second[3071]).toBe(Math.fround((pixel(2, 1023) / 255 - 0.4465) / 0.2616));
    const all = train.inputs(Uint32Array.from({ length: 2048 }, (_, i) => i));
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
  });
});

test('inputs are the same numbers wherever room is offered for them', async () => {
  const { train } = await loadDataset('cifar10-mini', packageRoot());
  for (const indices of [[5, 6, 7], [7], [3, 9], [6, 5]]) {
    const room = new Float32Array(indices.length * train.features);
    const found = train.inputs(indices, room);
    expect(found).toEqual(train.inputs(indices));
    // Neighbours are read where they are kept.
    const neighbours = indices.every((index, i) => index === indices[0]! + i);
    expect(found.buffer === room.buffer).toBe(!neighbours);
  }
  const own = train.inputs([5, 6]);
  own.fill(0);
  expect(train.inputs([5, 6])[0]).not.toBe(0);
});

describe('finding data sets', () => {
  test('the workspace comes before the package, which has the sample', () => {
    const root = tinyWorkspace();
    expect(listDatasets(root).map(({ name }) => name)).toEqual(['tiny', 'cifar10-mini']);
    expect(datasetFiles('tiny', root).map(({ name }) => name)).toEqual([
      'data/tiny/train.bin',
      'data/tiny/test.bin',
      'data/tiny/batches.meta.txt',
    ]);
    expect(datasetFiles('cifar10-mini', root)[0]!.path).toBe(
      join(packageRoot(), 'data/cifar10-mini/train.bin'),
    );
  });

  test('an unknown name is refused with what is there and how to get more', async () => {
    const root = tinyWorkspace();
    for (const name of ['cifar100', '../tiny', '', 'tiny/..', 'a\0b'])
      expect(await messageOf(() => loadDataset(name, root))).toMatch(/there is no data set .*looked for/);
    const strange = join(root, 'data', 'strange');
    mkdirSync(strange);
    writeFileSync(join(strange, 'train-x.npy'), '');
    expect(await messageOf(() => loadDataset('strange', root))).toContain(
      `what is in ${strange} is in no layout that orograph reads`,
    );
    try {
      datasetFiles('cifar10', root);
    } catch (error) {
      expect((error as UserError).diagnostics[0]).toMatchObject({
        expected: 'one of tiny, cifar10-mini',
        hint: 'get it with "orograph data get cifar10"',
      });
    }
  });

  test('how the records are cut into files does not matter, their content does', async () => {
    const whole = await loadDataset('tiny', tinyWorkspace());
    const root = tinyWorkspace();
    const folder = join(root, 'data', 'cut');
    mkdirSync(folder);
    const records = tinyRecords('train', 60);
    writeFileSync(join(folder, 'data_batch_1.bin'), records.subarray(0, 40 * 3073));
    writeFileSync(join(folder, 'data_batch_2.bin'), records.subarray(40 * 3073));
    writeFileSync(join(folder, 'test_batch.bin'), tinyRecords('test', 20));
    writeFileSync(join(folder, 'batches.meta.txt'), 'dark\nmiddle\nbright\n');
    const cut = await loadDataset('cut', root);
    expect(cut.identity.digest).toBe(whole.identity.digest);
    expect(cut.train.inputs([59])).toEqual(whole.train.inputs([59]));
    records[5]! ^= 1;
    writeFileSync(join(folder, 'data_batch_1.bin'), records.subarray(0, 40 * 3073));
    expect((await loadDataset('cut', root)).identity.digest).not.toBe(whole.identity.digest);
  });
});

describe('damaged data', () => {
  async function damaged(change: (folder: string) => void): Promise<string> {
    const root = tinyWorkspace();
    change(join(root, 'data', 'tiny'));
    return messageOf(() => loadDataset('tiny', root));
  }

  test('a record that is cut short is located', async () => {
    const bytes = tinyRecords('train', 60).subarray(0, 3 * 3073 - 1);
    expect(await damaged((folder) => writeFileSync(join(folder, 'train.bin'), bytes))).toMatch(
      /train\.bin: the record at byte 6146 is cut short after 3072 of 3073 bytes$/,
    );
  });

  test('a label out of range is located', async () => {
    const bytes = tinyRecords('test', 20);
    bytes[7 * 3073] = 3;
    expect(await damaged((folder) => writeFileSync(join(folder, 'test.bin'), bytes))).toMatch(
      /test\.bin: the record at byte 21511 has the label 3, and there are 3 classes$/,
    );
  });

  test('an empty file and missing class names are told', async () => {
    expect(await damaged((folder) => writeFileSync(join(folder, 'train.bin'), ''))).toMatch(
      /the file is empty$/,
    );
    expect(await damaged((folder) => writeFileSync(join(folder, 'batches.meta.txt'), 'one\n'))).toContain(
      '1 class names',
    );
  });

  test('a checkpoint is not silently evaluated on data that has changed', async () => {
    const root = tinyWorkspace();
    const { identity } = await loadDataset('tiny', root);
    const checkpoint = { dataset: identity, network: { inputs: 3072, classes: 3 } };
    expect((await datasetFor(checkpoint, undefined, root)).identity).toEqual(identity);
    expect(await messageOf(() => datasetFor(checkpoint, 'cifar10-mini', root))).toContain(
      '3072 features and tells 3 classes',
    );
    writeFileSync(join(root, 'data/tiny/test.bin'), tinyRecords('other', 20));
    expect(await messageOf(() => datasetFor(checkpoint, undefined, root))).toContain(
      'its content has changed',
    );
    expect((await datasetFor(checkpoint, 'tiny', root)).test.count).toBe(20);
  });

  test('the wrong data are told as such, not as data that cannot be normalised', async () => {
    const of = (inputs: number, classes: number) => ({
      dataset: { name: 'moons', digest: '', mean: [0], deviation: [1] },
      network: { inputs, classes },
    });
    expect(await messageOf(() => datasetFor(of(2, 2), 'cifar10-mini', packageRoot()))).toBe(
      'the network takes 2 features and tells 2 classes apart; "cifar10-mini" has 3072 and 10',
    );
    expect(await messageOf(() => datasetFor(of(3072, 10), 'cifar10-mini', packageRoot()))).toBe(
      'the network was trained on vectors, or images of one channel; "cifar10-mini" has images of 3 channels',
    );
  });

  test('more examples than there are, are refused', async () => {
    const { train } = await loadDataset('tiny', tinyWorkspace());
    expect(firstExamples(train, 7, 'it').labels).toEqual(train.labels.subarray(0, 7));
    expect(firstExamples(train, undefined, 'it')).toBe(train);
    expect(await messageOf(() => firstExamples(train, 61, 'the train split'))).toContain(
      'the train split has 60',
    );
  });
});

describe('PNG strips', () => {
  /** A PNG with the given row filters, written by the specification. */
  function png(width: number, height: number, pixels: Uint8Array, filters: number[]): Uint8Array {
    const stride = 3 * width;
    const rows: number[] = [];
    for (let y = 0; y < height; y++) {
      const filter = filters[y % filters.length]!;
      rows.push(filter);
      for (let i = 0; i < stride; i++) {
        const at = (row: number, column: number): number =>
          row < 0 || column < 0 ? 0 : pixels[row * stride + column]!;
        const [left, up, corner] = [at(y, i - 3), at(y - 1, i), at(y - 1, i - 3)];
        const p = left + up - corner;
        const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
        const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
        rows.push((at(y, i) - [0, left, up, (left + up) >> 1, paeth][filter]!) & 255);
      }
    }
    const chunk = (type: string, data: Uint8Array): Buffer => {
      const out = Buffer.alloc(12 + data.length);
      out.writeUInt32BE(data.length);
      out.write(type, 4, 'latin1');
      out.set(data, 8);
      return out;
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const data = deflateSync(Uint8Array.from(rows));
    const half = data.length >> 1;
    const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
    const parts = [
      chunk('IHDR', header),
      chunk('IDAT', data.subarray(0, half)),
      chunk('IDAT', data.subarray(half)),
    ];
    return Buffer.concat([signature, ...parts, chunk('IEND', new Uint8Array())]);
  }
  const random = new Random([31]);
  const noise = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => random.below(256));

  test.each([0, 1, 2, 3, 4])('are decoded under row filter %i', (filter) => {
    const pixels = noise(3 * 9 * 6);
    expect(decodeRgbPng(png(9, 6, pixels, [filter]))).toEqual({ width: 9, height: 6, pixels });
    expect(decodeRgbPng(png(9, 6, pixels, [0, filter, 4])).pixels).toEqual(pixels);
  });

  test('become official records: label, then a red, a green and a blue plane', () => {
    const pixels = noise(3 * 1024 * 2);
    const records = recordsFromStrip(png(1024, 2, pixels, [1]), [7, 2]);
    expect([records.length, records[0], records[3073]]).toEqual([6146, 7, 2]);
    for (const [row, channel, pixel] of [
      [0, 0, 0],
      [0, 2, 1023],
      [1, 1, 500],
    ] as const)
      expect(records[row * 3073 + 1 + channel * 1024 + pixel]).toBe(
        pixels[(row * 1024 + pixel) * 3 + channel],
      );
    expect(() => recordsFromStrip(png(1024, 2, pixels, [1]), [7])).toThrow(/2 pixels for 1 labels/);
  });

  test('other files are refused in words', () => {
    const good = png(2, 2, noise(12), [0]);
    expect(() => decodeRgbPng(Uint8Array.of(1, 2, 3))).toThrow('no PNG file');
    expect(() => decodeRgbPng(good.subarray(0, 50))).toThrow(/cut short/);
    const grey = Uint8Array.from(good);
    grey[25] = 0;
    expect(() => decodeRgbPng(grey)).toThrow(/colour type 0/);
  });
});
