/** Where an array lies in a file, and what it is made of: headers only, the numbers are read where they are used. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { headerLengthOf, parseHeader } from '../network/safetensors.ts';
import { bad } from './damage.ts';

export const elementBytes = {
  uint8: 1,
  uint16: 2,
  int32: 4,
  int64: 8,
  float32: 4,
  float64: 8,
  float16: 2,
} as const;
export type ElementType = keyof typeof elementBytes;

export interface ArrayPlace {
  readonly path: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Of the first number, in bytes. */
  readonly offset: number;
}

function within<T>(path: string, work: (read: (at: number, length: number) => Buffer, size: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    return work((at, length) => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - at)));
      readSync(fd, bytes, 0, bytes.length, at);
      return bytes;
    }, size);
  } finally {
    closeSync(fd);
  }
}

/** Some bytes of a file. */
export function bytesAt(path: string, offset: number, length: number): Buffer {
  return within(path, (read) => read(offset, length));
}

const npyTypes: Readonly<Record<string, ElementType>> = {
  '|u1': 'uint8',
  '<u2': 'uint16',
  '<i4': 'int32',
  '<i8': 'int64',
  '<f4': 'float32',
  '<f8': 'float64',
  '<f2': 'float16',
};

/**
 * NumPy's format, versions 1 to 3 (numpy.lib.format): magic, version, header length, a Python dictionary, the numbers.
 * @param cure what helps where its numbers are of a type that is not known.
 * @throws UserError where it is something else, in Fortran's order, or cut short.
 */
export function npyPlace(path: string, cure: string): ArrayPlace {
  return within(path, (read, size) => {
    const hint = 'write it again with numpy.save';
    const start = read(0, 12);
    if (start.length < 10 || start.toString('latin1', 0, 6) !== '\x93NUMPY')
      throw bad(`${path}: no .npy file (its first bytes are not \\x93NUMPY)`, { hint });
    const wide = start[6]! >= 2;
    const at = wide ? 12 : 10;
    const length = wide ? (start.length < 12 ? 0 : start.readUInt32LE(8)) : start.readUInt16LE(8);
    const header = read(at, Math.min(length, 2 ** 16)).toString('latin1');
    const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
    const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
    const dimensions = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
    if (descr === undefined || fortran === undefined || dimensions === undefined)
      throw bad(`${path}: its header at byte ${at} does not say descr, fortran_order and shape`, { hint });
    if (fortran === 'True')
      throw bad(`${path}: an array in Fortran's order`, { hint: 'save numpy.ascontiguousarray(array)' });
    const type = npyTypes[descr];
    if (!type)
      throw bad(`${path}: numbers of the type "${descr}"`, {
        expected: Object.keys(npyTypes).join(', '),
        hint: cure,
      });
    const shape = dimensions
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map(Number);
    return whole({ path, type, shape, offset: at + length }, size, hint);
  });
}

const tensorTypes: Readonly<Record<string, ElementType>> = {
  U8: 'uint8',
  U16: 'uint16',
  I32: 'int32',
  I64: 'int64',
  F32: 'float32',
  F64: 'float64',
  F16: 'float16',
};

/** A tensor of a safetensors file. @throws UserError where there is none of that name, or the file is damaged. */
export function tensorPlace(path: string, name: string): ArrayPlace {
  return within(path, (read, size) => {
    const hint = 'write it again with safetensors.numpy.save_file';
    const wrong = (what: string) => bad(`${path}: ${what}`, { hint });
    const length = headerLengthOf(read(0, 8), size, wrong);
    const header = parseHeader(read(8, length), wrong);
    const entry = header[name] as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | undefined;
    if (!entry || name === '__metadata__') {
      const there = Object.keys(header).filter((key) => key !== '__metadata__');
      throw bad(`${path}: no tensor "${name}"`, {
        expected: there.length > 0 ? `one of ${there.join(', ')}` : 'a tensor',
        hint: 'say what they are called: tensors: { inputs: …, labels: … }',
      });
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    const type = tensorTypes[String(dtype)];
    if (!type)
      throw bad(`${path}: the tensor "${name}" has the type ${JSON.stringify(dtype)}`, {
        expected: Object.keys(tensorTypes).join(', '),
      });
    const counts = (value: unknown): value is number[] =>
      Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!counts(shape) || !counts(offsets) || offsets.length !== 2)
      throw wrong(`the entry of "${name}" has no shape and data_offsets`);
    const needed = shape.reduce((product, n) => product * n, elementBytes[type]);
    if (offsets[1]! - offsets[0]! !== needed)
      throw wrong(
        `"${name}" has the shape [${shape}], which takes ${needed} bytes, but is given ${offsets[1]! - offsets[0]!}`,
      );
    return whole({ path, type, shape, offset: 8 + length + offsets[0]! }, size, hint);
  });
}

function whole(place: ArrayPlace, size: number, hint: string): ArrayPlace {
  const { path, type, shape, offset } = place;
  const needed = shape.reduce((product, n) => product * n, elementBytes[type]);
  if (shape.length === 0 || needed === 0)
    throw bad(`${path}: an array of the shape [${shape}] is empty`, { hint });
  if (offset + needed > size)
    throw bad(`${path}: cut short at byte ${size}`, {
      expected: `${offset + needed} bytes for ${type} [${shape}]`,
      hint,
    });
  return place;
}
