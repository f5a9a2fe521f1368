import { describe, expect, test } from 'vitest';
import { inner, length } from '../../src/spectral/basis.ts';
import { type Eigenpairs, type EigenSettings, eigenpairs } from '../../src/spectral/eigenpairs.ts';
import type { SymmetricOperator } from '../../src/spectral/operator.ts';
import { lanczosQuadrature } from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
import { digestOf } from '../../src/util/digest.ts';
import { Random } from '../../src/util/random.ts';

const settings: EigenSettings = {
  largest: 5,
  smallest: 5,
  basis: 60,
  tolerance: 1e-4,
  maxProducts: 3000,
  seed: 1,
};

/** A reflection of a diagonal matrix: eigenvalues as given, eigenvectors all over. Counts products. */
function withSpectrum(
  values: readonly number[],
): SymmetricOperator & { count: number; vector(i: number): number[] } {
  const n = values.length;
  const u = [...new Random([3, 'reflection']).gaussians(n)];
  const factor = 2 / inner(u, u);
  const reflect = (x: ArrayLike<number>): number[] => {
    const along = factor * inner(u, x);
    return u.map((value, i) => x[i]! - along * value);
  };
  return {
    dimension: n,
    count: 0,
    async product(v) {
      this.count++;
      return Float32Array.from(reflect(reflect(v).map((x, i) => x * values[i]!)));
    },
    vector: (i) => reflect(Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))),
  };
}

/** What Hessians look like: a bulk at zero, positive outliers, a slow negative tail. */
const hessianLike = Array.from({ length: 5000 }, (_, i) => {
  if (i < 12) return 30 / (i + 1) ** 0.7;
  if (i < 200) return -1.4 * (1 - (i - 12) / 188) ** 3;
  return 0.002 * Math.sin(i);
});

