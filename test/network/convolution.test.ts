import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { batchNormalised } from '../../src/network/batch-norm.ts';
import {
  biasedConvolution,
  channelSum,
  convolution,
  everyOther,
  inputGradient,
  kernelGradient,
  scaledChannels,
  shiftedChannels,
} from '../../src/network/convolution.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

/** A tensor on the host, in float64. */
interface Host {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

function random(name: string, ...shape: number[]): Host {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, values: [...new Random([7, name]).gaussians(size)] };
}

const on = ({ shape, values }: Host): tf.Tensor => tf.tensor([...values], [...shape]);

/** Sums dy·convolution over everything, by its definition: PyTorch's padding of one on every side. */
function hostConvolution(x: Host, kernel: Host, stride: number): Host {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const out = kernel.shape[3]!;
  const [oh, ow] = [h / stride, w / stride];
  const values = new Array<number>(n * oh * ow * out).fill(0);
  for (let e = 0; e < n; e++)
    for (let y = 0; y < oh; y++)
      for (let z = 0; z < ow; z++)
        for (let o = 0; o < out; o++) {
          let sum = 0;
          for (let i = 0; i < 3; i++)
            for (let j = 0; j < 3; j++) {
              const [r, s] = [y * stride + i - 1, z * stride + j - 1];
              if (r < 0 || s < 0 || r >= h || s >= w) continue;
              for (let k = 0; k < c; k++)
                sum +=
                  x.values[((e * h + r) * w + s) * c + k]! * kernel.values[((i * 3 + j) * c + k) * out + o]!;
            }
          values[((e * oh + y) * ow + z) * out + o] = sum;
        }
  return { shape: [n, oh, ow, out], values };
}

function hostNormalised(x: Host, scale: Host, offset: Host): Host {
  const c = x.shape[3]!;
  const count = x.values.length / c;
  const values = [...x.values];
  for (let k = 0; k < c; k++) {
    const own = x.values.filter((_, i) => i % c === k);
    const mean = own.reduce((a, b) => a + b, 0) / count;
    const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / count;
    for (let i = k; i < values.length; i += c)
      values[i] = ((x.values[i]! - mean) / Math.sqrt(variance + 1e-5)) * scale.values[k]! + offset.values[k]!;
  }
  return { shape: x.shape, values };
}

const weights = (size: number): number[] => Array.from({ length: size }, (_, i) => Math.sin(i + 1));

function close(actual: ArrayLike<number>, wanted: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(wanted.length);
  const size = Math.max(1, ...wanted.map(Math.abs));
  expect(Math.max(...wanted.map((value, i) => Math.abs(actual[i]! - value))) / size).toBeLessThan(tolerance);
}

interface Case {
  readonly inputs: readonly Host[];
  readonly engine: (...x: tf.Tensor[]) => tf.Tensor;
  readonly host?: (...x: Host[]) => Host;
}

const x = random('x', 2, 4, 8, 3);
const kernel = random('k', 3, 3, 3, 2);
const bias = random('b', 2);
const three = random('s', 3);
const dy = random('dy', 2, 4, 8, 2);
const half = random('half', 2, 2, 4, 2);
const relu = ({ shape, values }: Host): Host => ({ shape, values: values.map((v) => Math.max(0, v)) });
const shifted = (a: Host, b: Host): Host => ({
  shape: a.shape,
  values: a.values.map((v, i) => v + b.values[i % b.values.length]!),
});

