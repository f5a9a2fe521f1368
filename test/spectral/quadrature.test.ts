import { describe, expect, test } from 'vitest';
import { length } from '../../src/spectral/basis.ts';
import type { SymmetricOperator } from '../../src/spectral/operator.ts';
import { hutchinson, lanczosQuadrature, spectralDensity } from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
import { Random } from '../../src/util/random.ts';

function diagonal(values: readonly number[]): SymmetricOperator {
  return { dimension: values.length, product: async (v) => v.map((x, i) => x * values[i]!) };
}

/** A dense symmetric matrix, with what is known of it exactly. */
function dense(n: number): SymmetricOperator & { trace: number; squaredFrobenius: number } {
  const drawn = new Random([4, 'dense']).gaussians(n * n);
  const at = (i: number, j: number): number =>
    (drawn[i * n + j]! + drawn[j * n + i]!) / 8 + (i === j ? 1 : 0);
  const rows = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => at(i, j)));
  return {
    dimension: n,
    product: async (v) => Float32Array.from(rows, (row) => row.reduce((sum, h, j) => sum + h * v[j]!, 0)),
    trace: rows.reduce((sum, row, i) => sum + row[i]!, 0),
    squaredFrobenius: rows.flat().reduce((sum, h) => sum + h * h, 0),
  };
}

describe('Lanczos quadrature', () => {
  test('integrates polynomials against the start vector’s spectral measure', async () => {
    const values = Array.from({ length: 500 }, (_, i) => 3 * Math.cos(i) + (i < 3 ? 5 * (i + 1) : 0));
    const start = rademacher(1, 0, 500);
    const { nodes, weights } = await lanczosQuadrature(diagonal(values), start, 12);
    expect(nodes.length).toBe(12);
    expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    for (const power of [1, 2, 3, 5, 8, 15]) {
      const exact = values.reduce((sum, value, i) => sum + start[i]! ** 2 * value ** power, 0);
      const quadrature = nodes.reduce((sum, node, i) => sum + weights[i]! * node ** power, 0);
      expect(Math.abs(quadrature / exact - 1)).toBeLessThan(3e-6);
    }
  });

  test('ends where the start vector’s subspace does', async () => {
    const values = Array.from({ length: 64 }, (_, i) => [1, -2, 5][i % 3]!);
    const { nodes, weights, betas } = await lanczosQuadrature(diagonal(values), rademacher(1, 0, 64), 40);
    expect(nodes.map((node) => Math.round(node * 1e5) / 1e5)).toEqual([-2, 1, 5]);
    expect(weights.map((weight) => Math.round(weight * 64))).toEqual([21, 22, 21]);
    expect(betas.length).toBe(2);
    const zero = await lanczosQuadrature(diagonal([0, 0, 0, 0]), rademacher(1, 0, 4), 5);
    expect([zero.nodes, zero.weights]).toEqual([[0], [1]]);
  });
});

describe('the density', () => {
  test('is PyHessian’s: Gaussians at the nodes, normalised on the grid', () => {
    const { grid, density } = spectralDensity([
      { nodes: [-1, 3], weights: [0.25, 0.75], alphas: [], betas: [] },
      { nodes: [-3, 5], weights: [0.5, 0.5], alphas: [], betas: [] },
    ]);
    expect([grid.length, grid[0], grid.at(-1)]).toEqual([10_000, -2.01, 4.01]);
    const step = grid[1]! - grid[0]!;
    expect(density.reduce((a, b) => a + b, 0) * step).toBeCloseTo(1, 9);
    // The nodes at -3 and 5 lie outside the mean range, as there: what is left is 1/4 and 3/4.
    const near = (node: number): number =>
      density.reduce((sum, value, i) => sum + (Math.abs(grid[i]! - node) < 0.1 ? value : 0), 0) * step;
    expect([near(-1), near(3)]).toEqual([expect.closeTo(0.25, 6), expect.closeTo(0.75, 6)]);
    const peak = density[Math.round((3 - grid[0]!) / step)]!;
    const sigma = Math.sqrt(1e-5 * (4.01 + 2.01));
    expect(peak).toBeCloseTo((0.75 / sigma / Math.sqrt(2 * Math.PI)) * 1, 0);
  });
});

describe('Hutchinson’s estimates', () => {
  test('of trace and Frobenius norm lie within their errors, and are exact for diagonal operators', async () => {
    const operator = dense(80);
    const found = await hutchinson(operator, { seed: 2, tolerance: 0, maxProbes: 200 });
    expect(found.terms.length).toBe(200);
    for (const [estimate, exact] of [
      [found.trace, operator.trace],
      [found.squaredFrobenius, operator.squaredFrobenius],
    ] as const) {
      expect(Math.abs(estimate.value - exact)).toBeLessThan(3.5 * estimate.standardError!);
      expect(estimate.standardError! / exact).toBeLessThan(0.05);
    }
    const exact = await hutchinson(diagonal([1, 2, 3, -4.5]), { seed: 2, tolerance: 1e-3, maxProbes: 100 });
    expect(exact.trace.value).toBeCloseTo(1.5, 5);
    expect(exact.terms.length).toBe(10);
  });

  test('stop when their standard error is small enough, or after so many; two that agree by chance are no end', async () => {
    const operator = dense(80);
    const errorOf = (terms: readonly number[]): number => {
      const mean = terms.reduce((a, b) => a + b, 0) / terms.length;
      const squares = terms.reduce((sum, x) => sum + (x - mean) ** 2, 0);
      return Math.sqrt(squares / (terms.length - 1) / terms.length) / Math.abs(mean);
    };
    for (const seed of [1, 2, 3]) {
      const { terms } = await hutchinson(operator, { seed, tolerance: 0.02, maxProbes: 5000 });
      expect(terms.length).toBeGreaterThan(10);
      expect(errorOf(terms)).toBeLessThanOrEqual(0.02);
      for (let k = 10; k < terms.length; k++) expect(errorOf(terms.slice(0, k))).toBeGreaterThan(0.02);
    }
    // Signs tell [[1, c], [c, 1]]'s trace plus or minus 2c: two of one sign would be exact in their own eyes.
    const dimension = 2;
    const product = async ([x, y]: Float32Array): Promise<Float32Array> =>
      Float32Array.of(x! + 0.9 * y!, 0.9 * x! + y!);
    for (let seed = 1; seed <= 20; seed++) {
      const { trace } = await hutchinson({ dimension, product }, { seed, tolerance: 0.1, maxProbes: 1000 });
      expect(Math.abs(trace.value - 2)).toBeLessThan(4 * trace.standardError!);
    }
    const one = await hutchinson(operator, { seed: 2, tolerance: 0, maxProbes: 1 });
    expect(one.trace.standardError).toBeNull();
  });

  test('use unit vectors of signs, independent by seed and number', () => {
    const vectors = [rademacher(1, 0, 1001), rademacher(1, 1, 1001), rademacher(2, 0, 1001)];
    for (const vector of vectors) {
      expect(length(vector)).toBeCloseTo(1, 6);
      expect(new Set(vector.map(Math.abs)).size).toBe(1);
      const mean = vector.reduce((a, b) => a + Math.sign(b), 0) / 1001;
      expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(1001));
    }
    expect(vectors[0]).not.toEqual(vectors[1]);
    expect(vectors[0]).not.toEqual(vectors[2]);
  });
});
