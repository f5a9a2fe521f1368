import { describe, expect, test } from 'vitest';
import { explicit, type Window } from '../../src/engine/convolution.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { batchNormalised } from '../../src/network/batch-norm.ts';
import {
  biasedConvolution,
  channelSum,
  everyOther,
  groupedConvolution,
  halved,
  scaledChannels,
  shiftedChannels,
  widened,
} from '../../src/network/convolution.ts';
import { Random } from '../../src/util/random.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

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

/** Where windows lie: strides, pads (top, bottom, left, right), dilations. */
interface Place {
  readonly strides: [number, number];
  readonly pads: [number, number, number, number];
  readonly dilations: [number, number];
}
const place = (
  strides: Place['strides'],
  pads: Place['pads'],
  dilations: Place['dilations'] = [1, 1],
): Place => ({ strides, pads, dilations });
const windowOf = ({ strides, pads: [top, bottom, left, right], dilations }: Place): Window => ({
  strides,
  pads: [
    [top, bottom],
    [left, right],
  ],
  dilations,
});
const around = (stride: number): Place => place([stride, stride], [1, 1, 1, 1]);

/**
 * Calls back for each pixel that comes out and each pixel inside the maps under its window: the place where windows
 * meet maps, by definition.
 */
function eachWindow(
  [n, h, w]: readonly number[],
  [kh, kw]: readonly number[],
  { strides, pads, dilations }: Place,
  visit: (out: number, at: number, tap: number) => void,
): [number, number] {
  const side = (extent: number, before: number, after: number, k: number, dilation: number, stride: number) =>
    Math.floor((extent + before + after - (k - 1) * dilation - 1) / stride) + 1;
  const oh = side(h!, pads[0], pads[1], kh!, dilations[0], strides[0]);
  const ow = side(w!, pads[2], pads[3], kw!, dilations[1], strides[1]);
  for (let e = 0; e < n!; e++)
    for (let y = 0; y < oh; y++)
      for (let z = 0; z < ow; z++)
        for (let i = 0; i < kh!; i++)
          for (let j = 0; j < kw!; j++) {
            const r = y * strides[0] + i * dilations[0] - pads[0];
            const s = z * strides[1] + j * dilations[1] - pads[2];
            if (r < 0 || s < 0 || r >= h! || s >= w!) continue;
            visit((e * oh + y) * ow + z, (e * h! + r) * w! + s, i * kw! + j);
          }
  return [oh, ow];
}

function hostConvolution(x: Host, kernel: Host, at: Place, depthwise = false): Host {
  const [, , into, out] = kernel.shape as [number, number, number, number];
  const channels = depthwise ? into * out : out;
  const values: number[] = [];
  const [oh, ow] = eachWindow(x.shape, kernel.shape, at, (to, from, tap) => {
    for (let k = 0; k < into; k++)
      for (let o = 0; o < out; o++) {
        const target = to * channels + (depthwise ? k * out + o : o);
        values[target] =
          (values[target] ?? 0) + x.values[from * into + k]! * kernel.values[(tap * into + k) * out + o]!;
      }
  });
  const shape = [x.shape[0]!, oh, ow, channels];
  return { shape, values: Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => values[i] ?? 0) };
}

/** Means or largest numbers of the pixels inside the maps. */
function hostPool(x: Host, size: readonly [number, number], at: Place, how: 'mean' | 'max'): Host {
  const c = x.shape[3]!;
  const lists: number[][] = [];
  const [oh, ow] = eachWindow(x.shape, size, at, (to, from) => {
    for (let k = 0; k < c; k++) (lists[to * c + k] ??= []).push(x.values[from * c + k]!);
  });
  const values = lists.map((list) =>
    how === 'max' ? Math.max(...list) : list.reduce((a, b) => a + b, 0) / list.length,
  );
  return { shape: [x.shape[0]!, oh, ow, c], values };
}