describe('eigenpairs at both ends', () => {
  test('of a spectrum like a Hessian’s: outliers, a bulk at zero and a slow negative tail', async () => {
    const operator = withSpectrum(hessianLike);
    const found = await eigenpairs(operator, settings);
    expect(found.converged).toBe(true);
    const sorted = hessianLike.map((value, i) => ({ value, i })).sort((a, b) => b.value - a.value);
    for (const [pairs, exact] of [
      [found.largest, sorted.slice(0, 5)],
      [found.smallest, sorted.slice(-5).reverse()],
    ] as const)
      exact.forEach(({ value, i }, rank) => {
        const pair = pairs[rank]!;
        expect(Math.abs(pair.value - value)).toBeLessThan(3e-6 * 30);
        expect(pair.residual).toBeLessThanOrEqual(3e-4 * Math.abs(value));
        expect(length(pair.vector)).toBeCloseTo(1, 6);
        expect(Math.abs(inner(pair.vector, operator.vector(i)))).toBeGreaterThan(0.999);
      });
    expect(found.products).toBe(operator.count);
    expect(found.products).toBeLessThan(400);
  });

  test('multiply, up to the first restart, the vectors of a quadrature from the same signs, bit for bit', async () => {
    const vectors = (calls: string[]): SymmetricOperator => {
      const { product, ...operator } = withSpectrum(hessianLike);
      return {
        ...operator,
        product(v) {
          calls.push(digestOf(new Uint8Array(v.buffer, v.byteOffset, v.byteLength)));
          return product.call(this as never, v);
        },
      };
    };
    const [pairs, quadrature]: [string[], string[]] = [[], []];
    await eigenpairs(vectors(pairs), settings);
    await lanczosQuadrature(vectors(quadrature), rademacher(settings.seed, 0, hessianLike.length), 100);
    expect(quadrature.slice(0, settings.basis)).toEqual(pairs.slice(0, settings.basis));
    expect(new Set([...pairs, ...quadrature]).size).toBe(pairs.length + quadrature.length - settings.basis);
  });

  test('one end alone, and none of the other', async () => {
    const { largest, smallest } = await eigenpairs(withSpectrum(hessianLike), { ...settings, smallest: 0 });
    expect([largest.length, smallest.length]).toEqual([5, 0]);
    expect(largest[0]!.value).toBeCloseTo(30, 3);
  });

  test('have a definite sign, and the same bits for the same seed', async () => {
    const [a, b, c] = await Promise.all(
      [1, 1, 2].map((seed) => eigenpairs(withSpectrum(hessianLike), { ...settings, seed })),
    );
    const bits = (found: typeof a): string =>
      [...found!.largest, ...found!.smallest]
        .map(({ vector }) => Buffer.from(vector.buffer).toString('hex'))
        .join();
    expect(bits(a) === bits(b)).toBe(true);
    expect(bits(a) === bits(c)).toBe(false);
    a!.largest.forEach(({ vector }, rank) => {
      expect(Math.max(...vector)).toBe(Math.max(...vector.map(Math.abs)));
      expect(inner(vector, c!.largest[rank]!.vector)).toBeGreaterThan(0.999);
    });
  });

  test('of an operator smaller than the basis, of one of low rank, and of zero', async () => {
    const small = await eigenpairs(withSpectrum([5, 3, -1, 0.5, 0.25, -4]), {
      ...settings,
      largest: 2,
      smallest: 2,
    });
    expect(small.largest.map(({ value }) => Math.round(value * 1e5) / 1e5)).toEqual([5, 3]);
    expect(small.smallest.map(({ value }) => Math.round(value * 1e5) / 1e5)).toEqual([-4, -1]);
    const lowRank = Array.from({ length: 300 }, (_, i) => [7, 2, -3][i] ?? 0);
    const low = await eigenpairs(withSpectrum(lowRank), { ...settings, largest: 2, smallest: 1 });
    expect(low.largest.map(({ value }) => Math.round(value * 1e4) / 1e4)).toEqual([7, 2]);
    expect(low.smallest[0]!.value).toBeCloseTo(-3, 4);
    const zero = await eigenpairs(withSpectrum(new Array(100).fill(0)), {
      ...settings,
      largest: 2,
      smallest: 1,
    });
    expect(zero.largest.map(({ value }) => value)).toEqual([0, 0]);
    expect(zero.converged).toBe(true);
  });

  test('of equal eigenvalues are all found', async () => {
    const twins = Array.from({ length: 400 }, (_, i) => (i < 3 ? 4 : i < 5 ? -2 : Math.cos(i) / 2));
    const found = await eigenpairs(withSpectrum(twins), {
      ...settings,
      largest: 4,
      smallest: 3,
      tolerance: 1e-5,
    });
    expect(found.largest.map(({ value }) => Math.round(value * 1e3) / 1e3)).toEqual([4, 4, 4, 0.5]);
    expect(found.smallest.map(({ value }) => Math.round(value * 1e3) / 1e3)).toEqual([-2, -2, -0.5]);
  });

  test('that are not found within the products allowed say so', async () => {
    const found = await eigenpairs(withSpectrum(hessianLike), { ...settings, basis: 24, maxProducts: 60 });
    expect(found.converged).toBe(false);
    expect(found.products).toBeLessThanOrEqual(60 + 10);
    expect(found.smallest.some(({ value, residual }) => residual > 1e-4 * Math.abs(value))).toBe(true);
  });

  test('that rounding keeps from the tolerance do not count as found, and are told apart', async () => {
    // A tail at 5e-6 of the largest: 1e-4 of it is 0.01 of a rounding of the largest to float32.
    const steep = Array.from({ length: 5000 }, (_, i) => {
      if (i < 12) return 200 / (i + 1) ** 0.7;
      return i < 200 ? -1e-3 * (1 - (i - 12) / 188) ** 3 : 2e-6 * Math.sin(i);
    });
    const missing = ({ largest, smallest }: Eigenpairs): number =>
      [...largest, ...smallest].filter(({ value, residual }) => residual > 1e-4 * Math.abs(value)).length;
    const found = await eigenpairs(withSpectrum(steep), settings);
    expect(missing(found)).toBeGreaterThan(0);
    expect(found).toMatchObject({ converged: false, rounded: missing(found) });
    for (const { residual } of found.smallest) expect(residual).toBeLessThan(16 * 2 ** -24 * 200);
    // What lacks products is not put down to rounding.
    const stopped = await eigenpairs(withSpectrum(hessianLike), { ...settings, basis: 24, maxProducts: 60 });
    expect(missing(stopped)).toBeGreaterThan(0);
    expect(stopped).toMatchObject({ converged: false, rounded: 0 });
  });

  test('more than fit, and products that are not finite, are refused', async () => {
    await expect(eigenpairs(withSpectrum([1, 2, 3]), settings)).rejects.toThrow(
      '10 eigenpairs are asked for of 3',
    );
    const broken = { dimension: 100, product: async () => new Float32Array(100).fill(Number.NaN) };
    await expect(eigenpairs(broken, settings)).rejects.toThrow('not finite');
  });
});
