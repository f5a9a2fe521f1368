import { crc32 } from 'node:zlib';

const keyword = 'orograph:provenance';
export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Keyword, no compression (flag and method), no language, no translated keyword (PNG specification 11.3.3.4). */
const head = Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1');

/**
 * An iTXt chunk before the end. It is not compressed: compressed bytes differ between versions of zlib, and the same
 * figure is to be the same file everywhere.
 */
export function stampPng(file: Buffer, text: string): Buffer {
  const end = pngChunks(file).find(({ type }) => type === 'IEND');
  if (!end) return file;
  return Buffer.concat([
    file.subarray(0, end.at),
    pngChunk('iTXt', Buffer.concat([head, Buffer.from(text)])),
    file.subarray(end.at),
  ]);
}

export function unstampPng(file: Buffer): string | undefined {
  for (const { type, data } of pngChunks(file))
    if (type === 'iTXt' && data.subarray(0, head.length).equals(head))
      return data.subarray(head.length).toString('utf8');
  return undefined;
}

/** Length, type, data and check sum (5.3). */
export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** The chunks of a PNG, as far as they are whole; of anything else none. */
export function pngChunks(file: Buffer): { type: string; at: number; data: Buffer }[] {
  const found: { type: string; at: number; data: Buffer }[] = [];
  if (!file.subarray(0, 8).equals(pngSignature)) return found;
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    if (at + 12 + length > file.length) break;
    found.push({
      type: file.toString('latin1', at + 4, at + 8),
      at,
      data: file.subarray(at + 8, at + 8 + length),
    });
    at += 12 + length;
  }
  return found;
}