/** Each group of channels on its own. */
function hostGrouped(x: Host, kernel: Host, at: Place, groups: number): Host {
  const [kh, kw, into, all] = kernel.shape as [number, number, number, number];
  const channels = (whole: Host, from: number, count: number): Host => {
    const c = whole.shape.at(-1)!;
    const values = whole.values.filter((_, i) => i % c >= from && i % c < from + count);
    return { shape: [...whole.shape.slice(0, -1), count], values };
  };
  const out = all / groups;
  const parts = Array.from({ length: groups }, (_, g) =>
    hostConvolution(channels(x, g * into, into), channels(kernel, g * out, out), at),
  );
  expect(kernel.values).toHaveLength(kh * kw * into * all);
  const pixels = parts[0]!.values.length / out;
  const values = Array.from({ length: pixels }, (_, p) =>
    parts.flatMap((part) => part.values.slice(p * out, (p + 1) * out)),
  ).flat();
  return { shape: [...parts[0]!.shape.slice(0, -1), all], values };
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
  readonly host: (...x: Host[]) => Host;
}

const x = random('x', 2, 4, 8, 3);
const odd = random('odd', 2, 7, 5, 3);
const kernel = random('k', 3, 3, 3, 2);
const bias = random('b', 2);
const three = random('s', 3);
const capped = ({ shape, values }: Host, most = Infinity): Host => ({
  shape,
  values: values.map((v) => Math.min(most, Math.max(0, v))),
});
const shifted = (a: Host, b: Host): Host => ({
  shape: a.shape,
  values: a.values.map((v, i) => v + b.values[i % b.values.length]!),
});

type Map = tf.Tensor4D;

/** TensorFlow.js' own operation, whose gradients are ours. Padding by name says the same as `at`. */
const convolved = (
  input: Host,
  filter: Host,
  at: Place,
  depthwise = false,
  pad?: 'same' | 'valid',
): Case => ({
  inputs: [input, filter],
  engine: (a, k) =>
    (depthwise ? tf.depthwiseConv2d : tf.conv2d)(
      a as Map,
      k as Map,
      at.strides,
      pad ?? explicit(windowOf(at).pads),
      'NHWC',
      at.dilations,
    ),
  host: (a, k) => hostConvolution(a, k, at, depthwise),
});

const pooled = (input: Host, size: [number, number], at: Place, how: 'mean' | 'max', pad?: 'same'): Case => ({
  inputs: [input],
  engine: (a) =>
    (how === 'max' ? tf.maxPool : tf.avgPool)(a as Map, size, at.strides, pad ?? explicit(windowOf(at).pads)),
  host: (a) => hostPool(a, size, at, how),
});

/** A convolution with bias and activation in one pass. */
const biased = (
  input: Host,
  filter: Host,
  offsets: Host,
  at: Place,
  activation: 'linear' | 'relu' | 'relu6',
  depthwise = false,
): Case => ({
  inputs: [input, filter, offsets],
  engine: (a, k, b) => biasedConvolution(tf, a, k, b, windowOf(at), activation, depthwise),
  host: (a, k, b) => {
    const sums = shifted(hostConvolution(a, k, at, depthwise), b);
    return activation === 'linear' ? sums : capped(sums, activation === 'relu6' ? 6 : Infinity);
  },
});

/** The same in groups of two channels. */
const biasedInGroups = (
  out: number,
  groups: number,
  bundled: number,
  at: Place,
  activation: 'linear' | 'relu' | 'relu6',
): Case => ({
  inputs: [
    random('g', 2, 4, 5, 2 * groups),
    random(`gk${out}`, 3, 3, 2, out),
    // Every channel has one of its own.
    random(`gb${out}`, out),
  ],
  engine: (a, k, values) =>
    groupedConvolution(tf, a, k, windowOf(at), groups, { values: values!, activation }, bundled),
  host: (a, k, b) => {
    const sums = shifted(hostGrouped(a, k, at, groups), b);
    return activation === 'linear' ? sums : capped(sums, activation === 'relu6' ? 6 : Infinity);
  },
});

