import { deflateSync, inflateSync } from 'node:zlib';
import { digestOf } from '../util/digest.ts';
import { animatedPng, framesOf } from './animated-png.ts';
import { reducedStamp } from './reduced.ts';
import { pngChunk, pngChunks, pngSignature, stampPng } from './stamp/png.ts';
import { stampOf } from './stamp/stamp.ts';

/** Of a picture, and of one that moves, whose frames share them and its bytes. */
const colours = { still: 128, moving: 40 };

/**
 * Pixels across that a small picture has at most; at least, each time a tenth fewer until it is small enough. Narrower,
 * its labels could not be read: it is rather larger than asked for.
 */
const widths = { most: 1000, least: { still: 800, moving: 480 } };

/**
 * A picture of a figure for a page of a repository: in few colours, as wide as `limit` bytes allow. One that moves goes
 * on moving. It carries the provenance of the large one, which does not count for the limit, and the large one's digest,
 * by which `orograph rebuild` knows that one.
 */
export async function smallPng(file: Buffer, limit: number, narrowest?: number): Promise<Buffer> {
  const text = stampOf(file);
  const frames = framesOf(file);
  const least = narrowest ?? (frames.length > 1 ? widths.least.moving : widths.least.still);
  let picture: Buffer;
  let width = Math.min(widths.most, file.readUInt32BE(16));
  for (; ; width = Math.max(least, Math.floor(0.9 * width))) {
    picture = await inFewColours(frames, width);
    if (picture.length <= limit || width <= least) break;
  }
  return text === undefined ? picture : stampPng(picture, reducedStamp(text, digestOf(file)), true);
}

/** All frames have one palette, as a PNG must: they are reduced as one strip. */
async function inFewColours(frames: readonly Buffer[], width: number): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  const sized = await Promise.all(
    frames.map((frame) =>
      sharp(frame).resize({ width, withoutEnlargement: true }).removeAlpha().png().toBuffer(),
    ),
  );
  const strip = await sharp(
    sized.length === 1 ? sized[0]! : [...sized],
    sized.length === 1 ? {} : { join: { across: 1 } },
  )
    .png({
      palette: true,
      colours: frames.length === 1 ? colours.still : colours.moving,
      dither: 0,
      effort: 10,
      compressionLevel: 9,
    })
    .toBuffer();
  return frames.length === 1 ? strip : animatedPng(cutUp(strip, frames.length));
}

/** The pictures that stand below each other in a PNG with a palette, each as a PNG of the same palette. */
function cutUp(strip: Buffer, count: number): Buffer[] {
  const chunks = pngChunks(strip);
  const header = chunks.find(({ type }) => type === 'IHDR')!.data;
  const rows = inflateSync(
    Buffer.concat(chunks.flatMap(({ type, data }) => (type === 'IDAT' ? [data] : []))),
  );
  const height = header.readUInt32BE(4);
  const row = rows.length / height;
  const each = height / count;
  // A filter byte of 1, 2, … would lean on the row above, which may be another picture's.
  const alone = Array.from({ length: count }, (_, k) => rows[k * each * row]! <= 1).every(Boolean);
  if (!Number.isInteger(each) || !alone) throw new Error('a strip of pictures that cannot be cut up');
  const own = Buffer.from(header);
  own.writeUInt32BE(each, 4);
  const palette = chunks.filter(({ type }) => type === 'PLTE' || type === 'tRNS');
  return Array.from({ length: count }, (_, k) =>
    Buffer.concat([
      pngSignature,
      pngChunk('IHDR', own),
      ...palette.map(({ type, data }) => pngChunk(type, data)),
      pngChunk('IDAT', deflateSync(rows.subarray(k * each * row, (k + 1) * each * row), { level: 9 })),
      pngChunk('IEND', Buffer.alloc(0)),
    ]),
  );
}
