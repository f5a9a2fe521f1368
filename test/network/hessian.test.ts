import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
import { flattened, Hessian, type HessianSettings, shaped } from '../../src/network/hessian.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';
import { startTestEngine } from '../support/engine.ts';
import { expected, oracleImages, oracleMissing, oracleVector } from '../support/oracle.ts';
import {
  type ReferenceLayer,
  randomBatch,
  randomLayers,
  referenceGradient,
} from '../support/reference-mlp.ts';

let before: number;
beforeAll(async () => {
  await startTestEngine();
  before = tf.memory().numTensors;
});
afterAll(() => {
  expect(tf.memory().numTensors).toBe(before);
});

async function products(
  network: ReturnType<typeof buildNetwork>,
  theta: ParameterVector,
  examples: Examples,
  settings: HessianSettings,
  ...vectors: Float32Array[]
): Promise<Float32Array[]> {
  const hessian = new Hessian(network, theta, examples, settings);
  try {
    const results = [];
    for (const v of vectors) results.push(await hessian.product(v));
    expect(hessian.products).toBe(vectors.length);
    return results;
  } finally {
    hessian.dispose();
  }
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const size = (a: Float32Array): number => Math.sqrt(dot(a, a));
const error = (a: Float32Array, b: ArrayLike<number>): number =>
  size(a.map((x, i) => x - b[i]!)) / size(Float32Array.from(b));

describe.each([{ sizes: [6, 3] }, { sizes: [7, 5, 4] }, { sizes: [7, 5, 6, 4] }])(
  'products with the Hessian of a multilayer perceptron $sizes',
  ({ sizes }) => {
    const layers = randomLayers('hessian', sizes);
    const data = randomBatch('hessian', 23, sizes[0]!, sizes.at(-1)!);
    const network = buildNetwork({
      name: 'mlp',
      widths: sizes.slice(1, -1),
      inputs: sizes[0]!,
      classes: sizes.at(-1)!,
    });
    const flat = (list: readonly ReferenceLayer[]): number[] =>
      list.flatMap(({ kernel, bias }) => [...kernel.flat(), ...bias]);
    const numbers = flat(layers);
    const form: ParameterVector = network.parameters.map(({ name, shape }) => ({
      name,
      shape,
      values: new Float32Array(shape.reduce((a, b) => a * b, 1)),
    }));
    const theta = shaped(Float32Array.from(numbers), form);
    const examples: Examples = {
      count: 23,
      features: sizes[0]!,
      classes: sizes.at(-1)!,
      labels: Uint8Array.from(data.labels),
      inputs: (indices) => Float32Array.from(Array.from(indices).flatMap((i) => data.inputs[i]!)),
    };
    const vectors = [1, 2].map((k) => new Random([5, 'v', k]).gaussians(numbers.length));
    const [u, v] = vectors as [Float32Array, Float32Array];

    /** (∇L(θ + hv) - ∇L(θ - hv)) / 2h in float64. */
    function differences(direction: Float32Array): number[] {
      const h = 1e-5;
      const at = (by: number): number[] => {
        let next = 0;
        const step = (w: number): number => w + by * direction[next++]!;
        const moved = layers.map(({ kernel, bias }) => ({
          kernel: kernel.map((row) => row.map(step)),
          bias: bias.map(step),
        }));
        return flat(referenceGradient(moved, data));
      };
      const [plus, minus] = [at(h), at(-h)];
      return plus.map((g, i) => (g - minus[i]!) / (2 * h));
    }

    test.each([
      ['by hand', { batch: 23, path: 'fast' }],
      ['by hand, in batches of which the last is smaller', { batch: 5, path: 'fast' }],
      ['by hand, nothing kept', { batch: 5, path: 'fast', keptBytes: 0 }],
      ['differentiated twice', { batch: 23, path: 'generic' }],
      ['differentiated twice, in batches of which the last is smaller', { batch: 5, path: 'generic' }],
    ] as const)('%s agree with differences of gradients in float64', async (_, settings) => {
      const [hu, hv] = await products(network, theta, examples, settings, u, v);
      expect(error(hu!, differences(u))).toBeLessThan(2e-6);
      expect(error(hv!, differences(v))).toBeLessThan(2e-6);
    });

    test('are symmetric and linear', async () => {
      const mixed = u.map((x, i) => 2 * x - 3 * v[i]!);
      const [hu, hv, hm] = await products(network, theta, examples, { batch: 8 }, u, v, mixed);
      expect(Math.abs(dot(v, hu!) - dot(u, hv!)) / (size(u) * size(hv!))).toBeLessThan(1e-6);
      expect(
        error(
          hm!,
          hu!.map((x, i) => 2 * x - 3 * hv![i]!),
        ),
      ).toBeLessThan(2e-6);
    });

    test('have the same bits whether the unmoving part is kept or computed again', async () => {
      const [kept] = await products(network, theta, examples, { batch: 5 }, u);
      const [again] = await products(network, theta, examples, { batch: 5, keptBytes: 3000 }, u);
      expect(Buffer.compare(Buffer.from(kept!.buffer), Buffer.from(again!.buffer))).toBe(0);
    });
  },
);

test('a vector of another length is refused', async () => {
  const network = buildNetwork({ name: 'mlp', widths: [], inputs: 2, classes: 2 });
  const theta = network.initialise('he', 1);
  const examples = {
    count: 1,
    features: 2,
    classes: 2,
    labels: Uint8Array.of(1),
    inputs: () => new Float32Array(2),
  };
  await expect(products(network, theta, examples, { batch: 1 }, new Float32Array(5))).rejects.toThrow(
    '6 expected',
  );
  expect(flattened(shaped(Float32Array.of(1, 2, 3, 4, 5, 6), theta))).toEqual(
    Float32Array.of(1, 2, 3, 4, 5, 6),
  );
});

const title = `the Hessian of the 3072-128-10 MLP against PyTorch in float64${oracleMissing ? ` (${oracleMissing})` : ''}`;
describe.skipIf(oracleMissing !== undefined)(title, () => {
  const network = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });

  test.each(['init', 'trained'])('Hv, εᵀHε and the terms of the trace at %s', async (point) => {
    const reference = expected(`mlp_curvature_${point}`);
    const theta = oracleVector(`mlp_${point}_a`);
    const gradient = flattened(oracleVector(`mlp_${point}_grad`));
    const thousand = oracleImages('data_batch_1.bin', 1000);
    const names = ['v', 'dir1', 'dir2'];
    const directions = names.map((name) => flattened(oracleVector(`mlp_${name}`)));
    const results = await products(network, theta, thousand, { batch: 1000 }, ...directions);
    const hv = flattened(oracleVector(`mlp_${point}_hv`));
    // Float32 PyTorch: 1.7e-7 and 2.1e-7.
    expect(error(results[0]!, hv)).toBeLessThan(8e-7);
    names.forEach((name, d) => {
      const { fd_raw, sd_raw } = reference.listing3[name];
      const scale = size(directions[d]!) * size(results[d]!);
      expect(Math.abs(dot(directions[d]!, results[d]!) - sd_raw) / scale).toBeLessThan(2e-7);
      expect(
        Math.abs(dot(directions[d]!, gradient) - fd_raw) / (size(directions[d]!) * reference.grad_norm),
      ).toBeLessThan(1e-7);
    });
    const [batched] = await products(network, theta, thousand, { batch: 300 }, directions[0]!);
    expect(error(batched!, hv)).toBeLessThan(8e-7);
    const [generic] = await products(
      network,
      theta,
      thousand,
      { batch: 1000, path: 'generic' },
      directions[0]!,
    );
    expect(error(generic!, hv)).toBeLessThan(8e-7);
  });
});
