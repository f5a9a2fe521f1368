/**
 * Decoded images in a file, so that a grid of 201 points decodes each once and not 201 times: rows of bytes, then a
 * footer that says what they are. Few images are in memory at any time, whatever their number.
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
import { Rows } from './rows.ts';
import { type SourceState, sweepUnfinished } from './scratch.ts';

/** Raised when the same files give other rows than before. */
export const preparedFormat = 'orograph-prepared/1';
const footerBytes = 1024;
/** Images decoded at once: as many are in memory, with their files. */
export const decodedAtOnce = 4;

interface Footer {
  readonly format: string;
  readonly count: number;
  readonly shape: ImageShape;
  /** sha256 over what the rows were made of. */
  readonly content: string;
  /** sha256 of the rows. */
  readonly rows: string;
}

export interface Prepared {
  readonly rows: Rows;
  readonly shape: ImageShape;
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
}

/**
 * The prepared rows, made where they are not there yet. They are read through once each time: a damaged file is made
 * again.
 * @throws UserError where an image cannot be read, or images differ in size.
 */
export async function prepared(making: Making): Promise<Prepared> {
  const path = join(making.folder, `${making.state.id}.rows`);
  if (making.state.atRest) {
    const there = open(path, making.count);
    if (there) return there;
  }
  makeFolder(making.folder);
  sweepUnfinished(making.folder);
  const temporary = temporaryBeside(path);
  const fd = openSync(temporary, 'wx', 0o644);
  try {
    await fill(fd, path, making);
    await fsyncOpen(fd, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  renameFile(temporary, path);
  return open(path, making.count)!;
}

async function fill(fd: number, path: string, { count, described, make, nameOf }: Making): Promise<void> {
  const content = createHash('sha256');
  const rows = createHash('sha256');
  let shape: ImageShape | undefined;
  for (let start = 0; start < count; start += decodedAtOnce) {
    const group = Array.from({ length: Math.min(decodedAtOnce, count - start) }, (_, i) => start + i);
    // All settle before the first failure is told: none may go on writing behind our back.
    const made = await Promise.allSettled(group.map(make));
    for (const [i, result] of made.entries()) {
      if (result.status === 'rejected') throw result.reason;
      const image = result.value;
      shape ??= image.shape;
      if (image.shape.height !== shape.height || image.shape.width !== shape.width)
        throw new UserError({
          severity: 'error',
          code: 'bad-dataset',
          message: `${nameOf(start + i)}: an image of ${image.shape.width} x ${image.shape.height}, and ${nameOf(0)} gives ${shape.width} x ${shape.height}`,
          expected: 'images of one size',
          hint: 'choose resize: [height, width], or a crop',
        });
      content.update(`${described(start + i)} ${image.digest}\n`);
      rows.update(image.planes);
      writeFully(fd, image.planes, path);
    }
  }
  const footer: Footer = {
    format: preparedFormat,
    count,
    shape: shape!,
    content: content.digest('hex'),
    rows: rows.digest('hex'),
  };
  writeFully(fd, Buffer.from(JSON.stringify(footer).padEnd(footerBytes)), path);
}

function open(path: string, count: number): Prepared | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(footerBytes);
    if (size < footerBytes || readSync(fd, bytes, 0, footerBytes, size - footerBytes) !== footerBytes)
      return undefined;
    const footer = JSON.parse(bytes.toString()) as Footer;
    const { height, width, channels } = footer.shape;
    const rowBytes = height * width * channels;
    if (footer.format !== preparedFormat || footer.count !== count) return undefined;
    if (size !== count * rowBytes + footerBytes || digestOfRows(fd, count * rowBytes) !== footer.rows)
      return undefined;
    const rows = new Rows([{ path, offset: 0, stride: rowBytes, rows: count }], rowBytes, 'uint8', true);
    return { rows, shape: footer.shape, content: footer.content };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
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
