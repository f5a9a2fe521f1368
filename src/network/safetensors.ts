import { readFile } from 'node:fs/promises';
import { UserError } from '../diagnostics/diagnostic.ts';
import { type NamedTensor, sizeOf } from './tensors.ts';

/**
 * The safetensors format: 8 bytes of little-endian header length, a JSON header that gives every tensor's dtype,
 * shape and place, then the data. Written here with the metadata's keys sorted and the header padded with spaces to a
 * multiple of 8, so the same content has the same bytes.
 */
export interface TensorFile {
  /** In the order of the data. */
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

const maximumHeader = 100_000_000;

/** The bytes of a file. Names must be unique and not `__metadata__`. */
export function encodeSafetensors({ tensors, metadata }: TensorFile): Uint8Array<ArrayBuffer> {
  let offset = 0;
  const entries: [string, unknown][] = [
    ['__metadata__', Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)))],
  ];
  for (const { name, shape, values } of tensors) {
    const end = offset + values.byteLength;
    entries.push([name, { dtype: 'F32', shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  // Written entry by entry: an object would put names that look like numbers first.
  const text = `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',')}}`;
  const header = new TextEncoder().encode(text);
  const headerLength = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(header, 8);
  let at = 8 + headerLength;
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return bytes;
}

const hints = {
  anything: 'write it with safetensors: save_file of safetensors.torch or safetensors.numpy in Python',
  torch:
    'convert it in Python: safetensors.torch.save_file(torch.load(FILE, map_location="cpu"), "weights.safetensors"); where the file holds more than a state_dict, save that part alone: torch.load(…)["state_dict"], say',
};

/**
 * Reads a file's bytes. Tensors other than float32 are refused: nothing here computes in another type.
 * @param label what to call the file in messages.
 * @param ignored tensors to leave out, of whatever type: PyTorch's counters, for example.
 * @throws UserError that says what is wrong and where, whatever the bytes are.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  label: string,
  ignored: (name: string) => boolean = () => false,
): TensorFile {
  const bad = (what: string, hint = hints.anything): UserError =>
    new UserError({
      severity: 'error',
      code: 'bad-safetensors',
      message: `${label} is no valid safetensors file: ${what}`,
      hint,
    });
  if (isOfTorch(bytes)) throw bad('it was written by torch.save', hints.torch);
  const headerLength = headerLengthOf(bytes, bytes.length, bad);
  const header = parseHeader(bytes.subarray(8, 8 + headerLength), bad);
  const data = bytes.subarray(8 + headerLength);

  const metadata: Record<string, string> = {};
  const places: { name: string; shape: number[]; start: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isObject(entry)) throw bad('"__metadata__" is no object');
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string') throw bad(`the metadata "${key}" is no string`);
        metadata[key] = value;
      }
      continue;
    }
    places.push({ name, ...placeOf(name, entry, ignored(name), bad) });
  }
  places.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  for (const { name, start, end } of places) {
    if (start !== at)
      throw bad(`the data of "${name}" starts at ${start}, and that of the tensor before it ends at ${at}`);
    at = end;
  }
  if (at !== data.length) throw bad(`its tensors take up ${at} bytes, and ${data.length} follow the header`);
  return {
    metadata,
    tensors: places
      .filter(({ name }) => !ignored(name))
      .map(({ name, shape, start, end }) => {
        // Copied: a view would need the data to start at a multiple of 4.
        const values = new Float32Array((end - start) / 4);
        new Uint8Array(values.buffer).set(data.subarray(start, end));
        return { name, shape, values };
      }),
  };
}

/** Reads and decodes a file. @throws UserError as `decodeSafetensors`, and where the file cannot be read. */
export async function readSafetensors(
  path: string,
  label: string,
  ignored?: (name: string) => boolean,
): Promise<TensorFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UserError({
      severity: 'error',
      code: 'unreadable-file',
      message: `${label} cannot be read: ${(error as Error).message}`,
    });
  }
  return decodeSafetensors(bytes, label, ignored);
}

/** A zip archive, or a pickle: as the length of a header both would be beyond every bound. */
function isOfTorch(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  const isZip = a === 0x50 && b === 0x4b && c === 3 && d === 4;
  const isPickle = a === 0x80 && b! >= 2 && b! <= 5 && bytes.subarray(4, 8).some((byte) => byte !== 0);
  return isZip || isPickle;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The length of the JSON header out of a file's first 8 bytes. */
export function headerLengthOf(bytes: Uint8Array, size: number, bad: (what: string) => UserError): number {
  if (bytes.length < 8) throw bad(`it has ${bytes.length} bytes, and the header's length alone takes 8`);
  const declared = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (declared > BigInt(maximumHeader)) throw bad(`its first 8 bytes announce a header of ${declared} bytes`);
  const length = Number(declared);
  if (8 + length > size) throw bad(`its header should end at byte ${8 + length}, but the file has ${size}`);
  return length;
}

/** The header: entries by name. */
export function parseHeader(bytes: Uint8Array, bad: (what: string) => UserError): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw bad(`its header is no JSON in UTF-8 (${(error as Error).message})`);
  }
  if (!isObject(header)) throw bad('its header is no JSON object');
  return header;
}

function placeOf(
  name: string,
  entry: unknown,
  ignored: boolean,
  bad: (what: string) => UserError,
): { shape: number[]; start: number; end: number } {
  if (!isObject(entry)) throw bad(`the entry of "${name}" is no object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!ignored && dtype !== 'F32')
    throw bad(`"${name}" has the type ${JSON.stringify(dtype)}; only F32 is read`);
  const counts = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!counts(shape)) throw bad(`the shape of "${name}" is no list of sizes`);
  if (!counts(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!)
    throw bad(`the data_offsets of "${name}" are no start and end`);
  const [start, end] = offsets as [number, number];
  if (!ignored && end - start !== 4 * sizeOf(shape))
    throw bad(
      `"${name}" has the shape [${shape}], which takes ${4 * sizeOf(shape)} bytes, but is given ${end - start}`,
    );
  return { shape, start, end };
}
