/**
 * Decoded images in files, so that a grid of 201 points decodes each once and not 201 times: rows of bytes, then a
 * footer that says what they are. A file holds so many images; whoever is interrupted goes on after the last one that is
 * whole. Few images are in memory at any time, whatever their number.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import {
  fsyncOpen,
  makeFolder,
  removeIfThere,
  renameFile,
  temporaryBeside,
  writeFully,
} from '../util/fs-durable.ts';
import type { ImageShape } from './layout.ts';
import { type Piece, Rows } from './rows.ts';
import { type SourceState, sweepUnfinished } from './scratch.ts';

/** Raised when the same files give other rows than before. */
export const preparedFormat = 'orograph-prepared/2';
/** Of the end of a file: the footer's length in digits. */
const lengthBytes = 16;
/** Images of a file: so many at most are decoded in vain when a process dies. */
export const imagesPerFile = 512;
/** Images decoded at once: as many are in memory, with their files. */
export const decodedAtOnce = 4;

interface Footer {
  readonly format: string;
  readonly count: number;
  readonly shape: ImageShape;
  /** Of what each row was made of. */
  readonly digests: readonly string[];
  /** sha256 of the rows. */
  readonly rows: string;
}

export interface Prepared {
  readonly rows: Rows;
  readonly shape: ImageShape;
  /** sha256 over what the rows were made of. */
  readonly content: string;
}

/** One image as it goes into the file. */
export interface PreparedImage {
  readonly planes: Uint8Array;
  readonly shape: ImageShape;
  /** Of the bytes it was decoded from. */
  readonly digest: string;
}

export interface Making {
  readonly folder: string;
  readonly state: SourceState;
  readonly count: number;
  /** What the digest of the content says besides the images. */
  readonly described: (row: number) => string;
  readonly make: (row: number) => Promise<PreparedImage>;
  readonly nameOf: (row: number) => string;
  /** Is told how many images are done, while there are any to decode. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The prepared rows, made where they are not there yet. They are read through once each time: a damaged file is made
 * again.
 * @throws UserError where an image cannot be read, or images differ in size; what the signal says where it is aborted.
 */
export async function prepared(making: Making): Promise<Prepared> {
  const { count, nameOf } = making;
  const content = createHash('sha256');
  const pieces: Piece[] = [];
  let shape: ImageShape | undefined;
  let rowBytes = 0;
  for (let start = 0; start < count; start += imagesPerFile) {
    const part = { start, count: Math.min(imagesPerFile, count - start) };
    const path = join(making.folder, `${making.state.id}-${start / imagesPerFile}.rows`);
    const footer =
      (making.state.atRest ? footerOf(path, part.count) : undefined) ?? (await made(path, part, making));
    shape ??= footer.shape;
    if (!sameSize(footer.shape, shape)) throw otherSize(nameOf(start), footer.shape, nameOf(0), shape);
    rowBytes = shape.height * shape.width * shape.channels;
    for (const [i, digest] of footer.digests.entries())
      content.update(`${making.described(start + i)} ${digest}\n`);
    pieces.push({ path, offset: 0, stride: rowBytes, rows: part.count });
  }
  return { rows: new Rows(pieces, rowBytes, 'uint8', true), shape: shape!, content: content.digest('hex') };
}

interface Part {
  readonly start: number;
  readonly count: number;
}

/** Decodes some images into a file, which appears when it is whole. */
async function made(path: string, part: Part, making: Making): Promise<Footer> {
  makeFolder(making.folder);
  sweepUnfinished(making.folder);
  const temporary = temporaryBeside(path);
  const fd = openSync(temporary, 'wx', 0o644);
  let footer: Footer;
  try {
    footer = await fill(fd, path, part, making);
    await fsyncOpen(fd, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  renameFile(temporary, path);
  return footer;
}

async function fill(
  fd: number,
  path: string,
  part: Part,
  { count, make, nameOf, progress, signal }: Making,
): Promise<Footer> {
  const rows = createHash('sha256');
  const digests: string[] = [];
  let shape: ImageShape | undefined;
  const end = part.start + part.count;
  for (let start = part.start; start < end; start += decodedAtOnce) {
    signal?.throwIfAborted();
    const group = Array.from({ length: Math.min(decodedAtOnce, end - start) }, (_, i) => start + i);
    // All settle before the first failure is told: none may go on writing behind our back.
    const images = await Promise.allSettled(group.map(make));
    for (const [i, result] of images.entries()) {
      if (result.status === 'rejected') throw result.reason;
      const image = result.value;
      shape ??= image.shape;
      if (!sameSize(image.shape, shape))
        throw otherSize(nameOf(start + i), image.shape, nameOf(part.start), shape);
      digests.push(image.digest);
      rows.update(image.planes);
      writeFully(fd, image.planes, path);
    }
    progress?.(start + group.length, count);
  }
  const footer: Footer = {
    format: preparedFormat,
    count: part.count,
    shape: shape!,
    digests,
    rows: rows.digest('hex'),
  };
  const text = Buffer.from(JSON.stringify(footer));
  writeFully(fd, Buffer.concat([text, Buffer.from(String(text.length).padEnd(lengthBytes))]), path);
  return footer;
}

const sameSize = (a: ImageShape, b: ImageShape): boolean => a.height === b.height && a.width === b.width;

function otherSize(name: string, shape: ImageShape, first: string, wanted: ImageShape): UserError {
  return new UserError({
    severity: 'error',
    code: 'bad-dataset',
    message: `${name}: an image of ${shape.width} x ${shape.height}, and ${first} gives ${wanted.width} x ${wanted.height}`,
    expected: 'images of one size',
    hint: 'choose resize: [height, width], or a crop',
  });
}

/** What a file says of itself, where it is whole and holds so many images. */
function footerOf(path: string, count: number): Footer | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const length = Number(textAt(fd, size - lengthBytes, lengthBytes));
    const rowsEnd = size - lengthBytes - length;
    if (!Number.isInteger(length) || length <= 0 || rowsEnd < 0) return undefined;
    const footer = JSON.parse(textAt(fd, rowsEnd, length)) as Footer;
    const { height, width, channels } = footer.shape;
    if (footer.format !== preparedFormat || footer.count !== count || footer.digests.length !== count)
      return undefined;
    if (rowsEnd !== count * height * width * channels || digestOfRows(fd, rowsEnd) !== footer.rows)
      return undefined;
    return footer;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Empty where the file does not reach so far. */
function textAt(fd: number, at: number, length: number): string {
  if (at < 0) return '';
  const bytes = Buffer.alloc(length);
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, length, at));
}

function digestOfRows(fd: number, length: number): string {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(2 ** 20);
  for (let at = 0; at < length; ) {
    const got = readSync(fd, buffer, 0, Math.min(buffer.length, length - at), at);
    if (got === 0) break;
    hash.update(buffer.subarray(0, got));
    at += got;
  }
  return hash.digest('hex');
}
