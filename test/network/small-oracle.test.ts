import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { residualLayers } from '../../src/network/deep-resnet.ts';
import type { Examples } from '../../src/network/examples.ts';
import { flattened, Hessian, shaped } from '../../src/network/hessian.ts';
import { importTensors, pytorch } from '../../src/network/import.ts';
import type { Layer } from '../../src/network/layers/layer.ts';
import { evaluationMode, LossMeter, meanGradient } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { dot, type NamedTensor, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { startTestEngine } from '../support/engine.ts';

/**
 * A small oracle that every clone has: test/oracle/networks.json, made by test/oracle/networks.py with PyTorch in float64.
 * It proves what larger oracles prove with real data where they are: architectures, imports, gradients, products with
 * Hessians, eigenvalues.
 */
interface Case {
  readonly tensors: readonly (readonly [string, readonly number[]])[];
  readonly examples: number;
  readonly training: boolean;
  readonly loss: number;
  /** Of each parameter: the norm, and the product with a probe. */
  readonly gradient: readonly (readonly [number, number])[];
  readonly product: readonly (readonly [number, number])[];
  readonly largest: readonly number[];
  readonly smallest: readonly number[];
}
const { cases } = JSON.parse(readFileSync(join(packageRoot(), 'test/oracle/networks.json'), 'utf8')) as {
  cases: Readonly<Record<string, Case>>;
};

/** As in networks.py. */
const number = (i: number, t: number): number =>
  (((i * 7919 + i * i * 31 + t * 104729 + 12345) % 2039) - 1019) / 2048;

/** A polynomial modulo a prime repeats after that many numbers: 23 million need not be computed one by one. */
const period = 2039;

function stream(t: number, shape: readonly number[]): Float32Array {
  const pattern = Float32Array.from({ length: period }, (_, i) => number(i, t));
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i += period) values.set(pattern.subarray(0, values.length - i), i);
  return values;
}

/** What PyTorch's tensor of a name holds. */
function tensor(name: string, t: number, shape: readonly number[]): NamedTensor {
  const v = stream(t, shape);
  if (name.endsWith('running_var')) return { name, shape, values: v.map((x) => 1 + x) };
  if (shape.length > 1) {
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    let scale = 2;
    while (scale * scale * fan > 8) scale /= 2;
    return { name, shape, values: v.map((x) => 2 * scale * x) };
  }
  return { name, shape, values: v.map((x) => (name.endsWith('weight') ? 1 : 0) + x / 2) };
}

/** One vector for each parameter, from PyTorch's layout to ours. */
function vector(network: Network, { tensors }: Case, from: number): ParameterVector {
  const all = tensors.map(([name, shape], t) => ({ name, shape, values: stream(from + t, shape) }));
  return imported(network, all).parameters;
}

function imported(network: Network, tensors: readonly NamedTensor[]) {
  return importTensors(tensors, network, pytorch(network, ''), {}, 'the oracle');
}

function examplesOf({ examples: count }: Case, features: number): Examples {
  const pixels = stream(777, [count, features]).map((x) => 4 * x);
  return {
    count,
    features,
    classes: 3,
    labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
    inputs: (indices) => {
      const rows = new Float32Array(indices.length * features);
      for (let r = 0; r < indices.length; r++)
        rows.set(pixels.subarray(indices[r]! * features, (indices[r]! + 1) * features), r * features);
      return rows;
    },
  };
}

const convolution = (filters: number, size: number, stride: number, groups: number, bias: boolean) => ({
  kind: 'convolution' as const,
  filters,
  size: [size, size] as [number, number],
  strides: [stride, stride] as [number, number],
  pads: [
    [1, 1],
    [1, 1],
  ] as [[number, number], [number, number]],
  dilations: [1, 1] as [number, number],
  groups,
  bias,
});
const batchNorm = { kind: 'batch-norm' as const, epsilon: 1e-5, scale: true, offset: true };

/** The network `Maps` of networks.py, as a list of layers. */
const maps: Layer[] = [
  { name: 'conv1', from: ['input'], does: convolution(4, 3, 1, 1, false) },
  { name: 'norm1', from: ['conv1'], does: batchNorm },
  { name: 'relu1', from: ['norm1'], does: { kind: 'activation', name: 'relu6' } },
  { name: 'conv2', from: ['relu1'], does: convolution(8, 3, 2, 4, true) },
  { name: 'norm2', from: ['conv2'], does: batchNorm },
  { name: 'gelu', from: ['norm2'], does: { kind: 'activation', name: 'gelu' } },
  {
    name: 'pool',
    from: ['gelu'],
    does: {
      kind: 'max-pool',
      size: [3, 3],
      strides: [1, 1],
      pads: [
        [1, 1],
        [1, 1],
      ],
    },
  },
  { name: 'conv3', from: ['pool'], does: convolution(6, 3, 1, 2, false) },
  { name: 'norm3', from: ['conv3'], does: batchNorm },
  { name: 'relu3', from: ['norm3'], does: { kind: 'activation', name: 'relu' } },
  { name: 'means', from: ['relu3'], does: { kind: 'global-average' } },
  { name: 'dense', from: ['means'], does: { kind: 'dense', units: 3, bias: true } },
];

