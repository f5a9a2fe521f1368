import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { encodeCheckpoint, readCheckpoint } from '../../src/network/checkpoint.ts';
import { decodeSafetensors, encodeSafetensors, type TensorFile } from '../../src/network/safetensors.ts';
import { digestOf } from '../../src/util/digest.ts';
import { Random } from '../../src/util/random.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const file: TensorFile = {
  tensors: [
    { name: 'b', shape: [2, 3], values: Float32Array.of(1, 2, 3, -4, 0.5, Number.NaN) },
    { name: '7', shape: [], values: Float32Array.of(9) },
    { name: 'empty', shape: [0, 4], values: new Float32Array(0) },
  ],
  metadata: { z: '1', a: 'ü "quoted"' },
};

function built(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

describe('safetensors', () => {
  test('what is written is read, order and metadata included', () => {
    const read = decodeSafetensors(encodeSafetensors(file), 'file');
    expect(read.tensors).toEqual(file.tensors);
    expect(read.metadata).toEqual(file.metadata);
  });

  test('the same content has the same bytes, whatever the order of the metadata', () => {
    const other = encodeSafetensors({ ...file, metadata: { a: 'ü "quoted"', z: '1' } });
    expect(other).toEqual(encodeSafetensors(file));
    expect(digestOf(other)).toBe('c7e73f1f99019e18eb649d80bcd513e720597abf751312b0ad3316f874b84549');
    expect((new DataView(other.buffer).getUint32(0, true) + 8) % 8).toBe(0);
  });

  test('a file is read wherever it lies in its buffer', () => {
    const bytes = encodeSafetensors(file);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(decodeSafetensors(shifted, 'file').tensors).toEqual(file.tensors);
    expect(decodeSafetensors(Buffer.from(bytes), 'file').tensors[0]!.values.buffer.byteLength).toBe(24);
  });

  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  test.each<[string, Uint8Array, RegExp]>([
    ['too short', new Uint8Array(7), /it has 7 bytes/],
    ['a huge header', new Uint8Array(16).fill(255), /announce a header of 18446744073709551615 bytes/],
    ['a header beyond the end', built('{}').subarray(0, 9), /should end at byte 10, but the file has 9/],
    ['a zip archive of torch.save', Buffer.from('PK\u0003\u0004 and so on'), /it was written by torch\.save/],
    [
      'a pickle of torch.save',
      Buffer.from('8002 8a0a 6cfc9c46'.replaceAll(' ', ''), 'hex'),
      /it was written by torch\.save/,
    ],
    ['no JSON', built('{"a":'), /header is no JSON in UTF-8/],
    ['a list', built([]), /no JSON object/],
    ['another type', built({ a: { ...entry, dtype: 'BF16' } }, new Uint8Array(4)), /"a" has the type "BF16"/],
    ['a negative size', built({ a: { ...entry, shape: [-1] } }), /shape of "a"/],
    ['a size beyond float64', built({ a: { ...entry, shape: [1e300, 2] } }), /shape of "a"/],
    [
      'wrong length',
      built({ a: { ...entry, shape: [2] } }, new Uint8Array(4)),
      /takes 8 bytes, but is given 4/,
    ],
    ['offsets backwards', built({ a: { ...entry, data_offsets: [4, 0] } }), /data_offsets of "a"/],
    ['a hole', built({ a: { ...entry, data_offsets: [4, 8] } }, new Uint8Array(8)), /"a" starts at 4/],
    ['an overlap', built({ a: entry, b: entry }, new Uint8Array(4)), /"b" starts at 0/],
    ['data too short', built({ a: entry }, new Uint8Array(3)), /take up 4 bytes, and 3 follow/],
    ['metadata of numbers', built({ __metadata__: { a: 1 } }), /metadata "a" is no string/],
  ])('%s is told plainly', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'curve: the input x')).toThrow(message);
    expect(() => decodeSafetensors(bytes, 'curve: the input x')).toThrow(UserError);
    expect(() => decodeSafetensors(bytes, 'curve: the input x')).toThrow(/^curve: the input x is no valid/);
  });

  test('any damage gives tensors or a plain error', () => {
    const good = encodeSafetensors(file);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(good.length),
        (changes, length) => {
          const bytes = good.slice(0, length);
          for (const [at, value] of changes) if (at < length) bytes[at] = value;
          try {
            for (const { shape, values } of decodeSafetensors(bytes, 'file').tensors)
              expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('checkpoints', () => {
  const folder = scratchFolder('tensors');
  const random = new Random([1]);
  const checkpoint = {
    network: { name: 'mlp' as const, widths: [3], inputs: 4, classes: 2 },
    dataset: { name: 'tiny', digest: 'abc', mean: [0.5], deviation: [0.25] },
    epoch: 10,
    seed: 3,
    parameters: [
      { name: 'dense1/kernel', shape: [4, 3], values: random.gaussians(12) },
      { name: 'dense1/bias', shape: [3], values: random.gaussians(3) },
      { name: 'dense2/kernel', shape: [3, 2], values: random.gaussians(6) },
      { name: 'dense2/bias', shape: [2], values: random.gaussians(2) },
    ],
  };
  const written = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };

  test('carry all that is needed to evaluate them', async () => {
    const { architecture, ...read } = await readCheckpoint(
      written('good', encodeCheckpoint(checkpoint)),
      'good',
    );
    expect(read).toEqual({ ...checkpoint, state: [] });
    expect(architecture.parameters.map(({ name }) => name)).toEqual(
      checkpoint.parameters.map(({ name }) => name),
    );
  });

  test('of the wrong form are refused with the tensor’s name', async () => {
    const refused = async (change: object): Promise<string> => {
      const bytes = encodeCheckpoint({ ...checkpoint, ...change });
      return readCheckpoint(written('bad', bytes), 'it').then(
        () => 'accepted',
        (error: UserError) => (error instanceof UserError ? error.message : String(error)),
      );
    };
    const [kernel, ...rest] = checkpoint.parameters;
    expect(await refused({ parameters: rest })).toBe('it lacks the tensor "dense1/kernel"');
    expect(await refused({ parameters: [{ ...kernel!, shape: [3, 4] }, ...rest] })).toContain('shape [3,4]');
    expect(await refused({ parameters: [...checkpoint.parameters, { ...kernel!, name: 'more' }] })).toContain(
      '"more"',
    );
    expect(await refused({ network: { name: 'vgg' } })).toContain('does not know');
    expect(await refused({ dataset: 3 })).toContain('which data set');
    const foreign = encodeSafetensors({ tensors: checkpoint.parameters, metadata: {} });
    await expect(readCheckpoint(written('foreign', foreign), 'it')).rejects.toThrow(/no checkpoint/);
    await expect(readCheckpoint(join(folder, 'absent'), 'it')).rejects.toThrow(UserError);
  });
});
