import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { memoOf } from '../../src/execute/memo.ts';
import { openStore } from '../../src/store/open.ts';
import { type Digest, digestOf } from '../../src/util/digest.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { stageKey } from '../support/store-rig.ts';

const cache = join(scratchFolder('memo'), 'cache');
/** As two workers have it: each with a store of its own on one cache. */
const stores = [openStore(cache), openStore(cache)];
afterAll(() => {
  for (const store of stores) store.close();
});
const scope = (kind: string, code: Digest) => ({ kind, version: 1, code, engine: null });
const memoOfKind = (worker: number, kind: string, items = 'items', signal = new AbortController().signal) =>
  memoOf(
    stores[worker]!,
    {
      scope: scope(kind, digestOf(kind)),
      shared: scope('shared items', digestOf(items)),
      key: stageKey(kind),
    },
    signal,
  );
const bytes = (text: string) => Buffer.from(text);

test('what two kinds share is computed once, also where both want it at the same moment', async () => {
  const [one, other] = [memoOfKind(0, 'one'), memoOfKind(1, 'other')];
  let computed = 0;
  const compute = async () => {
    computed++;
    await new Promise((resolve) => setTimeout(resolve, 30));
    return bytes('product');
  };
  const found = await Promise.all([one, other].map((memo) => memo.shared({ v: 1 }, compute)));
  expect(found.map((value) => Buffer.from(value).toString())).toEqual(['product', 'product']);
  expect(computed).toBe(1);
  await memoOfKind(0, 'one', 'other code').shared({ v: 1 }, compute);
  expect(computed).toBe(2);
});

test('what a kind keeps for itself no other sees', async () => {
  const [one, other] = [memoOfKind(0, 'one'), memoOfKind(1, 'other')];
  await one.put('x', bytes('mine'));
  expect(Buffer.from((await one.get('x'))!).toString()).toBe('mine');
  expect(await other.get('x')).toBeUndefined();
});

test('where the first fails, the next computes; who waits can be interrupted', async () => {
  const stop = new AbortController();
  const [one, other, third] = [
    memoOfKind(0, 'one'),
    memoOfKind(1, 'other'),
    memoOfKind(1, 'other', 'items', stop.signal),
  ];
  let fail!: (error: Error) => void;
  const failing = one.shared('y', () => new Promise((_, reject) => (fail = reject)));
  const failed = expect(failing).rejects.toThrow('no memory');
  const waiting = other.shared('y', async () => bytes('second'));
  const interrupted = expect(third.shared('y', async () => bytes('third'))).rejects.toThrow('aborted');
  await new Promise((resolve) => setTimeout(resolve, 30));
  stop.abort();
  await interrupted;
  fail(new Error('no memory'));
  await failed;
  expect(Buffer.from(await waiting).toString()).toBe('second');
});

test('a shared item inside the computation of another is refused: two stages could wait for each other', async () => {
  const one = memoOfKind(0, 'one');
  const nested = one.shared('outer', () => one.shared('inner', async () => bytes('inner')));
  await expect(nested).rejects.toThrow('while another shared item was computed');
  // Side by side they are not.
  const both = ['p', 'q'].map((name) => one.shared(name, async () => bytes(name)));
  expect((await Promise.all(both)).map((value) => Buffer.from(value).toString())).toEqual(['p', 'q']);
  // And the outer one is free again.
  expect(Buffer.from(await one.shared('outer', async () => bytes('plain'))).toString()).toBe('plain');
});

test('what was just computed is what a resumed stage reads', async () => {
  const compute = async () => ({ loss: -0, worst: Number.NaN, accuracy: undefined as number | undefined });
  const [first, again] = [0, 1].map((worker) => memoOfKind(worker, 'each'));
  const [computed] = await first!.each(['point'], (item) => item, compute);
  const [read] = await again!.each(
    ['point'],
    (item) => item,
    () => Promise.reject(new Error('not again')),
  );
  expect(computed).toStrictEqual({ loss: 0, worst: Number.NaN });
  expect(read).toStrictEqual(computed);
});

test.each([
  ['undefined', undefined],
  ['undefined', { row: [1, undefined] }],
  ['a Float32Array', { values: new Float32Array(2) }],
  ['a bigint', 1n],
])('a result that holds %s is refused, and nothing is stored', async (what, result) => {
  const memo = memoOfKind(0, 'refused');
  const each = (value: unknown) =>
    memo.each(
      ['item'],
      (item) => item,
      async () => value,
    );
  await expect(each(result)).rejects.toThrow(`holds ${what}, which JSON cannot say`);
  expect(await memo.get('item')).toBeUndefined();
});