const networks: Readonly<Record<string, Network>> = {
  perceptron: buildNetwork({ name: 'mlp', widths: [8], inputs: 12, classes: 3 }),
  maps: buildNetwork({
    name: 'layers',
    title: 'maps',
    input: [7, 7, 3],
    layers: maps,
    inputs: 147,
    classes: 3,
  }),
  'mobilenet-v2': buildNetwork({ name: 'mobilenet-v2', width: 0.1, inputs: 3072, classes: 3 }),
  // Of ResNeXt-101 32x8d all but its depth and its width.
  resnext: buildNetwork({
    name: 'layers',
    title: 'narrow ResNeXt',
    input: [32, 32, 3],
    layers: residualLayers({ blocks: [1, 2, 1, 1], bottleneck: true, planes: 8, groups: 4, base: 16 }, 3),
    inputs: 3072,
    classes: 3,
  }),
  'resnext50-32x4d': buildNetwork({ name: 'resnext50-32x4d', inputs: 3072, classes: 3 }),
};

/** The network of a case with batch norm's mode bound, its parameters and its examples. */
function prepared(name: string) {
  const one = cases[name]!;
  const network = networks[name.split(' ')[0]!]!;
  const { parameters, state } = imported(
    network,
    one.tensors.map(([n, shape], t) => tensor(n, t, shape)),
  );
  const examples = examplesOf(one, network.spec.inputs);
  const fixed = evaluationMode(network, state);
  const bound = one.training ? normalisedBy(network, { statistics: 'batch' }) : fixed.network;
  return { one, network, parameters, state, examples, bound, dispose: () => fixed.dispose() };
}

/** Largest deviation of norms and products with probes, over the largest norm. */
function worst(actual: ParameterVector, probes: ParameterVector, wanted: Case['gradient']): number {
  const size = Math.max(...wanted.map(([length]) => length));
  return Math.max(
    ...wanted.flatMap(([length, along], t) => [
      Math.abs(norm([actual[t]!]) - length) / size,
      Math.abs(dot([actual[t]!], [probes[t]!]) - along) / size / Math.max(1, norm([probes[t]!])),
    ]),
  );
}

describe('PyTorch in float64 agrees', () => {
  beforeAll(async () => {
    await startTestEngine();
  });

  test.each(Object.keys(cases).filter((name) => !cases[name]!.training))(
    'on the loss of %s',
    async (name) => {
      const { one, network, parameters, state, examples } = prepared(name);
      const before = tf.memory().numTensors;
      const meter = new LossMeter(network, examples, examples.count);
      const { loss } = await meter.measure(parameters, state);
      meter.dispose();
      // float32 over some fifty layers.
      expect(Math.abs(loss - one.loss) / one.loss).toBeLessThan(1e-5);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test.each(Object.keys(cases).filter((name) => cases[name]!.gradient))(
    'on the gradient and a product with the Hessian of %s',
    async (name) => {
      const before = tf.memory().numTensors;
      const { one, parameters, examples, bound, dispose } = prepared(name);
      const probes = vector(bound, one, 2000);
      const gradient = await meanGradient(bound, parameters, examples, examples.count);
      expect(worst(gradient, probes, one.gradient)).toBeLessThan(2e-5);
      const hessian = new Hessian(bound, parameters, examples, { batch: examples.count });
      const product = await hessian.product(flattened(vector(bound, one, 1000)));
      expect(worst(shaped(product, parameters), probes, one.product)).toBeLessThan(1e-4);
      hessian.dispose();
      dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test.each(['maps', 'maps in training mode', 'resnext', 'resnext in training mode'])(
    'and the Hessian of %s is symmetric and linear, in batches of which the last is smaller too',
    async (name) => {
      const { one, parameters, examples, bound, dispose } = prepared(name);
      const [u, v] = [3000, 4000].map((from) => flattened(vector(bound, one, from))) as [
        Float32Array,
        Float32Array,
      ];
      const inner = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
      const length = (a: Float32Array): number => Math.sqrt(inner(a, a));
      // In training mode the batch is the whole: its parts have other statistics.
      const batch = one.training ? examples.count : examples.count - 1;
      const hessian = new Hessian(bound, parameters, examples, { batch });
      const [hu, hv] = [await hessian.product(u), await hessian.product(v)];
      const mixed = await hessian.product(u.map((x, i) => 2 * x - 3 * v[i]!));
      hessian.dispose();
      dispose();
      // Float32 sums of up to a hundred thousand products: 1e-5 of the lengths.
      expect(Math.abs(inner(v, hu) - inner(u, hv)) / (length(u) * length(hv))).toBeLessThan(1e-5);
      const apart = mixed.map((x, i) => x - 2 * hu[i]! + 3 * hv[i]!);
      expect(length(apart) / length(mixed)).toBeLessThan(1e-5);
    },
  );

  test.each(Object.keys(cases).filter((name) => cases[name]!.largest))(
    'on the ends of the spectrum of %s',
    async (name) => {
      const { one, parameters, examples, bound, dispose } = prepared(name);
      const hessian = new Hessian(bound, parameters, examples, { batch: examples.count });
      const found = await eigenpairs(hessian, {
        largest: 3,
        smallest: 3,
        basis: 40,
        tolerance: 1e-4,
        maxProducts: 400,
        seed: 1,
      });
      expect(found.converged).toBe(true);
      const size = Math.abs(one.largest[0]!);
      const values = (list: readonly { readonly value: number }[]): number[] =>
        list.map(({ value }) => value);
      for (const [i, wanted] of one.largest.entries())
        expect(Math.abs(values(found.largest)[i]! - wanted) / size).toBeLessThan(1e-4);
      for (const [i, wanted] of one.smallest.entries())
        expect(Math.abs(values(found.smallest)[i]! - wanted) / size).toBeLessThan(1e-4);
      hessian.dispose();
      dispose();
    },
  );
});
