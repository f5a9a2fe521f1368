import { crc32, deflateSync, inflateSync } from 'node:zlib';

const keyword = 'orograph:provenance';
export const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Keyword, compression (flag and method), no language, no translated keyword (PNG specification 11.3.3.4). */
const headOf = (packed: boolean): Buffer =>
  Buffer.from(`${keyword}\0${packed ? '\x01' : '\0'}\0\0\0`, 'latin1');
const heads = { plain: headOf(false), packed: headOf(true) };

/**
 * An iTXt chunk before the end. A published figure's is not compressed: compressed bytes differ between versions of
 * zlib, and the same figure is to be the same file everywhere.
 * @param packed for a picture whose pixels were compressed by whatever zlib there is anyway.
 */
export function stampPng(file: Buffer, text: string, packed = false): Buffer {
  const end = pngChunks(file).find(({ type }) => type === 'IEND');
  if (!end) return file;
  return Buffer.concat([
    file.subarray(0, end.at),
    pngChunk(
      'iTXt',
      packed
        ? Buffer.concat([heads.packed, deflateSync(text, { level: 9 })])
        : Buffer.concat([heads.plain, Buffer.from(text)]),
    ),
    file.subarray(end.at),
  ]);
}

export function unstampPng(file: Buffer): string | undefined {
  for (const { type, data } of pngChunks(file)) {
    if (type !== 'iTXt') continue;
    const body = data.subarray(heads.plain.length);
    if (data.indexOf(heads.plain) === 0) return body.toString('utf8');
    if (data.indexOf(heads.packed) === 0) return unpacked(body);
  }
  return undefined;
}

/** Longer than any text that was put in: a small chunk must not become a memory full of zeros. */
const longest = 64 * 2 ** 20;

function unpacked(body: Buffer): string | undefined {
  try {
    return inflateSync(body, { maxOutputLength: longest }).toString('utf8');
  } catch {
    return undefined;
  }
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
