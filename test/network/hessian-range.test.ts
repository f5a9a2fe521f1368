import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
import { Hessian } from '../../src/network/hessian.ts';
import { hessianOperator } from '../../src/network/hessian-operator.ts';
import { HessianRange } from '../../src/network/hessian-range.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { inner, length } from '../../src/spectral/basis.ts';
import { type EigenSettings, eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { lanczosQuadrature } from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
import { Random } from '../../src/util/random.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

engineWithoutLeaks();

const features = 200;
const classes = 4;

/** Examples some of which may be the same. */
function examplesOf(count: number, distinct = count, wide = features): Examples {
  const drawn = new Random([21, 'inputs']).gaussians(distinct * wide);
  const labels = new Random([21, 'labels']);
  return {
    count,
    features: wide,
    classes,
    labels: Uint8Array.from({ length: count }, () => labels.uint32() % classes),
    inputs(indices) {
      const result = new Float32Array(indices.length * wide);
      for (let i = 0; i < indices.length; i++) {
        const at = indices[i]! % distinct;
        result.set(drawn.subarray(at * wide, (at + 1) * wide), i * wide);
      }
      return result;
    },
  };
}

function model(widths: readonly number[]): {
  network: ReturnType<typeof buildNetwork>;
  theta: ParameterVector;
} {
  const network = buildNetwork({ name: 'mlp', widths: [...widths], inputs: features, classes });
  const theta = network.parameters.map(({ name, shape }, t) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const scale = shape.length > 1 ? 1.5 / Math.sqrt(shape[0]!) : 0.1;
    return { name, shape, values: new Random([21, 'theta', t]).gaussians(size).map((x) => scale * x) };
  });
  return { network, theta };
}

const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  length(Float64Array.from(a, (x, i) => x - b[i]!)) / length(b);

const cases = [
  { widths: [9], count: 70, distinct: 70, batch: 70 },
  { widths: [9], count: 70, distinct: 70, batch: 32 },
  { widths: [9, 7], count: 150, distinct: 30, batch: 64 },
  { widths: [6, 12, 5], count: 40, distinct: 40, batch: 40 },
];

describe.each(cases)('coordinates of the range of $distinct distinct of $count inputs, $widths', (given) => {
  const examples = examplesOf(given.count, given.distinct);
  const { network, theta } = model(given.widths);
  const [units, out] = theta[2]!.shape as [number, number];
  const d = theta.reduce((sum, { values }) => sum + values.length, 0);
  const start = new Random([22, 'start']).gaussians(d).map((x) => x / Math.sqrt(d));
  const settings = { batch: given.batch };
  /** Coordinates of a vector that has all kinds of parts. */
  const mixed = (k: number, n: number): Float32Array => new Random([22, 'mixed', k]).gaussians(n);

  test('stand for vectors whose inner products the duals give', async () => {
    const operator = hessianOperator(network, theta, examples, settings);
    const reduced = (await operator.reduced(start))!;
    const rest = d - features * units;
    expect(reduced.dimension).toBe(given.count * out + units * out + rest + 1);
    expect(reduced.independent).toBe(rest);
    const [same] = await reduced.vectors([reduced.start]);
    expect(difference(same!, start)).toBeLessThan(1e-7);
    const coordinates = [0, 1].map((k) => mixed(k, reduced.dimension));
    const vectors = [start, ...(await reduced.vectors(coordinates))];
    for (const [i, x] of [reduced.start, ...coordinates].entries()) {
      const { dual } = await reduced.product(x);
      for (const [k, y] of [reduced.start, ...coordinates].entries()) {
        const scale = length(vectors[i]!) * length(vectors[k]!);
        expect(Math.abs(inner(dual, y) - inner(vectors[i]!, vectors[k]!)) / scale).toBeLessThan(2e-6);
      }
    }
    operator.dispose();
  });

  test('products are those of the whole operator, and of the generic path, which knows nothing of all this', async () => {
    const operator = hessianOperator(network, theta, examples, settings);
    const reduced = (await operator.reduced(start))!;
    const generic = new Hessian(network, theta, examples, { ...settings, path: 'generic' });
    for (const x of [reduced.start, mixed(2, reduced.dimension)]) {
      const [v] = await reduced.vectors([x]);
      const { image } = await reduced.product(x);
      expect(image.at(-1)).toBe(0);
      const [lifted] = await reduced.vectors([image]);
      // Sums of some hundreds of float32 products, in another order.
      expect(difference(lifted!, await operator.product(v!))).toBeLessThan(5e-6);
      expect(difference(lifted!, await generic.product(v!))).toBeLessThan(5e-6);
    }
    generic.dispose();
    operator.dispose();
  });
});

