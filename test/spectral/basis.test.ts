import { expect, test } from 'vitest';
import { Basis, inner, length, normalised } from '../../src/spectral/basis.ts';
import { Random } from '../../src/util/random.ts';

// More than two tiles of the kernels, and enough work for several threads.
const n = 3 * 8192 + 77;
const drawn = (k: number): Float32Array => new Random([31, 'vector', k]).gaussians(n);

/** Twenty vectors made orthonormal one after the other, then twelve mixtures of them, by so many threads. */
async function made(threads: number) {
  const basis = new Basis(n, 20, threads);
  const lengths: number[] = [];
  for (let k = 0; k < 20; k++) {
    const { left } = await basis.orthogonalise(drawn(k));
    lengths.push(left);
    basis.push(basis.rest(left));
  }
  const before = Array.from({ length: 20 }, (_, k) => basis.vector(k));
  const { along, left } = await basis.orthogonalise(drawn(20));
  const rest = basis.rest(left);
  const columns = Array.from({ length: 12 }, (_, c) => [
    ...normalised(new Random([31, 'y', c]).gaussians(20)),
  ]);
  await basis.recombine(columns);
  const after = Array.from({ length: basis.size }, (_, k) => basis.vector(k));
  basis.dispose();
  return { lengths, before, along, left, rest, columns, after };
}

test('vectors are orthonormal, what is along them is measured, and mixtures are what is asked for', async () => {
  const { before, along, left, rest, columns, after } = await made(2);
  // Vectors are rounded to float32, number by number.
  for (const [k, q] of before.entries())
    for (const [j, other] of before.slice(0, k + 1).entries())
      expect(Math.abs(inner(q, other) - (j === k ? 1 : 0))).toBeLessThan(1e-7);
  const whole = drawn(20);
  const again = Float64Array.from(rest, (x, i) =>
    before.reduce((sum, q, j) => sum + along[j]! * q[i]!, left * x),
  );
  expect(length(again.map((x, i) => x - whole[i]!)) / length(whole)).toBeLessThan(1e-7);
  for (const q of before) expect(Math.abs(inner(q, rest))).toBeLessThan(1e-7);
  expect(after.length).toBe(12);
  for (const [c, mixture] of after.entries()) {
    let worst = 0;
    for (let i = 0; i < n; i++) {
      const exact = before.reduce((sum, q, j) => sum + columns[c]![j]! * q[i]!, 0);
      worst = Math.max(worst, Math.abs(mixture[i]! - exact) / (Math.abs(exact) + 1e-4));
    }
    expect(worst).toBeLessThan(2 ** -23.9);
  }
});

test('the number of threads decides no bits', async () => {
  const one = await made(1);
  for (const threads of [2, 5]) expect(await made(threads)).toEqual(one);
});

test('with duals, what is along a vector is the dual’s product, and mixtures are of both', async () => {
  // Lengths in which every third number counts fourfold.
  const weights = Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 4 : 1));
  const dualOf = (x: Float32Array): Float32Array => x.map((value, i) => weights[i]! * value);
  const basis = new Basis(n, 6, 2, true);
  for (let k = 0; k < 6; k++) {
    const { left } = await basis.orthogonalise(drawn(k));
    const rest = basis.rest(left);
    const size = Math.sqrt(inner(rest, dualOf(rest)));
    const unit = rest.map((value) => value / size);
    basis.push(unit, dualOf(unit));
  }
  const orthonormal = (size: number): void => {
    const vectors = Array.from({ length: size }, (_, k) => basis.vector(k));
    for (const [k, q] of vectors.entries())
      for (const [j, other] of vectors.entries())
        expect(Math.abs(inner(q, dualOf(other)) - (j === k ? 1 : 0))).toBeLessThan(1e-6);
  };
  orthonormal(6);
  const turn = Math.SQRT1_2;
  await basis.recombine([
    [turn, turn, 0, 0, 0, 0],
    [0, 0, 0, turn, 0, -turn],
  ]);
  orthonormal(2);
  // The duals were mixed as well: this is along the first mixture alone.
  const { along, left } = await basis.orthogonalise(basis.vector(0));
  expect([along[0], along[1]]).toEqual([expect.closeTo(1, 6), expect.closeTo(0, 6)]);
  expect(left).toBeLessThan(1e-6);
  basis.dispose();
});
