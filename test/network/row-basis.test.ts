import { expect, test } from 'vitest';
import { rowBasis } from '../../src/network/row-basis.ts';
import { Random } from '../../src/util/random.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

engineWithoutLeaks();

const draw = (stream: string, count: number): Float32Array => new Random([11, stream]).gaussians(count);

/** In float64: the largest number of QQᵀ - I, and of a row's part outside of the span, relative to the row. */
function errors(rows: Float32Array, basis: Float32Array, width: number) {
  const rank = basis.length / width;
  const along = (a: ArrayLike<number>, q: number): number => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += a[i]! * basis[q * width + i]!;
    return sum;
  };
  let skew = 0;
  for (let p = 0; p < rank; p++)
    for (let q = 0; q <= p; q++)
      skew = Math.max(
        skew,
        Math.abs(along(basis.subarray(p * width, (p + 1) * width), q) - (p === q ? 1 : 0)),
      );
  let outside = 0;
  for (let r = 0; r < rows.length; r += width) {
    const row = Float64Array.from(rows.subarray(r, r + width));
    const size = Math.hypot(...row);
    if (size === 0) continue;
    // Twice, as the basis is orthonormal to float32's rounding only.
    for (let pass = 0; pass < 2; pass++)
      for (let q = 0; q < rank; q++) {
        const share = along(row, q);
        for (let i = 0; i < width; i++) row[i]! -= share * basis[q * width + i]!;
      }
    outside = Math.max(outside, Math.hypot(...row) / size);
  }
  return { rank, skew, outside };
}

/** Rows of the same sizes, each of which has `share` of its own and is otherwise one vector. */
function alike(count: number, width: number, share: number): Float32Array {
  const common = draw('common', width);
  const own = draw('own', count * width);
  return own.map((value, i) => common[i % width]! + share * value);
}

const width = 320;
const spread = draw('spread', 200 * width);
test.each([
  { title: 'random rows', rows: spread, rank: 200 },
  { title: 'one row', rows: spread.slice(0, width), rank: 1 },
  { title: 'rows of very different sizes', rows: spread.map((x, i) => x * 10 ** -(i % 7)), rank: 200 },
  {
    title: 'rows of lengths from 1e-15 to 1e15',
    rows: spread.map((x, i) => x * 10 ** ((Math.floor(i / width) % 31) - 15)),
    rank: 200,
  },
  { title: 'rows that differ by a thousandth', rows: alike(200, width, 1e-3), rank: 200 },
  { title: 'rows that differ by a hundred thousandth', rows: alike(200, width, 1e-5), rank: 200 },
  // 150 rows, 10 zeros among them, each twice: within a block of rows and in another one.
  {
    title: 'rows that come twice, and zeros',
    rows: Float32Array.from({ length: 300 * width }, (_, i) => {
      const row = Math.floor(i / width) % 150;
      return row % 15 === 0 ? 0 : spread[row * width + (i % width)]!;
    }),
    rank: 140,
  },
  {
    title: 'rows that come twice, one beside the other',
    rows: Float32Array.from(
      { length: 200 * width },
      (_, i) => spread[Math.floor(i / width / 2) * width + (i % width)]!,
    ),
    rank: 100,
  },
])('$title are in the span of orthonormal rows', async ({ rows, rank }) => {
  const found = errors(rows, (await rowBasis(rows, width))!, width);
  expect(found.rank).toBe(rank);
  // Float32 rounds each number of a unit row, and each of the sums that it is made of, by up to 2^-24 of their size.
  expect(found.skew).toBeLessThan(1e-6);
  expect(found.outside).toBeLessThan(3e-6);
});

test('of rows that others make up to rounding, no more than rounding lies outside', async () => {
  const mixing = draw('mixing', 200 * 30);
  const rows = new Float32Array(200 * width);
  for (let r = 0; r < 200; r++)
    for (let k = 0; k < 30; k++)
      for (let i = 0; i < width; i++) rows[r * width + i]! += mixing[r * 30 + k]! * spread[k * width + i]!;
  const found = errors(rows, (await rowBasis(rows, width))!, width);
  // What float32 has made of the sums is no combination of 30 vectors; how much of it is new, rounding decides.
  expect(found.rank).toBeGreaterThanOrEqual(30);
  expect(found.rank).toBeLessThan(60);
  expect(found.skew).toBeLessThan(1e-6);
  expect(found.outside).toBeLessThan(3e-6);
});

test('the same bits come again; nothing comes of nothing and of what is not finite', async () => {
  const [one, other] = [await rowBasis(spread, width), await rowBasis(spread, width)];
  expect(one).toEqual(other);
  expect(await rowBasis(new Float32Array(5 * width), width)).toEqual(new Float32Array());
  expect(
    await rowBasis(
      spread.map((x, i) => (i === 777 ? Number.NaN : x)),
      width,
    ),
  ).toBeUndefined();
});
