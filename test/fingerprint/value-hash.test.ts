import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOfValue } from '../../src/fingerprint/value-hash.ts';

describe('hash of a value', () => {
  it('is pinned: a change here is a change of every key, so it needs a new key format', () => {
    expect(hashOfValue({ epochs: 50, network: 'mlp', keep: [0, 10, 50], seed: 1 })).toMatchInlineSnapshot(
      `"15b6d1b6a81af081bd504453120320ad33367f68188e82010a49835266addbe0"`,
    );
    expect(hashOfValue({ a: null, b: true, c: '', d: [], e: {}, f: 0.1, g: 'ε₁' })).toMatchInlineSnapshot(
      `"64a55022490f93bc3f3c54bffc352adb439f00f78e8f9fd5869e567718cf5dd7"`,
    );
  });

  it('does not depend on the order of keys, at any depth', () => {
    const shuffled = (value: unknown): unknown =>
      value && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([k, v]) => [k, shuffled(v)]),
          )
        : value;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        fc.pre(!('__proto__' in value));
        expect(hashOfValue(shuffled(JSON.parse(JSON.stringify(value))) as never)).toBe(
          hashOfValue(JSON.parse(JSON.stringify(value))),
        );
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('tells values apart that look alike', () => {
    const alike = [
      1,
      '1',
      true,
      null,
      'null',
      [],
      {},
      [[]],
      [null],
      '',
      0,
      { a: [] },
      { a: {} },
      ['a', 'b'],
      ['b', 'a'],
      'ab',
      ['ab'],
    ];
    expect(new Set(alike.map((value) => hashOfValue(value as never))).size).toBe(alike.length);
  });

  it('takes -0 for 0, as YAML and JSON do', () => {
    expect(hashOfValue({ x: -0 })).toBe(hashOfValue({ x: 0 }));
  });

  it.each([
    ['NaN', { x: Number.NaN }],
    ['Infinity', [Infinity]],
    ['undefined', { x: undefined }],
    ['a function', { x: () => 1 }],
    ['a Map', new Map([[1, 2]])],
    ['a Date', { at: new Date(0) }],
    ['a typed array', new Float32Array(2)],
    ['a bigint', 1n],
    ['a symbol', Symbol('x')],
  ])('refuses %s', (_, value) => {
    expect(() => hashOfValue(value as never)).toThrow(/cannot hash/);
  });
});