const cases: Record<string, Case> = {
  convolution: convolved(x, kernel, around(1)),
  'convolution of stride 2': convolved(x, kernel, around(2)),
  'convolution of stride 2 over odd sides': convolved(odd, kernel, around(2)),
  'convolution of stride 2 padded below only': convolved(x, kernel, place([2, 2], [0, 1, 0, 1])),
  'convolution of strides 3 and 2 that leaves pixels out': convolved(
    odd,
    random('k21', 2, 1, 3, 2),
    place([3, 2], [0, 0, 0, 0]),
  ),
  'convolution 7x7 of stride 2': convolved(
    random('r', 1, 9, 9, 2),
    random('k7', 7, 7, 2, 3),
    place([2, 2], [3, 3, 3, 3]),
  ),
  'convolution 5x5': convolved(odd, random('k5', 5, 5, 3, 2), place([1, 1], [2, 2, 2, 2])),
  'convolution 5x5 of stride 2, same padding': convolved(
    random('x5', 2, 5, 8, 3),
    random('k5', 5, 5, 3, 2),
    place([2, 2], [2, 2, 1, 2]),
    false,
    'same',
  ),
  'convolution of stride 2, no padding': convolved(odd, kernel, place([2, 2], [0, 0, 0, 0]), false, 'valid'),
  'convolution with gaps, same padding': convolved(
    odd,
    kernel,
    place([1, 1], [2, 2, 2, 2], [2, 2]),
    false,
    'same',
  ),
  'convolution with gaps': convolved(odd, random('k32', 3, 2, 3, 2), place([1, 1], [2, 1, 1, 0], [2, 2])),
  'convolution padded beyond its kernel': convolved(
    x,
    random('k1p', 1, 1, 3, 2),
    place([1, 1], [1, 2, 0, 1]),
  ),
  'pointwise convolution': convolved(x, random('k1', 1, 1, 3, 4), place([1, 1], [0, 0, 0, 0])),
  'pointwise convolution of stride 2 over odd sides': convolved(
    odd,
    random('k1', 1, 1, 3, 4),
    place([2, 2], [0, 0, 0, 0]),
  ),
  'depthwise convolution': convolved(x, random('d', 3, 3, 3, 1), around(1), true),
  'depthwise convolution of stride 2': convolved(x, random('d', 3, 3, 3, 1), around(2), true),
  'depthwise convolution of stride 2 over odd sides': convolved(
    odd,
    random('d', 3, 3, 3, 1),
    around(2),
    true,
  ),
  'depthwise convolution with gaps': convolved(
    odd,
    random('d', 3, 3, 3, 1),
    place([1, 1], [2, 2, 2, 2], [2, 2]),
    true,
  ),
  'depthwise convolution 5x5 of stride 2, same padding': convolved(
    odd,
    random('d5', 5, 5, 3, 1),
    place([2, 2], [2, 2, 2, 2]),
    true,
    'same',
  ),
  'depthwise convolution, no padding': convolved(
    x,
    random('d', 3, 3, 3, 1),
    place([1, 1], [0, 0, 0, 0]),
    true,
    'valid',
  ),
  'depthwise convolution to two maps each': convolved(
    odd,
    random('d2', 3, 2, 3, 2),
    place([2, 2], [1, 1, 0, 1]),
    true,
  ),
  'grouped convolution': {
    inputs: [random('g', 2, 4, 5, 6), random('gk', 3, 3, 2, 9)],
    engine: (a, k) => groupedConvolution(tf, a, k, windowOf(around(1)), 3),
    host: (a, k) => hostGrouped(a, k, around(1), 3),
  },
  'grouped convolution of stride 2, groups in bundles': {
    inputs: [random('g8', 1, 5, 4, 8), random('gk8', 3, 3, 2, 8)],
    engine: (a, k) => groupedConvolution(tf, a, k, windowOf(around(2)), 4, null, 4),
    host: (a, k) => hostGrouped(a, k, around(2), 4),
  },
  'grouped convolution with bias': biasedInGroups(9, 3, 1, around(1), 'linear'),
  'grouped convolution with bias, groups in bundles': biasedInGroups(8, 4, 2, around(2), 'linear'),
  'grouped convolution with bias, all groups in one bundle': biasedInGroups(8, 4, 4, around(1), 'linear'),
  'grouped convolution with bias and ReLU': biasedInGroups(9, 3, 1, around(2), 'relu'),
  'grouped convolution in bundles with bias and ReLU6': biasedInGroups(8, 4, 2, around(1), 'relu6'),
  'largest pixels, windows side by side': pooled(x, [2, 2], place([2, 2], [0, 0, 0, 0]), 'max'),
  'largest pixels, windows that overlap': pooled(odd, [3, 3], around(2), 'max'),
  'largest pixels, same padding': pooled(odd, [3, 2], place([2, 2], [1, 1, 0, 1]), 'max', 'same'),
  'mean pixels, windows side by side': pooled(x, [2, 2], place([2, 2], [0, 0, 0, 0]), 'mean'),
  'mean pixels, windows that overlap': pooled(odd, [3, 2], place([1, 2], [0, 0, 0, 0]), 'mean'),
  'mean pixels, same padding': pooled(odd, [3, 3], around(2), 'mean', 'same'),
  'mean of whole maps': pooled(odd, [7, 5], place([1, 1], [0, 0, 0, 0]), 'mean'),
  'convolution with bias and ReLU': biased(x, kernel, bias, around(1), 'relu'),
  'convolution with bias and ReLU far from its kinks': biased(
    x,
    kernel,
    { shape: [2], values: [60, -60] },
    around(1),
    'relu',
  ),
  'convolution with bias and ReLU6': biased(x, kernel, bias, around(1), 'relu6'),
  'convolution with bias and ReLU6 far from its kinks': biased(
    x,
    random('k4', 1, 1, 3, 3),
    { shape: [3], values: [60, 3, -60] },
    place([1, 1], [0, 0, 0, 0]),
    'relu6',
  ),
  'convolution of stride 2 with bias': biased(x, kernel, bias, around(2), 'linear'),
  'depthwise convolution with bias': biased(odd, random('d', 3, 3, 3, 1), three, around(2), 'linear', true),
  'depthwise convolution with bias and ReLU6': biased(
    odd,
    random('d', 3, 3, 3, 1),
    three,
    around(1),
    'relu6',
    true,
  ),
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
  'every other pixel with more channels': {
    inputs: [x],
    engine: (a) => widened(tf, a, 7),
    host: (a) => ({
      shape: [2, 2, 4, 7],
      values: Array.from({ length: 16 * 7 }, (_, i) => {
        const [pixel, channel] = [Math.floor(i / 7), (i % 7) - 2];
        const from = 2 * 8 * Math.floor(pixel / 4) + 2 * (pixel % 4);
        return channel >= 0 && channel < 3 ? a.values[3 * from + channel]! : 0;
      }),
    }),
  },
  '1x1 of every other pixel': {
    inputs: [x, random('k', 1, 1, 3, 5)],
    engine: (a, k) => halved(tf, a, k),
    host: (a, k) => ({
      shape: [2, 2, 4, 5],
      values: Array.from({ length: 16 * 5 }, (_, i) => {
        const [pixel, out] = [Math.floor(i / 5), i % 5];
        const from = 2 * 8 * Math.floor(pixel / 4) + 2 * (pixel % 4);
        return [0, 1, 2].reduce((sum, c) => sum + a.values[3 * from + c]! * k.values[5 * c + out]!, 0);
      }),
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

/**
 * The product of the Hessian of Σ weights·y + ½ Σ y² with v, by central differences in float64, as in
 * `test/engine/second-order.ts`.
 * @param h the step: so small where there are kinks that none of the inputs drawn here is moved across one, where
 * differences would be wrong by far; larger elsewhere, where sums of large squares are rounded.
 */
function productOnHost(one: Case, v: readonly Host[], h: number): number[][] {
  const value = (inputs: readonly Host[]): number => {
    const { values } = one.host(...inputs);
    return values.reduce((sum, y, i) => sum + y * Math.sin(i + 1) + (y * y) / 2, 0);
  };
  const along = (by: number): Host[] =>
    one.inputs.map(({ shape, values }, i) => ({
      shape,
      values: values.map((x, j) => x + by * v[i]!.values[j]!),
    }));
  const [ahead, behind] = [along(h), along(-h)];
  return one.inputs.map(({ values }, which) =>
    values.map((_, at) => {
      const moved = (from: readonly Host[], by: number): number =>
        value(
          from.map((input, i) =>
            i === which ? { ...input, values: input.values.with(at, input.values[at]! + by) } : input,
          ),
        );
      return (moved(ahead, h) - moved(ahead, -h) - moved(behind, h) + moved(behind, -h)) / (4 * h * h);
    }),
  );
}

describe('functions of feature maps', () => {
  engineWithoutLeaks();

  test.each(Object.entries(cases))('%s: values and gradients agree with float64', async (_, one) => {
    const inputs = one.inputs.map(on);
    const value = tf.tidy(() => one.engine(...inputs));
    const host = one.host(...one.inputs);
    expect(value.shape).toEqual(host.shape);
    close(await value.data(), host.values, 2e-6);
    const found = tf.tidy(() => gradients(one, inputs));
    const w = weights(host.values.length);
    for (const [which, gradient] of found.entries()) {
      const total = (at: number, by: number): number => {
        const changed = one.inputs.map((input, i) =>
          i === which ? { ...input, values: input.values.with(at, input.values[at]! + by) } : input,
        );
        return one.host(...changed).values.reduce((sum, v, i) => sum + v * w[i]!, 0);
      };
      const h = 1e-6;
      const numerical = one.inputs[which]!.values.map((_, at) => (total(at, h) - total(at, -h)) / (2 * h));
      close(await gradient.data(), numerical, 1e-5);
    }
    tf.dispose([...inputs, value, ...found]);
  });

  test.each(Object.entries(cases))(
    '%s: the gradient’s own gradient agrees with float64',
    async (name, one) => {
      const inputs = one.inputs.map(on);
      const v = one.inputs.map((input, i) => random(`v${i}`, ...input.shape));
      const along = v.map(on);
      /** Σ gradient·along, whose gradient is the Hessian's product with `along`. */
      const slope = (...at: tf.Tensor[]): tf.Scalar =>
        tf.addN(gradients(one, at, 1).map((g, i) => tf.sum(tf.mul(g, along[i]!)))) as tf.Scalar;
      const product = tf.tidy(() => tf.grads(slope)([...inputs]));
      const wanted = productOnHost(one, v, /ReLU6?$|^largest/.test(name) ? 2e-5 : 2e-4);
      for (const [i, exact] of product.entries()) close(await exact.data(), wanted[i]!, 2e-5);
      tf.dispose([...inputs, ...along, ...product]);
    },
  );

  test('activations beside their kinks are on both sides of them', () => {
    for (const [name, one] of Object.entries(cases)) {
      const most = /ReLU(6?)$/.exec(name);
      if (!most) continue;
      const { values } = one.host(...one.inputs);
      expect(values, name).toContain(0);
      if (most[1] === '6') expect(values, name).toContain(6);
      expect(
        values.some((value) => value > 0 && value < 6),
        name,
      ).toBe(true);
    }
  });
});
