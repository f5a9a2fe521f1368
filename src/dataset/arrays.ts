/** Arrays of numbers: pairs of `.npy` files, or safetensors with named tensors. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ArrayPlace, bytesAt, elementBytes, npyPlace, tensorPlace } from './array-file.ts';
import type { DatasetOptions } from './choice.ts';
import { bad } from './damage.ts';
import {
  type Content,
  type ImageShape,
  type Layout,
  parseClassNames,
  type RecordForm,
  type Split,
  splits,
} from './layout.ts';
import { Rows } from './rows.ts';

const classFile = 'classes.txt';
const hint = 'write the arrays again';

const npyFiles = (split: Split): [string, string] => [`${split}-inputs.npy`, `${split}-labels.npy`];
const tensorFile = (split: Split): string => `${split}.safetensors`;

/** Where the inputs and the labels of a split lie. */
type Places = Record<'inputs' | 'labels', ArrayPlace>;

interface Part {
  readonly places: Places;
  readonly labels: Uint16Array;
}

function shapeOf({ shape, path }: ArrayPlace, order: DatasetOptions['order']): ImageShape | null {
  if (shape.length === 2) return null;
  if (shape.length !== 4)
    throw bad(`${path}: inputs of the shape [${shape}]`, {
      expected: '[n, features], or [n, channels, height, width] of images',
      hint,
    });
  const [first, second, third] = shape.slice(1) as [number, number, number];
  return order === 'channels-last'
    ? { height: first, width: second, channels: third }
    : { channels: first, height: second, width: third };
}

/** What a header says of inputs. @throws UserError of inputs that cannot be read. */
function formOf(inputs: ArrayPlace, { order }: DatasetOptions): RecordForm {
  const { path, type, shape } = inputs;
  if (type !== 'uint8' && type !== 'float32')
    throw bad(`${path}: inputs of the type ${type}`, {
      expected: 'uint8 (pixels) or float32',
      hint: 'convert them: array.astype("float32")',
    });
  const features = shape.slice(1).reduce((product, n) => product * n, 1);
  return { shape: shapeOf(inputs, order), features, element: type };
}

/** Whole numbers out of an array of labels. */
function labelsOf(place: ArrayPlace, examples: number): number[] {
  const { path, type, offset, shape } = place;
  if (shape.length !== 1 || shape[0] !== examples)
    throw bad(`${path}: labels of the shape [${shape}] for ${examples} inputs`, {
      expected: `[${examples}]`,
      hint,
    });
  const size = elementBytes[type];
  const bytes = bytesAt(path, offset, examples * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read: Partial<Record<typeof type, (at: number) => number>> = {
    uint8: (at) => view.getUint8(at),
    uint16: (at) => view.getUint16(at, true),
    int32: (at) => view.getInt32(at, true),
    int64: (at) => Number(view.getBigInt64(at, true)),
  };
  const one = read[type];
  if (!one)
    throw bad(`${path}: labels of the type ${type}`, { expected: 'uint8, uint16, int32 or int64', hint });
  return Array.from({ length: examples }, (_, i) => one(i * size));
}

function checked(
  labels: readonly number[],
  classes: number,
  { path, offset, type }: ArrayPlace,
): Uint16Array {
  for (const [row, label] of labels.entries())
    if (label < 0 || label >= classes)
      throw bad(
        `${path}: row ${row} (byte ${offset + row * elementBytes[type]}) has the label ${label}, and there are ${classes} classes`,
        { expected: `labels from 0 to ${classes - 1}`, hint },
      );
  return Uint16Array.from(labels);
}

/**
 * sha256 over the numbers and their form, in pieces: the array may be larger than memory.
 * @throws UserError where a number is not finite: every loss and every gradient would be NaN.
 */
async function contentOf({ path, offset, type, shape }: ArrayPlace, labels: Uint16Array): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([type, shape, Array.from(labels)]));
  const length = shape.reduce((product, n) => product * n, elementBytes[type]);
  const stream = createReadStream(path, { start: offset, end: offset + length - 1 });
  let seen = 0;
  for await (const piece of wholeNumbers(stream, elementBytes[type])) {
    hash.update(piece);
    const found = type === 'float32' ? firstNotFinite(piece) : -1;
    if (found >= 0) {
      const features = shape.slice(1).reduce((product, n) => product * n, 1);
      const index = seen / 4 + found;
      throw bad(
        `${path}: row ${Math.floor(index / features)}, feature ${index % features} (byte ${offset + 4 * index}) is ${piece.readFloatLE(4 * found)}`,
        { expected: 'finite numbers', hint: 'replace what is missing before you save the array' },
      );
    }
    seen += piece.length;
  }
  return hash.digest('hex');
}

/** The same bytes in pieces whose lengths are multiples of a size. */
async function* wholeNumbers(stream: AsyncIterable<unknown>, size: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = all.length - (all.length % size);
    rest = all.subarray(whole);
    if (whole > 0) yield all.subarray(0, whole);
  }
  if (rest.length > 0) yield rest;
}

