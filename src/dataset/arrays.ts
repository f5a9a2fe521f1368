/** Arrays of numbers: pairs of `.npy` files, or safetensors with named tensors. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ArrayPlace, elementBytes, npyPlace, tensorPlace } from './array-file.ts';
import { checkedLabels, labelCure, labelsOf, refuseLabels } from './array-labels.ts';
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
import { type Element, Rows } from './rows.ts';

const classFile = 'classes.txt';
const hint = 'write the arrays again';
const cure = 'convert them: inputs.astype("float32")';

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
      expected:
        '[n, features], or of images [n, channels, height, width], with order: channels-last [n, height, width, channels]',
      hint:
        shape.length === 3
          ? 'images of one channel: inputs[:, None]; vectors: inputs.reshape(len(inputs), -1)'
          : 'vectors: inputs.reshape(len(inputs), -1)',
    });
  const [first, second, third] = shape.slice(1) as [number, number, number];
  return order === 'channels-last'
    ? { height: first, width: second, channels: third }
    : { channels: first, height: second, width: third };
}

/** What a header says of inputs. @throws UserError of inputs that cannot be read. */
function formOf(inputs: ArrayPlace, { order }: DatasetOptions): RecordForm {
  const { path, type, shape } = inputs;
  if (type !== 'uint8' && type !== 'float32' && type !== 'float64')
    throw bad(`${path}: inputs of the type ${type}`, {
      expected: 'uint8 (pixels), float32 or float64',
      hint: cure,
    });
  const features = shape.slice(1).reduce((product, n) => product * n, 1);
  return { shape: shapeOf(inputs, order), features, element: type };
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
    const found = type === 'float32' ? firstNotFinite(piece) : type === 'float64' ? firstTooLarge(piece) : -1;
    if (found >= 0) {
      const features = shape.slice(1).reduce((product, n) => product * n, 1);
      const size = elementBytes[type];
      const index = seen / size + found;
      const value = type === 'float32' ? piece.readFloatLE(4 * found) : piece.readDoubleLE(8 * found);
      throw bad(
        `${path}: row ${Math.floor(index / features)}, feature ${index % features} (byte ${offset + size * index}) is ${value}`,
        {
          expected: 'numbers that are finite in float32',
          hint: 'replace what is missing before you save the array',
        },
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

/** Position of the first float64 that is not finite as float32, or -1. */
function firstTooLarge(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; at += 8)
    if (!Number.isFinite(Math.fround(bytes.readDoubleLE(at)))) return at / 8;
  return -1;
}

const isPixels = ({ inputs }: Places): boolean => inputs.type === 'uint8';

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
      isPixels(places) !== isPixels(first!.places)
    )
      throw bad(
        `${places.inputs.path}: inputs of ${places.inputs.type} [${places.inputs.shape}], and the other split has ${first!.places.inputs.type} [${first!.places.inputs.shape}]`,
        { expected: 'both of one shape, and both pixels or both decimals', hint },
      );
    const own = checkedLabels(labels, classNames.length, places.labels);
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
      rows: new Rows(pieces, size, type as Element),
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
  return {
    inputs: npyPlace(join(folder, inputs), cure),
    labels: npyPlace(join(folder, labels), labelCure),
  };
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
    if (!places) return undefined;
    refuseLabels(places.labels, places.inputs.shape[0]!);
    return formOf(places.inputs, options);
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