describe('in coordinates of the range', () => {
  const examples = examplesOf(70);
  const { network, theta } = model([12]);
  const settings: EigenSettings = {
    largest: 6,
    smallest: 6,
    basis: 40,
    tolerance: 1e-5,
    maxProducts: 3000,
    seed: 1,
  };

  test('eigenpairs are those of the whole operator, found with as many products', async () => {
    const operator = hessianOperator(network, theta, examples, { batch: 70 });
    const lengths: number[] = [];
    const counted = {
      ...operator,
      async reduced(start: Float32Array) {
        const reduced = (await operator.reduced(start))!;
        return {
          ...reduced,
          product(v: Float32Array) {
            lengths.push(v.length);
            return reduced.product(v);
          },
        };
      },
    };
    const found = await eigenpairs(counted, settings);
    const plain = await eigenpairs({ dimension: operator.dimension, product: operator.product }, settings);
    expect([found.converged, plain.converged]).toEqual([true, true]);
    // All but those that check the pairs are of short vectors: four numbers an example and as many a unit for a kernel.
    expect(new Set(lengths)).toEqual(new Set([70 * 4 + 12 * 4 + 12 + 12 * 4 + 4 + 1]));
    expect(lengths.length).toBe(found.products - 12);
    // Rounding differs, and with it when the last pair is found: by a restart at most.
    expect(Math.abs(found.products - plain.products)).toBeLessThanOrEqual(settings.basis);
    for (const end of ['largest', 'smallest'] as const)
      for (const [i, pair] of found[end].entries()) {
        const other = plain[end][i]!;
        // Both are float32 products' to rounding, which is relative to the largest eigenvalue.
        expect(Math.abs(pair.value - other.value)).toBeLessThan(2e-6 * plain.largest[0]!.value);
        // The residual that is told is the whole operator's.
        const image = await operator.product(pair.vector);
        const residual = length(image.map((y, k) => y - pair.value * pair.vector[k]!));
        expect(pair.residual).toBeCloseTo(residual, 6);
        expect(residual).toBeLessThan(3 * settings.tolerance * Math.abs(pair.value));
        expect(length(pair.vector)).toBeCloseTo(1, 6);
        const values = plain[end].map(({ value }) => value);
        const gap = Math.min(
          ...values.filter((_, k) => k !== i).map((value) => Math.abs(value - other.value)),
        );
        // sin of the angle is at most residual over gap (Davis and Kahan); that of the last pair's outer gap is unknown.
        if (i < values.length - 1)
          expect(1 - inner(pair.vector, other.vector)).toBeLessThan(
            ((pair.residual + other.residual) / gap) ** 2 + 1e-6,
          );
      }
    operator.dispose();
  });

  test('a quadrature has the nodes and weights of the whole operator', async () => {
    const operator = hessianOperator(network, theta, examples, { batch: 70 });
    const start = rademacher(3, 0, operator.dimension);
    const plain = { dimension: operator.dimension, product: operator.product };
    // Few steps: Lanczos amplifies rounding with each.
    const [found, exact] = [
      await lanczosQuadrature(operator, start, 12),
      await lanczosQuadrature(plain, start, 12),
    ];
    const scale = exact.nodes.at(-1)!;
    expect(found.nodes.length).toBe(12);
    found.nodes.forEach((node, i) => {
      expect(Math.abs(node - exact.nodes[i]!)).toBeLessThan(1e-4 * scale);
      expect(Math.abs(found.weights[i]! - exact.weights[i]!)).toBeLessThan(1e-4);
    });
    operator.dispose();
  });

  test('what has exhausted the range goes on in the whole space', async () => {
    // Of two examples, the Hessian has some forty eigenvalues that are not zero.
    const { network, theta } = model([12]);
    const operator = hessianOperator(network, theta, examplesOf(2), { batch: 2 });
    expect((await operator.reduced(rademacher(1, 0, operator.dimension)))!.independent).toBeGreaterThan(60);
    const plain = { dimension: operator.dimension, product: operator.product };
    const few = { ...settings, largest: 3, smallest: 3, basis: 60, maxProducts: 400 };
    const [found, whole] = [await eigenpairs(operator, few), await eigenpairs(plain, few)];
    for (const end of ['largest', 'smallest'] as const)
      for (const [i, { value }] of found[end].entries())
        expect(Math.abs(value - whole[end][i]!.value)).toBeLessThan(2e-6 * whole.largest[0]!.value);
    // The products in coordinates count too.
    expect(found.products).toBeGreaterThan(whole.products);
    const start = rademacher(3, 0, operator.dimension);
    const [nodes, exact] = [
      (await lanczosQuadrature(operator, start, 60)).nodes,
      (await lanczosQuadrature(plain, start, 60)).nodes,
    ];
    expect(nodes).toEqual(exact);
    operator.dispose();
  });
});

test('there are none of more examples than inputs, without room, of one layer, or of other networks', async () => {
  const { network, theta } = model([5]);
  const range = (examples: Examples, bytes?: number): boolean => {
    const found = HessianRange.of(network, theta, examples, bytes);
    found?.dispose();
    return found !== undefined;
  };
  expect(range(examplesOf(201))).toBe(false);
  expect(range(examplesOf(200))).toBe(true);
  expect(range(examplesOf(160), 16 * 160 * features - 1)).toBe(false);
  const reduced = async (
    of: ReturnType<typeof buildNetwork>,
    at: ParameterVector,
    settings: { batch: number; path?: 'generic' },
    examples = examplesOf(20),
  ): Promise<unknown> => {
    const operator = hessianOperator(of, at, examples, settings);
    const found = await operator.reduced(rademacher(1, 0, operator.dimension));
    operator.dispose();
    return found;
  };
  const linear = model([]);
  expect(await reduced(network, theta, { batch: 20 })).toBeDefined();
  expect(await reduced(linear.network, linear.theta, { batch: 20 })).toBeUndefined();
  expect(await reduced(network, theta, { batch: 20, path: 'generic' })).toBeUndefined();
  expect(await reduced({ ...network, loss: { name: 'hinge' } }, theta, { batch: 20 })).toBeUndefined();
  const convolutional = buildNetwork({
    name: 'resnet',
    depth: 8,
    shortcut: 'A',
    inputs: 3072,
    classes,
  } as never);
  const zeros = convolutional.parameters.map(({ name, shape }) => ({
    name,
    shape,
    values: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  }));
  expect(await reduced(convolutional, zeros, { batch: 20 }, examplesOf(20, 20, 3072))).toBeUndefined();
});