/** Position of the first float32 whose exponent has all bits set (NaN, infinities), or -1. */
function firstNotFinite(bytes: Buffer): number {
  for (let at = 3; at < bytes.length; at += 4)
    if ((bytes[at]! & 0x7f) === 0x7f && (bytes[at - 1]! & 0x80) !== 0) return at >> 2;
  return -1;
}

async function read(
  folder: string,
  options: DatasetOptions,
  placesOf: (split: Split) => Places | undefined,
): Promise<Content> {
  const raw = splits.flatMap((split) => {
    const places = placesOf(split);
    if (!places) return [];
    const { shape } = formOf(places.inputs, options);
    return [{ split, places, shape, labels: labelsOf(places.labels, places.inputs.shape[0]!) }];
  });
  const [first] = raw;
  const classPath = join(folder, classFile);
  // Without names the training labels say how many there are.
  const highest = first!.labels.reduce((most, label) => Math.max(most, label), 1);
  const classNames = existsSync(classPath)
    ? parseClassNames(readFileSync(classPath, 'utf8'), classPath)
    : Array.from({ length: Math.min(highest + 1, 65_536) }, (_, c) => String(c));
  const parts: Partial<Record<Split, Part>> = {};
  for (const { split, places, shape, labels } of raw) {
    if (
      JSON.stringify(shape) !== JSON.stringify(first!.shape) ||
      places.inputs.type !== first!.places.inputs.type
    )
      throw bad(
        `${places.inputs.path}: inputs of ${places.inputs.type} [${places.inputs.shape}], and the other split has ${first!.places.inputs.type} [${first!.places.inputs.shape}]`,
        { expected: 'both of one type and shape', hint },
      );
    const own = checked(labels, classNames.length, places.labels);
    const missing = classNames.findIndex((_, c) => !own.includes(c));
    if (split === 'train' && missing >= 0)
      throw bad(`${places.labels.path}: no example has the label ${missing}`, {
        expected: `each of the ${classNames.length} classes`,
        hint: `number the classes without gaps${existsSync(classPath) ? '' : `, or name them in ${classPath}`}`,
      });
    parts[split] = { places, labels: own };
  }
  const content: { -readonly [K in keyof Content]: Content[K] } = {
    classNames,
    shape: first!.shape,
    normalisation: 'none',
  };
  for (const [split, { places, labels }] of Object.entries(parts) as [Split, Part][]) {
    const { path, offset, type, shape } = places.inputs;
    const size = shape.slice(1).reduce((product, n) => product * n, elementBytes[type]);
    const pieces = [{ path, offset, stride: size, rows: shape[0]! }];
    content[split] = {
      form: 'records',
      labels,
      rows: new Rows(pieces, size, type as 'uint8' | 'float32'),
      content: await contentOf(places.inputs, labels),
    };
  }
  return content;
}

const has = (folder: string, ...files: string[]): boolean =>
  files.every((file) => existsSync(join(folder, file)));

type PlacesOf = (folder: string, options: DatasetOptions, split: Split) => Places | undefined;

const npyPlaces: PlacesOf = (folder, _, split) => {
  const [inputs, labels] = npyFiles(split);
  if (!has(folder, inputs, labels)) return undefined;
  return { inputs: npyPlace(join(folder, inputs)), labels: npyPlace(join(folder, labels)) };
};

const tensorPlaces: PlacesOf = (folder, options, split) => {
  if (!has(folder, tensorFile(split))) return undefined;
  const path = join(folder, tensorFile(split));
  const { inputs = 'inputs', labels = 'labels' } = options.tensors ?? {};
  return { inputs: tensorPlace(path, inputs), labels: tensorPlace(path, labels) };
};

const contentBy = (placesOf: PlacesOf): Layout['content'] => ({
  read: (folder, options) => read(folder, options, (split) => placesOf(folder, options, split)),
  count: (folder, options, split) => placesOf(folder, options, split)?.inputs.shape[0],
  form(folder, options) {
    const places = splits.map((split) => placesOf(folder, options, split)).find((found) => found);
    return places && formOf(places.inputs, options);
  },
});

function filesIn(folder: string, filesOf: (split: Split) => readonly string[]): string[] {
  return [...splits.flatMap(filesOf), classFile].filter((file) => has(folder, file));
}

export const arrayLayouts: readonly Layout[] = [
  {
    name: 'arrays (.npy)',
    options: ['order', 'resize', 'crop'],
    recognise: (folder) => splits.some((split) => has(folder, ...npyFiles(split))),
    files: (folder) => filesIn(folder, npyFiles),
    content: contentBy(npyPlaces),
  },
  {
    name: 'arrays (safetensors)',
    options: ['order', 'resize', 'crop', 'tensors'],
    recognise: (folder) => splits.some((split) => has(folder, tensorFile(split))),
    files: (folder) => filesIn(folder, (split) => [tensorFile(split)]),
    content: contentBy(tensorPlaces),
  },
];
