import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { create } from 'tar';
import { describe, expect, test } from 'vitest';
import { checkDataset } from '../../src/dataset/check.ts';
import {
  type DatasetChoice,
  datasetFiles,
  datasetFor,
  listDatasets,
  loadDataset,
} from '../../src/dataset/dataset.ts';
import { decodedAtOnce, imagesPerFile, prepared } from '../../src/dataset/prepared.ts';
import type { UserError } from '../../src/diagnostics/diagnostic.ts';
import { encodeSafetensors } from '../../src/network/safetensors.ts';
import { flat, pattern, sharedData, writeImage } from '../support/image-files.ts';
import { npy } from '../support/npy.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

function workspace(): { root: string; folder: string } {
  const root = scratchFolder('layouts');
  const folder = join(root, 'data', 'set');
  mkdirSync(folder, { recursive: true });
  return { root, folder };
}
const put = (folder: string, name: string, content: string | Uint8Array): void =>
  writeFileSync(join(folder, name), content);
async function told(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Records of CIFAR-100: 3 coarse and 4 fine classes. */
function records100(count: number, shift = 0): Uint8Array {
  const bytes = new Uint8Array(count * 3074);
  for (let row = 0; row < count; row++) {
    bytes[row * 3074] = row % 3;
    bytes[row * 3074 + 1] = row % 4;
    for (let i = 0; i < 3072; i++) bytes[row * 3074 + 2 + i] = row * 5 + i + shift;
  }
  return bytes;
}
function putCifar100(folder: string): void {
  put(folder, 'train.bin', records100(24));
  put(folder, 'test.bin', records100(12, 9));
  put(folder, 'coarse_label_names.txt', 'x\ny\nz\n');
  put(folder, 'fine_label_names.txt', 'a\nb\nc\nd\n');
}

describe('CIFAR-100', () => {
  test('gives fine or coarse labels of the same pixels', async () => {
    const { root, folder } = workspace();
    putCifar100(folder);
    const fine = await loadDataset('set', root);
    const coarse = await loadDataset({ name: 'set', labels: 'coarse' }, root);
    expect([fine.classNames, coarse.classNames]).toEqual([
      ['a', 'b', 'c', 'd'],
      ['x', 'y', 'z'],
    ]);
    expect([...fine.train.labels.subarray(0, 5)]).toEqual([0, 1, 2, 3, 0]);
    expect([...coarse.train.labels.subarray(0, 5)]).toEqual([0, 1, 2, 0, 1]);
    expect(coarse.train.inputs([7])).toEqual(fine.train.inputs([7]));
    expect(fine.train.inputs([7])[1024]).toBe(Math.fround((((7 * 5 + 1024) % 256) / 255 - 0.4865) / 0.2564));
    expect(fine.identity.digest).not.toBe(coarse.identity.digest);
    expect(fine.shape).toEqual({ height: 32, width: 32, channels: 3 });
  });

  test('inside its archive is the same data set', async () => {
    const { root, folder } = workspace();
    putCifar100(folder);
    const plain = await loadDataset('set', root);
    mkdirSync(join(root, 'data', 'packed'));
    await create(
      { gzip: true, cwd: join(root, 'data'), file: join(root, 'data/packed/cifar-100-binary.tar.gz') },
      ['set'],
    );
    const packed = await loadDataset('packed', root);
    expect(packed.identity.digest).toBe(plain.identity.digest);
    expect(packed.test.inputs([3])).toEqual(plain.test.inputs([3]));
    expect(datasetFiles('packed', root).map(({ name }) => name)).toEqual([
      'data/packed/cifar-100-binary.tar.gz',
    ]);
    // Another process that unpacks it at the same time puts the same files there.
    const streamed = await loadDataset('packed', root, undefined, { budget: 0 });
    const scratch = join(root, 'data/.prepared');
    for (const file of readdirSync(scratch, { recursive: true, encoding: 'utf8' }))
      if (file.endsWith('.bin')) {
        const path = join(scratch, file);
        writeFileSync(`${path}.copy`, readFileSync(path));
        renameSync(`${path}.copy`, path);
      }
    expect(streamed.test.inputs([1])).toEqual(plain.test.inputs([1]));
    const set = listDatasets(root).find(({ name }) => name === 'packed')!;
    const [check] = await checkDataset(set, root);
    expect(check!.problem).toMatch(/^the md5 sum is [0-9a-f]{32}, officially 03b5dce0/);
    const bytes = readFileSync(join(root, 'data/packed/cifar-100-binary.tar.gz'));
    put(join(root, 'data/packed'), 'cifar-100-binary.tar.gz', bytes.subarray(0, bytes.length / 2));
    expect(await told(() => loadDataset('packed', root))).toMatch(
      /cifar-100-binary\.tar\.gz: cannot be unpacked/,
    );
    // Of the file that was cut short nothing stays.
    const unpacked = readdirSync(join(root, 'data/.prepared'), { recursive: true }).map(String);
    expect(unpacked.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('records that are cut short or carry a wrong label are located', async () => {
    const { root, folder } = workspace();
    putCifar100(folder);
    put(folder, 'train.bin', records100(24).subarray(0, 5 * 3074 + 10));
    expect(await told(() => loadDataset('set', root))).toMatch(
      /train\.bin: the record at byte 15370 is cut short after 10 of 3074 bytes$/,
    );
    const wrong = records100(24);
    wrong[4 * 3074 + 1] = 4;
    put(folder, 'train.bin', wrong);
    expect(await told(() => loadDataset('set', root))).toMatch(
      /train\.bin: the record at byte 12296 has the fine label 4, and there are 4 classes$/,
    );
  });

  test('a part larger than the budget is read batch by batch, and nothing of it stays', async () => {
    const { root, folder } = workspace();
    putCifar100(folder);
    const held = await loadDataset('set', root);
    const expected = held.train.inputs([20, 3]);
    expect(held.residentBytes()).toBe(24 * 3072 * 4);
    const bytesOnly = await loadDataset('set', root, undefined, { budget: 24 * 3072 });
    expect(bytesOnly.train.inputs([20, 3])).toEqual(expected);
    expect(bytesOnly.residentBytes()).toBe(24 * 3072);
    const streamed = await loadDataset('set', root, undefined, { budget: 24 * 3072 - 1 });
    expect(streamed.train.inputs([20, 3])).toEqual(expected);
    expect(streamed.residentBytes()).toBe(0);
    put(folder, 'train.bin', records100(24, 1));
    expect(await told(() => streamed.train.inputs([0]))).toMatch(/changed while it was in use$/);
  });

  const real = join(sharedData, 'cifar-100-balanced');
  test.skipIf(!existsSync(real))('the real images read well and are balanced', async () => {
    const { root } = workspace();
    symlinkSync(real, join(root, 'data', 'cifar100'));
    const { train, test: held, classNames } = await loadDataset('cifar100', root);
    expect([train.count, held.count, classNames.length, classNames[0]]).toEqual([10_000, 2000, 100, 'apple']);
    expect(Array.from(train.labels).filter((label) => label === 42).length).toBe(100);
  });
});

describe('subsets', () => {
  async function labelsAndRows(subset: NonNullable<Exclude<DatasetChoice, string>['subset']>) {
    const { root, folder } = workspace();
    putCifar100(folder);
    const all = await loadDataset('set', root, 'none');
    const part = await loadDataset({ name: 'set', subset }, root, 'none');
    const red = (examples: typeof all.train): number[] =>
      Array.from({ length: examples.count }, (_, i) => examples.inputs([i])[0]!);
    return { rows: red(part.train).map((value) => red(all.train).indexOf(value)), part, all, root };
  }

  test('without a seed are the first, the other split stays whole', async () => {
    const { rows, part, all, root } = await labelsAndRows({ train: 5 });
    expect(rows).toEqual([0, 1, 2, 3, 4]);
    expect(part.test.count).toBe(12);
    expect(part.identity.digest).not.toBe(all.identity.digest);
    // What a checkpoint says of its data brings the same subset back.
    const checkpoint = { dataset: part.identity, network: { inputs: 3072, classes: 4 } };
    expect((await datasetFor(checkpoint, undefined, root)).train.count).toBe(5);
  });

  test('with a seed are those whose sha256 comes first, in file order', async () => {
    const { rows } = await labelsAndRows({ train: 6, seed: 3 });
    // The rule as docs/pipeline-format.md states it.
    const digest = (row: number): string =>
      createHash('sha256').update(`[3,"subset","train",${row}]`).digest('hex');
    const ranked = Array.from({ length: 24 }, (_, row) => row).sort((a, b) =>
      digest(a) < digest(b) ? -1 : 1,
    );
    expect(rows).toEqual(ranked.slice(0, 6).sort((a, b) => a - b));
  });

  test('are balanced up to the remainder, which goes to the lowest classes', async () => {
    const { part } = await labelsAndRows({ train: 10, balanced: true, seed: 1 });
    const counts = [0, 1, 2, 3].map((c) => Array.from(part.train.labels).filter((l) => l === c).length);
    expect(counts).toEqual([3, 3, 2, 2]);
  });

  test('larger than what is there are refused', async () => {
    const { root, folder } = workspace();
    putCifar100(folder);
    const attempt = (subset: object) =>
      told(() => loadDataset({ name: 'set', subset } as DatasetChoice, root));
    const tooFew = 'but the train split of "set" has 24';
    expect(await attempt({ train: 25 })).toContain(tooFew);
    // Of files whose sizes tell it, already by those who ask for the files only.
    expect(await told(async () => datasetFiles({ name: 'set', subset: { train: 25 } }, root))).toContain(
      tooFew,
    );
    expect(datasetFiles({ name: 'set', subset: { train: 24 } }, root)).toHaveLength(4);
    expect(await told(() => loadDataset({ name: 'set', 'bounding-box': true }, root))).toContain(
      'knows no "bounding-box"',
    );
  });
});

describe('folders of images', () => {
  async function folders(): Promise<{ root: string; folder: string }> {
    const made = workspace();
    for (const [split, count] of [
      ['train', 3],
      ['val', 2],
    ] as const)
      for (const [c, name] of ['cat', 'dog'].entries())
        for (let i = 0; i < count; i++)
          await writeImage(join(made.folder, split, name, `${i}.png`), flat(20 + i, 12, 100 * c + i));
    return made;
  }
  const small = { name: 'set', resize: 8, crop: 8 } as const;

  test('are classes in the order of their names, normalised as by torchvision', async () => {
    const { root } = await folders();
    const { train, test: held, classNames, shape } = await loadDataset(small, root);
    expect([classNames, shape]).toEqual([['cat', 'dog'], { height: 8, width: 8, channels: 3 }]);
    expect([[...train.labels], [...held.labels]]).toEqual([
      [0, 0, 0, 1, 1, 1],
      [0, 0, 1, 1],
    ]);
    expect(train.inputs([4])[64]).toBe(Math.fround((101 / 255 - 0.456) / 0.224));
  });

  test('a class more is another key, though a subset holds the same images', async () => {
    const { root, folder } = await folders();
    const choice = { ...small, subset: { train: 2, test: 2 } };
    const names = () => datasetFiles(choice, root).map(({ name }) => name);
    const before = names();
    expect(before[0]).toMatch(/^data\/set\/train\/cat\/\d\.png \(2 classes, [0-9a-f]{16}\)$/u);
    expect(names()).toEqual(before);
    for (const split of ['train', 'val'])
      await writeImage(join(folder, split, 'zebra', '0.png'), flat(20, 12, 9));
    const files = (list: readonly string[]): string[] => list.map((name) => name.split(' (')[0]!);
    const after = names();
    expect(files(after)).toEqual(files(before));
    expect(after.some((name) => before.includes(name))).toBe(false);
  });

  test('are decoded once; a change decodes again, the same content has the same digest', async () => {
    const { root, folder } = await folders();
    // Files that were just written are not trusted to be at rest.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const first = await loadDataset(small, root);
    const madeFiles = () => readdirSync(join(root, 'data', '.prepared')).sort();
    const before = madeFiles();
    expect(before.length).toBe(2);
    expect((await loadDataset(small, root)).identity).toEqual(first.identity);
    expect(madeFiles()).toEqual(before);
    rmSync(join(root, 'data', '.prepared'), { recursive: true });
    expect((await loadDataset(small, root)).identity).toEqual(first.identity);
    put(join(root, 'data', '.prepared'), before[0]!, 'damaged');
    expect((await loadDataset(small, root)).train.inputs([1])).toEqual(first.train.inputs([1]));
    await writeImage(join(folder, 'train/cat/1.png'), flat(21, 12, 77));
    const changed = await loadDataset(small, root);
    expect(changed.identity.digest).not.toBe(first.identity.digest);
    expect(changed.train.inputs([1])[0]).toBe(Math.fround((77 / 255 - 0.485) / 0.229));
  });

  test('are decoded four at a time, whatever their number', async () => {
    const { root } = workspace();
    let now = 0;
    let most = 0;
    const { rows } = await prepared({
      folder: join(root, 'prepared'),
      state: { id: 'many', atRest: true },
      count: 50,
      described: String,
      nameOf: String,
      async make(row) {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        const shape = { height: 2, width: 2, channels: 3 };
        return { planes: new Uint8Array(12).fill(row), shape, digest: String(row) };
      },
    });
    expect([most, rows.count, rows.resident]).toEqual([decodedAtOnce, 50, 0]);
    rows.each([49, 0], (i, bytes) => expect([...bytes]).toEqual(Array(12).fill(i === 0 ? 49 : 0)));
  });

  test('go on after the last whole file when the decoding was interrupted, and say how far they are', async () => {
    const { root } = workspace();
    const count = 2 * imagesPerFile + 10;
    const stop = new AbortController();
    const shape = { height: 1, width: 2, channels: 3 };
    let decoded = 0;
    const told: number[] = [];
    const making = {
      folder: join(root, 'prepared'),
      state: { id: 'many', atRest: true },
      count,
      described: String,
      nameOf: String,
      signal: stop.signal,
      progress: (done: number, total: number) => {
        expect(total).toBe(count);
        told.push(done);
        if (done === imagesPerFile + 8) stop.abort(new Error('interrupted'));
      },
      async make(row: number) {
        decoded++;
        return { planes: new Uint8Array(6).fill(row % 251), shape, digest: `d${row}` };
      },
    };
    await expect(prepared(making)).rejects.toThrow('interrupted');
    expect(readdirSync(making.folder)).toEqual(['many-0.rows']);
    expect([decoded, told.at(-1)]).toEqual([imagesPerFile + 8, imagesPerFile + 8]);
    decoded = 0;
    const again = { ...making, signal: new AbortController().signal };
    const whole = await prepared(again);
    expect([decoded, told.at(-1), whole.rows.count]).toEqual([count - imagesPerFile, count, count]);
    whole.rows.each([count - 1, imagesPerFile, 3], (i, bytes) =>
      expect(bytes[5]).toBe([count - 1, imagesPerFile, 3][i]! % 251),
    );
    // The content is that of the images, however they are cut into files.
    const lines = Array.from({ length: count }, (_, row) => `${row} d${row}\n`).join('');
    expect(whole.content).toBe(createHash('sha256').update(lines).digest('hex'));
    // One damaged file is made again, the others are not.
    writeFileSync(join(making.folder, 'many-1.rows'), 'damaged');
    decoded = 0;
    expect((await prepared(again)).content).toBe(whole.content);
    expect(decoded).toBe(imagesPerFile);
  });

  test('keep one size, and name the file that is damaged or of a missing class', async () => {
    const { root, folder } = await folders();
    expect(await told(() => loadDataset({ name: 'set', resize: 8, crop: 'none' }, root))).toMatch(
      /cat\/1\.png: an image of 14 x 8, and .*cat\/0\.png gives 13 x 8$/,
    );
    put(folder, 'train/dog/2.png', 'no image');
    expect(await told(() => loadDataset(small, root))).toMatch(/train\/dog\/2\.png: cannot be decoded/);
    expect(
      (await checkDataset(listDatasets(root)[0]!, root)).filter(({ state }) => state !== 'good'),
    ).toMatchObject([{ file: 'train/dog/2.png', state: 'damaged' }]);
    rmSync(join(folder, 'val/dog'), { recursive: true });
    expect(await told(() => datasetFiles(small, root))).toMatch(/the class "dog" is missing$/);
  });

  test('may be linked to, and links that lead nowhere or in circles are told', async () => {
    const { root, folder } = await folders();
    symlinkSync('2.png', join(folder, 'train/cat/3.png'));
    symlinkSync('gone', join(folder, 'train/cat/nothing'));
    symlinkSync('self', join(folder, 'train/cat/self'));
    expect((await loadDataset(small, root)).train.count).toBe(7);
    symlinkSync('..', join(folder, 'train/dog/up'));
    expect(await told(() => datasetFiles(small, root))).toMatch(/train\/dog\/up: .*leads back/);
  });

  test('of the flat validation set have labels by synset or by number', async () => {
    const { root, folder } = workspace();
    for (let i = 1; i <= 4; i++)
      await writeImage(join(folder, 'val', `ILSVRC2012_val_0000000${i}.JPEG`), pattern(16, 16), (image) =>
        image.jpeg(),
      );
    put(folder, 'imagenet_2012_validation_synset_labels.txt', 'n03\nn01\nn02\nn03\n');
    const choice = { ...small, crop: 'none' } as const;
    const set = await loadDataset(choice, root);
    expect([[...set.test.labels], set.classNames]).toEqual([
      [2, 0, 1, 2],
      ['n01', 'n02', 'n03'],
    ]);
    expect(() => set.train).toThrow('has no training examples');
    rmSync(join(folder, 'imagenet_2012_validation_synset_labels.txt'));
    put(folder, 'ILSVRC2012_validation_ground_truth.txt', '1\n2\n3\n1\n');
    put(folder, 'synsets.txt', 'n03\nn01\nn02\n');
    expect([...(await loadDataset(choice, root)).test.labels]).toEqual([2, 0, 1, 2]);
    put(folder, 'ILSVRC2012_validation_ground_truth.txt', '1\n2\n4\n1\n');
    expect(await told(() => loadDataset(choice, root))).toMatch(
      /ground_truth\.txt:3: the label "4" is none of the 3/,
    );
  });
});

describe('CUB-200-2011', () => {
  const real = join(sharedData, 'cub-10');
  test.skipIf(!existsSync(real))('gives its own split of the real photographs', async () => {
    const { root } = workspace();
    symlinkSync(real, join(root, 'data', 'cub'));
    const set = await loadDataset(
      { name: 'cub', resize: 40, crop: 32, subset: { train: 20, test: 10, balanced: true } },
      root,
    );
    expect([set.classNames.length, set.train.count, set.test.count, set.features]).toEqual([
      10, 20, 10, 3072,
    ]);
    expect([...set.test.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('cuts birds out by their boxes, and its lists are checked line by line', async () => {
    const { root, folder } = workspace();
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries())
      await writeImage(join(folder, 'images', '1.X', `${name}.png`), pattern(20 + i, 20));
    put(folder, 'classes.txt', '1 1.X\n2 2.Y\n');
    put(folder, 'images.txt', '1 1.X/a.png\n2 1.X/b.png\n3 1.X/c.png\n4 1.X/d.png\n');
    put(folder, 'image_class_labels.txt', '1 1\n2 2\n3 1\n4 2\n');
    put(folder, 'train_test_split.txt', '1 1\n2 1\n3 0\n4 0\n');
    put(folder, 'bounding_boxes.txt', '1 2.0 3.0 8.0 8.0\n2 0 0 8 8\n3 0 0 8 8\n4 0 0 8 8\n');
    const choice = { name: 'set', resize: 'none', crop: 'none', 'bounding-box': true } as const;
    const set = await loadDataset(choice, root, 'none');
    const { pixels } = pattern(20, 20);
    expect(set.train.inputs([0])[0]).toBe(Math.fround(pixels[3 * (3 * 20 + 2)]! / 255));
    expect(set.shape).toEqual({ height: 8, width: 8, channels: 3 });
    put(folder, 'image_class_labels.txt', '1 1\n2 2\n3 1\n4 3\n');
    expect(await told(() => loadDataset(choice, root))).toMatch(
      /image_class_labels\.txt:4: the label 3 of image 4, and classes\.txt has 1 to 2$/,
    );
    put(folder, 'image_class_labels.txt', '1 1\n2 2\n3 1\n4 1\n');
    expect(await told(() => loadDataset(choice, root))).toContain('the class 2 ("2.Y") has no test image');
    put(folder, 'image_class_labels.txt', '1 1\n2 2\n3 1\n4 2\n');
    rmSync(join(folder, 'images', '1.X', 'c.png'));
    for (const attempt of [() => datasetFiles(choice, root), () => loadDataset(choice, root)])
      expect(await told(attempt)).toMatch(/images\/1\.X\/c\.png: there is no such file$/);
  });
});

describe('arrays', () => {
  const floats = Float32Array.from({ length: 12 }, (_, i) => i / 8);
  const asBytes = (a: Float32Array | BigInt64Array): Uint8Array =>
    new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const labels = npy('<i8', [4], asBytes(BigInt64Array.from([0n, 1n, 1n, 0n])));

  test('of features are taken as they are, of images in either order of channels', async () => {
    const { root, folder } = workspace();
    put(folder, 'train-inputs.npy', npy('<f4', [4, 3], asBytes(floats)));
    put(folder, 'train-labels.npy', labels);
    expect(await told(async () => datasetFiles({ name: 'set', subset: { train: 5 } }, root))).toContain(
      'but the train split of "set" has 4',
    );
    const set = await loadDataset('set', root);
    expect([set.features, set.shape, [...set.train.labels]]).toEqual([3, null, [0, 1, 1, 0]]);
    expect([...set.train.inputs([2, 0])]).toEqual([0.75, 0.875, 1, 0, 0.125, 0.25]);
    const pixels = Uint8Array.from({ length: 4 * 12 }, (_, i) => 5 * i);
    put(folder, 'train-inputs.npy', npy('|u1', [4, 2, 2, 3], pixels));
    const images = await loadDataset({ name: 'set', order: 'channels-last' }, root);
    expect(images.shape).toEqual({ height: 2, width: 2, channels: 3 });
    expect([...images.train.inputs([1])].slice(0, 5)).toEqual(
      [12, 15, 18, 21, 13].map((i) => Math.fround((5 * i) / 255)),
    );
  });

  test('of safetensors are found by their names', async () => {
    const { root, folder } = workspace();
    const inputs = { name: 'x', shape: [4, 3], values: floats };
    put(folder, 'test.safetensors', encodeSafetensors({ tensors: [inputs], metadata: {} }));
    const choice = { name: 'set', tensors: { inputs: 'x', labels: 'y' } };
    expect(await told(() => loadDataset(choice, root))).toMatch(/no tensor "y"$/);
    const bad = { name: 'y', shape: [4], values: new Float32Array(4) };
    put(folder, 'test.safetensors', encodeSafetensors({ tensors: [inputs, bad], metadata: {} }));
    expect(await told(() => loadDataset(choice, root))).toMatch(/labels of the type float32$/);
  });

  test('with a number that is not finite are refused by row, feature and byte', async () => {
    const { root, folder } = workspace();
    // More than one piece of the stream, which reads 64 KiB at once.
    const [rows, features] = [50, 1000];
    const values = new Float32Array(rows * features).fill(-3.4e38);
    const many = Array.from({ length: rows }, (_, i) => BigInt(i % 2));
    put(folder, 'train-labels.npy', npy('<i8', [rows], asBytes(BigInt64Array.from(many))));
    for (const [at, value, word] of [
      [37_123, Number.NaN, 'NaN'],
      [rows * features - 1, Number.NEGATIVE_INFINITY, '-Infinity'],
      [0, Number.POSITIVE_INFINITY, 'Infinity'],
    ] as const) {
      const bytes = npy('<f4', [rows, features], asBytes(values.with(at, value)));
      put(folder, 'train-inputs.npy', bytes);
      const place = bytes.length - 4 * (rows * features - at);
      expect(await told(() => loadDataset('set', root))).toMatch(
        new RegExp(
          `train-inputs\\.npy: row ${Math.floor(at / features)}, feature ${at % features} \\(byte ${place}\\) is ${word}$`,
        ),
      );
    }
    put(folder, 'train-inputs.npy', npy('<f4', [rows, features], asBytes(values)));
    expect((await loadDataset('set', root)).train.count).toBe(rows);
  });

  test('of float64 are the same rounded to float32; what float32 cannot hold is refused', async () => {
    const { root, folder } = workspace();
    const doubles = Float64Array.from({ length: 12 }, (_, i) => (i - 5) / 3);
    const bytesOf = (a: Float64Array): Uint8Array => new Uint8Array(a.buffer);
    put(folder, 'train-labels.npy', labels);
    for (const [name, given] of [
      ['<f4', asBytes(Float32Array.from(doubles))],
      ['<f8', bytesOf(doubles)],
    ] as const) {
      put(folder, 'train-inputs.npy', npy(name, [4, 3], given));
      const { train, features } = await loadDataset('set', root);
      expect([features, ...train.inputs([1, 3])]).toEqual([
        3,
        ...[3, 4, 5, 9, 10, 11].map((i) => Math.fround(doubles[i]!)),
      ]);
    }
    put(folder, 'test-inputs.npy', npy('<f4', [4, 3], asBytes(floats)));
    put(folder, 'test-labels.npy', labels);
    expect((await loadDataset('set', root)).test.inputs([1])[0]).toBe(floats[3]);
    for (const value of [1e39, Number.NaN]) {
      put(folder, 'train-inputs.npy', npy('<f8', [4, 3], bytesOf(doubles.with(7, value))));
      expect(await told(() => loadDataset('set', root))).toMatch(
        /row 2, feature 1 \(byte 184\) is (1e\+39|NaN)$/,
      );
    }
  });

  test.each<[string, Uint8Array, Uint8Array, RegExp]>([
    [
      'labels of decimals',
      npy('<f4', [4, 2], new Uint8Array(32)),
      npy('<f8', [4], new Uint8Array(32)),
      /astype\("int64"\)/,
    ],
    [
      'labels of texts',
      npy('<f4', [4, 2], new Uint8Array(32)),
      npy('<U3', [4], new Uint8Array(48)),
      /numpy\.unique/,
    ],
    [
      'one-hot labels',
      npy('<f4', [4, 2], new Uint8Array(32)),
      npy('<i8', [4, 3], new Uint8Array(96)),
      /argmax\(1\)/,
    ],
    [
      'labels in a column',
      npy('<f4', [4, 2], new Uint8Array(32)),
      npy('<i8', [4, 1], new Uint8Array(32)),
      /ravel\(\)/,
    ],
    ['images without channels', npy('<f4', [4, 2, 2], new Uint8Array(64)), labels, /inputs\[:, None\]/],
    [
      'whole numbers as inputs',
      npy('<i8', [4, 2], new Uint8Array(64)),
      labels,
      /inputs\.astype\("float32"\)/,
    ],
  ])('with %s are refused by their header, with what to do', (_, inputs, given, hint) => {
    const { root, folder } = workspace();
    put(folder, 'train-inputs.npy', inputs);
    put(folder, 'train-labels.npy', given);
    try {
      datasetFiles('set', root);
      expect.unreachable();
    } catch (error) {
      expect((error as UserError).diagnostics[0]!.hint).toMatch(hint);
    }
  });

  test('of another type, order, length or range are refused', async () => {
    const { root, folder } = workspace();
    const failing = async (inputs: Uint8Array, given = labels): Promise<string> => {
      put(folder, 'train-inputs.npy', inputs);
      put(folder, 'train-labels.npy', given);
      return told(() => loadDataset('set', root));
    };
    expect(await failing(npy('<f8', [2, 3], new Uint8Array(48)))).toMatch(/labels of the shape \[4\] for 2/);
    expect(await failing(npy('<f4', [4, 3], asBytes(floats), 'True'))).toMatch(/Fortran's order$/);
    expect(await failing(npy('<f4', [4, 4], asBytes(floats)))).toMatch(/inputs\.npy: cut short at byte \d+$/);
    expect(await failing(npy('<c8', [4, 3], asBytes(floats)))).toMatch(/numbers of the type "<c8"$/);
    expect(await failing(Buffer.from('nothing'))).toMatch(/no \.npy file/);
    put(folder, 'classes.txt', 'a\nb\n');
    const wrong = npy('<i8', [4], asBytes(BigInt64Array.from([0n, 1n, 2n, 0n])));
    expect(await failing(npy('<f4', [4, 3], asBytes(floats)), wrong)).toMatch(
      /labels\.npy: row 2 \(byte \d+\) has the label 2, and there are 2 classes$/,
    );
    expect(await failing(npy('<f4', [4, 3], asBytes(floats)), npy('<i8', [4], new Uint8Array(32)))).toMatch(
      /no example has the label 1$/,
    );
  });
});
