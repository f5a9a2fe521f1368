import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { BatchCurvature } from '../../src/network/batch-curvature.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import type { Examples } from '../../src/network/examples.ts';
import { Hessian } from '../../src/network/hessian.ts';
import { differentiated, microBatch } from '../../src/network/hessian-batch.ts';
import { keptCurvature } from '../../src/network/hessian-kept.ts';
import { evaluationMode, toTensors } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { initialState } from '../../src/network/running-statistics.ts';
import { length } from '../../src/spectral/basis.ts';
import { Random } from '../../src/util/random.ts';
import { startTestEngine } from '../support/engine.ts';

beforeAll(async () => {
  await startTestEngine();
});
let before: number;
beforeAll(() => {
  before = tf.memory().numTensors;
});
afterAll(() => {
  expect(tf.memory().numTensors).toBe(before);
});

const inputs = 3 * 8 * 8;
const perceptron = buildNetwork({ name: 'mlp', widths: [7, 5], inputs, classes: 3 });
const resnet = buildNetwork({ name: 'resnet', depth: 8, shortcut: 'B', inputs, classes: 3 });

/** Counts kernels while `run` computes. */
async function kernelsOf(run: () => tf.Tensor[]): Promise<{ count: number; values: Float32Array[] }> {
  const profile = await tf.profile(run);
  const tensors = profile.result as unknown as tf.Tensor[];
  const values = [];
  for (const tensor of tensors) values.push((await tensor.data()) as Float32Array);
  tf.dispose(tensors);
  return { count: profile.kernels.length, values };
}

/** Float32 rounding of a ResNet-8's products: what deviates, of the whole length. */
function close(found: Float32Array, exact: Float32Array): void {
  expect(length(exact.map((x, i) => found[i]! - x))).toBeLessThan(1e-5 * length(exact));
}

describe.each([
  { name: 'a perceptron', network: perceptron, statistics: 'none' },
  { name: 'a ResNet, batch norm in evaluation mode', network: resnet, statistics: 'fixed' },
  { name: 'a ResNet, batch norm in training mode', network: resnet, statistics: 'batch' },
])('products of $name along a kept tape', ({ network, statistics }) => {
  const draw = (name: string, count: number): Float32Array => new Random([6, name]).gaussians(count);

  test('are those computed anew, of fewer kernels', async () => {
    const parameters = toTensors(network.initialise('he', 1));
    const fixed = statistics === 'fixed' ? evaluationMode(network, initialState(network)) : undefined;
    const bound: Network =
      fixed?.network ?? (statistics === 'batch' ? normalisedBy(network, { statistics: 'batch' }) : network);
    const batch = (): [tf.Tensor2D, tf.Tensor2D] => [
      tf.tensor2d(draw('x', 6 * inputs), [6, inputs]),
      tf.tensor2d(
        Array.from({ length: 18 }, (_, i) => Number(i % 3 === Math.floor(i / 3) % 3)),
        [6, 3],
      ),
    ];
    const tensors = tf.memory().numTensors;
    const anew = differentiated(bound, parameters, ...batch());
    const kept = differentiated(bound, parameters, ...batch(), true);
    expect(kept.bytes).toBeGreaterThan(2 * anew.bytes);
    const holding = tf.memory().numTensors;
    const counts: number[][] = [];
    for (const seed of [1, 2]) {
      const v = parameters.map(({ shape, size }, p) => tf.tensor(draw(`v${seed} ${p}`, size), shape));
      const of = (curvature: BatchCurvature) => kernelsOf(() => tf.tidy(() => curvature.product(v)));
      const [a, b] = [await of(anew), await of(kept)];
      // Where operations run in one pass as far as nobody wants what lies between, the last bits are others.
      if (tf.getBackend() === 'onnx')
        for (const [i, values] of a.values.entries()) close(b.values[i]!, values);
      else expect(b.values).toEqual(a.values);
      expect(a.values.some((values) => values.some((x) => x !== 0))).toBe(true);
      counts.push([a.count, b.count]);
      tf.dispose(v);
      expect(tf.memory().numTensors).toBe(holding);
    }
    for (const [anewCount, keptCount] of counts) expect(keptCount! / anewCount!).toBeLessThan(0.8);
    expect(counts[1]).toEqual(counts[0]);
    anew.dispose();
    kept.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    tf.dispose(parameters);
    fixed?.dispose();
  });
});

test('an operation without a proven second derivative is refused, and leaves nothing behind', async () => {
  const x = tf.tensor1d([0.5, 1.5]);
  const tensors = tf.memory().numTensors;
  expect(() => keptCurvature((a) => tf.sum(tf.logSoftmax(a!)) as tf.Scalar, [x])).toThrow(/not proven/);
  expect(tf.memory().numTensors).toBe(tensors);
  // Differentiation works as before.
  const gradient = tf.grad((a) => tf.sum(tf.square(a)) as tf.Scalar)(x);
  expect([...(await gradient.data())]).toEqual([1, 3]);
  tf.dispose([x, gradient]);
});

test('micro-batches are as large as a memory budget allows, and no larger', async () => {
  const theta = resnet.initialise('he', 1);
  const fixed = evaluationMode(resnet, initialState(resnet));
  const tensors = tf.memory().numTensors;
  const budget = 32 * 2 ** 20;
  const chosen = await microBatch(fixed.network, theta, budget);
  expect(chosen).toBeGreaterThan(8);
  expect(tf.memory().numTensors).toBe(tensors);
  expect(chosen % 8).toBe(0);
  const examples = (count: number): Examples => ({
    count,
    features: inputs,
    classes: 3,
    labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
    inputs: (indices) => new Random([6, 'pixels']).gaussians(indices.length * inputs),
  });
  const peak = async (count: number, keptBytes: number): Promise<number> => {
    const before = tf.memory().numBytes;
    const hessian = new Hessian(fixed.network, theta, examples(count), { batch: count, keptBytes });
    const v = new Random([6, 'v']).gaussians(hessian.dimension);
    const { peakBytes } = await tf.profile(async () => {
      await hessian.product(v);
      return [];
    });
    hessian.dispose();
    return peakBytes - before;
  };
  expect(await peak(chosen, 0)).toBeLessThanOrEqual(budget);
  expect(await peak(chosen + 9, 0)).toBeGreaterThan(budget);
  // What is kept was there at the product's peak, too.
  expect(await peak(chosen, 1e9)).toBeLessThanOrEqual(budget);
  expect(await microBatch(fixed.network, theta, 1)).toBe(1);
  fixed.dispose();
});