const cases: Record<string, Case> = {
  convolution: {
    inputs: [x, kernel],
    engine: (a, k) => convolution(tf, a, k, 1),
    host: (a, k) => hostConvolution(a, k, 1),
  },
  'convolution of stride 2': {
    inputs: [x, kernel],
    engine: (a, k) => convolution(tf, a, k, 2),
    host: (a, k) => hostConvolution(a, k, 2),
  },
  'convolution with bias and ReLU': {
    inputs: [x, kernel, bias],
    engine: (a, k, b) => biasedConvolution(tf, a, k, b, 1, true),
    host: (a, k, b) => relu(shifted(hostConvolution(a, k, 1), b)),
  },
  'convolution with bias and ReLU far from its kinks': {
    inputs: [x, kernel, { shape: [2], values: [60, -60] }],
    engine: (a, k, b) => biasedConvolution(tf, a, k, b, 1, true),
    host: (a, k, b) => relu(shifted(hostConvolution(a, k, 1), b)),
  },
  'convolution of stride 2 with bias': {
    inputs: [x, kernel, bias],
    engine: (a, k, b) => biasedConvolution(tf, a, k, b, 2, false),
    host: (a, k, b) => shifted(hostConvolution(a, k, 2), b),
  },
  'gradient by the input': { inputs: [dy, kernel], engine: (d, k) => inputGradient(tf, d, k, 1) },
  'gradient by the input, stride 2': { inputs: [half, kernel], engine: (d, k) => inputGradient(tf, d, k, 2) },
  'gradient by the kernel': { inputs: [x, dy], engine: (a, d) => kernelGradient(tf, a, d, 1) },
  'gradient by the kernel, stride 2': { inputs: [x, half], engine: (a, d) => kernelGradient(tf, a, d, 2) },
  'sum of channels': {
    inputs: [x],
    engine: (a) => channelSum(tf, a),
    host: (a) => ({
      shape: [3],
      values: [0, 1, 2].map((k) => a.values.filter((_, i) => i % 3 === k).reduce((p, q) => p + q, 0)),
    }),
  },
  'scaled channels': {
    inputs: [x, three],
    engine: (a, f) => scaledChannels(tf, a, f),
    host: (a, f) => ({ shape: a.shape, values: a.values.map((v, i) => v * f.values[i % 3]!) }),
  },
  'shifted channels': { inputs: [x, three], engine: (a, f) => shiftedChannels(tf, a, f), host: shifted },
  'every other pixel': {
    inputs: [x],
    engine: (a) => everyOther(tf, a),
    host: (a) => ({
      shape: [2, 2, 4, 3],
      values: a.values.filter((_, i) => (i / 3 / 8) % 2 < 1 && Math.floor(i / 3) % 2 === 0),
    }),
  },
  'batch norm in training mode': {
    inputs: [x, three, random('o', 3)],
    engine: (a, s, o) => batchNormalised(tf, a, s, o),
    host: hostNormalised,
  },
};

/** Gradient of Σ weights·y + ½·curved·Σ y² by each input. */
function gradients(one: Case, inputs: readonly tf.Tensor[], curved = 0): tf.Tensor[] {
  return tf.grads((...given: tf.Tensor[]) => {
    const y = one.engine(...given);
    const line = tf.sum(tf.mul(y, tf.tensor(weights(y.size), y.shape)));
    return curved === 0 ? line : tf.add(line, tf.mul(tf.sum(tf.square(y)), curved / 2));
  })([...inputs]);
}

describe('functions of feature maps', () => {
  let before: number;
  beforeAll(async () => {
    const root = packageRoot();
    await startEngine({ name: 'wasm', identity: engineIdentity('wasm', root) }, root);
    before = tf.memory().numTensors;
  });
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each(Object.entries(cases).filter(([, { host }]) => host))(
    '%s: values and gradients agree with float64',
    async (_, one) => {
      const inputs = one.inputs.map(on);
      const value = tf.tidy(() => one.engine(...inputs));
      const host = one.host!(...one.inputs);
      expect(value.shape).toEqual(host.shape);
      close(await value.data(), host.values, 2e-6);
      const found = tf.tidy(() => gradients(one, inputs));
      const w = weights(host.values.length);
      for (const [which, gradient] of found.entries()) {
        const total = (at: number, by: number): number => {
          const changed = one.inputs.map((input, i) =>
            i === which ? { ...input, values: input.values.with(at, input.values[at]! + by) } : input,
          );
          return one.host!(...changed).values.reduce((sum, v, i) => sum + v * w[i]!, 0);
        };
        const h = 1e-6;
        const numerical = one.inputs[which]!.values.map((_, at) => (total(at, h) - total(at, -h)) / (2 * h));
        close(await gradient.data(), numerical, 1e-5);
      }
      tf.dispose([...inputs, value, ...found]);
    },
  );

  const smooth = Object.entries(cases).filter(([name]) => !name.endsWith('ReLU'));
  test.each(smooth)('%s: the gradient’s own gradient is exact', async (_, one) => {
    const inputs = one.inputs.map(on);
    const along = one.inputs.map((input, i) => on(random(`v${i}`, ...input.shape)));
    /** Σ gradient·along, whose gradient is the Hessian's product with `along`. */
    const slope = (...at: tf.Tensor[]): tf.Scalar =>
      tf.addN(gradients(one, at, 1).map((g, i) => tf.sum(tf.mul(g, along[i]!)))) as tf.Scalar;
    const product = tf.tidy(() => tf.grads(slope)([...inputs]));
    const h = 2 ** -7;
    const moved = (by: number): tf.Tensor[] =>
      gradients(
        one,
        inputs.map((input, i) => tf.add(input, tf.mul(along[i]!, by))),
        1,
      );
    const numerical = tf.tidy(() => {
      const [up, down] = [moved(h), moved(-h)];
      return up.map((g, i) => tf.div(tf.sub(g, down[i]!), 2 * h));
    });
    for (const [i, exact] of product.entries()) {
      const wanted = await numerical[i]!.data();
      close(await exact.data(), [...wanted], 3e-3);
    }
    tf.dispose([...inputs, ...along, ...product, ...numerical]);
  });
});
