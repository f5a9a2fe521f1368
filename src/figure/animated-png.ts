import { pngChunk, pngChunks, pngSignature } from './stamp/png.ts';

/** Milliseconds. The last frame stays longer: what it all came to. */
const shown = { each: 400, last: 2000 };

/**
 * One PNG that shows others in turn, for ever (PNG specification, third edition, 11.3.6): every reader of PNG opens it,
 * those that know no animation show the first frame. Frames are whole pictures of one size and colour type.
 * @throws Error where they are not.
 */
export function animatedPng(frames: readonly Buffer[]): Buffer {
  const read = frames.map(pngChunks);
  const [first] = read;
  const header = first?.find(({ type }) => type === 'IHDR')?.data;
  if (!first || !header) throw new Error('an animation of no frames');
  if (read.some((chunks) => !chunks[0]?.data.equals(header))) throw new Error('frames of different sizes');
  let sequence = 0;
  const parts = read.flatMap((chunks, k) => [
    frameControl(header, sequence++, k === frames.length - 1 ? shown.last : shown.each),
    ...chunks
      .filter(({ type }) => type === 'IDAT')
      .map(({ data }) => (k === 0 ? pngChunk('IDAT', data) : pngChunk('fdAT', numbered(sequence++, data)))),
  ]);
  const control = Buffer.alloc(8);
  control.writeUInt32BE(frames.length, 0);
  const others = first.filter(({ type }) => !['IHDR', 'IDAT', 'IEND'].includes(type));
  return Buffer.concat([
    pngSignature,
    pngChunk('IHDR', header),
    pngChunk('acTL', control),
    ...others.map(({ type, data }) => pngChunk(type, data)),
    ...parts,
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The frame covers the whole picture and replaces what was there. */
function frameControl(header: Buffer, sequence: number, milliseconds: number): Buffer {
  const data = Buffer.alloc(26);
  data.writeUInt32BE(sequence, 0);
  // Width and height as in the header; offsets, disposal and blending stay 0.
  header.copy(data, 4, 0, 8);
  data.writeUInt16BE(milliseconds, 20);
  data.writeUInt16BE(1000, 22);
  return pngChunk('fcTL', data);
}

function numbered(sequence: number, data: Buffer): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(sequence);
  return Buffer.concat([number, data]);
}

/** The frames of a PNG that moves, each a PNG by itself; of one that does not, the file. */
export function framesOf(file: Buffer): Buffer[] {
  const chunks = pngChunks(file);
  if (!chunks.some(({ type }) => type === 'acTL')) return [file];
  const header = chunks[0]!.data;
  const starts = chunks.flatMap(({ type }, i) => (type === 'fcTL' ? [i] : []));
  const palette = chunks.filter(({ type }) => type === 'PLTE' || type === 'tRNS');
  return starts.map((start, k) => {
    const data = chunks.slice(start, starts[k + 1]).flatMap(({ type, data: bytes }) => {
      if (type === 'IDAT') return [bytes];
      return type === 'fdAT' ? [bytes.subarray(4)] : [];
    });
    return Buffer.concat([
      pngSignature,
      pngChunk('IHDR', header),
      ...palette.map(({ type, data: bytes }) => pngChunk(type, bytes)),
      pngChunk('IDAT', Buffer.concat(data)),
      pngChunk('IEND', Buffer.alloc(0)),
    ]);
  });
}
