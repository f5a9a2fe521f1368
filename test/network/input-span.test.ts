import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
import { Hessian, shaped } from '../../src/network/hessian.ts';
import { hessianOperator } from '../../src/network/hessian-operator.ts';
import { InputSpan } from '../../src/network/input-span.ts';
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
  { widths: [], count: 40, distinct: 40, batch: 40 },
  { widths: [9], count: 70, distinct: 70, batch: 70 },
  { widths: [9], count: 70, distinct: 70, batch: 32 },
  { widths: [9, 7], count: 150, distinct: 30, batch: 64 },
];

describe.each(cases)('coordinates of $distinct distinct of $count inputs, $widths', (given) => {
  const examples = examplesOf(given.count, given.distinct);
  const { network, theta } = model(given.widths);
  const units = theta[0]!.shape[1]!;
  const kernel = features * units;
  const d = theta.reduce((sum, { values }) => sum + values.length, 0);
  const settings = { batch: given.batch };

  test('are as many as the span has, and one; vectors keep their inner products', async () => {
    const operator = hessianOperator(network, theta, examples, settings);
    const reduced = (await operator.reduced())!;
    expect(operator.dimension).toBe(d);
    expect(reduced.dimension).toBe(d - kernel + given.distinct * units + 1);
    const v = new Random([22, 'v']).gaussians(d);
    const coordinates = await reduced.coordinates(v);
    expect(coordinates.length).toBe(reduced.dimension);
    // Rounded by float32, number by number.
    expect(Math.abs(length(coordinates) / length(v) - 1)).toBeLessThan(1e-6);
    const [back] = await reduced.vectors([coordinates], v);
    expect(difference(back!, v)).toBeLessThan(2e-6);
    operator.dispose();
  });

  test('products are those of the whole operator', async () => {
    const operator = hessianOperator(network, theta, examples, settings);
    const reduced = (await operator.reduced())!;
    const u = new Random([22, 'u']).gaussians(d);
    const whole = await operator.product(u);
    const inCoordinates = await reduced.product(await reduced.coordinates(u));
    expect(inCoordinates.at(-1)).toBe(0);
    const [lifted] = await reduced.vectors([inCoordinates], u);
    // Sums of some hundreds of float32 products, in another order.
    expect(difference(lifted!, whole)).toBeLessThan(5e-6);
    // And what is a product of the generic path, which knows nothing of all this.
    const generic = new Hessian(network, theta, examples, { ...settings, path: 'generic' });
    expect(difference(lifted!, await generic.product(u))).toBeLessThan(5e-6);
    generic.dispose();
    operator.dispose();
  });
});

describe('in coordinates of the inputs', () => {
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
    const reduced = (await operator.reduced())!;
    const counted = {
      ...operator,
      reduced: async () => ({
        ...reduced,
        product(v: Float32Array) {
          lengths.push(v.length);
          return reduced.product(v);
        },
      }),
    };
    const found = await eigenpairs(counted, settings);
    const plain = await eigenpairs({ dimension: operator.dimension, product: operator.product }, settings);
    expect([found.converged, plain.converged]).toEqual([true, true]);
    // All but those that check the pairs are of short vectors: of 70 coordinates an input's 200 numbers have become.
    expect(new Set(lengths)).toEqual(new Set([70 * 12 + 12 + 12 * 4 + 4 + 1]));
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

  test('where fewer eigenvalues are negative than are asked for, zeros are told, as of the whole operator', async () => {
    // A linear classifier's Hessian has no negative eigenvalue; of fifteen examples it has 45 that are not zero.
    const { network, theta } = model([]);
    const operator = hessianOperator(network, theta, examplesOf(15), { batch: 15 });
    expect((await operator.reduced())!.dimension).toBe(15 * 4 + 4 + 1);
    const plain = { dimension: operator.dimension, product: operator.product };
    const few = { ...settings, largest: 3, smallest: 3, maxProducts: 400 };
    const [found, whole] = [await eigenpairs(operator, few), await eigenpairs(plain, few)];
    const scale = whole.largest[0]!.value;
    for (const { largest, smallest } of [found, whole]) {
      largest.forEach(({ value }, i) => {
        expect(Math.abs(value - whole.largest[i]!.value)).toBeLessThan(2e-6 * scale);
      });
      for (const { value, residual, vector } of smallest) {
        expect(Math.abs(value)).toBeLessThan(1e-5 * scale);
        expect(residual).toBeLessThan(1e-5 * scale);
        expect(length(vector)).toBeCloseTo(1, 6);
      }
    }
    operator.dispose();
  });
});

test('there are none where inputs may span nearly all, have no room, or meet no dense layer first', async () => {
  const { network, theta } = model([5]);
  expect(await InputSpan.of(examplesOf(161))).toBeUndefined();
  expect((await InputSpan.of(examplesOf(160)))!.rank).toBe(160);
  expect(await InputSpan.of(examplesOf(160), 16 * 160 * features - 1)).toBeUndefined();
  const reduced = async (
    of: ReturnType<typeof buildNetwork>,
    at: ParameterVector,
    settings: { batch: number; path?: 'generic' },
    examples = examplesOf(20),
  ): Promise<unknown> => {
    const operator = hessianOperator(of, at, examples, settings);
    const found = await operator.reduced();
    operator.dispose();
    return found;
  };
  expect(await reduced(network, theta, { batch: 20 })).toBeDefined();
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

test('products in coordinates want as many numbers as these are', async () => {
  const { network, theta } = model([5]);
  const span = (await InputSpan.of(examplesOf(20)))!;
  const hessian = new Hessian(network, theta, examplesOf(20), { batch: 20, span });
  await expect(hessian.product(new Float32Array(10))).rejects.toThrow(
    `10 numbers, ${20 * 5 + 5 + 5 * 4 + 4 + 1} expected`,
  );
  expect(shaped(new Float32Array(hessian.dimension), span.form(theta))[0]!.shape).toEqual([20, 5]);
  hessian.dispose();
});
