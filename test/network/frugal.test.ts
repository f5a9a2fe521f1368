import { describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork, type DataSpec } from '../../src/network/architectures.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { type Examples, inOrder } from '../../src/network/examples.ts';
import { LayerList } from '../../src/network/layers/builder.ts';
import type { Operation } from '../../src/network/layers/layer.ts';
import {
  inputTensor,
  lossAndGradient,
  lossOf,
  meanLoss,
  targetTensor,
  toTensors,
  toVector,
} from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { initialState, RunningStatistics } from '../../src/network/running-statistics.ts';
import { hessianVectorProduct } from '../../src/network/second-order.ts';
import { Random } from '../../src/util/random.ts';
import { gradientMemory, mustBeFrugal } from '../../stages/train/memory.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

const examples = 6;

describe('training in which blocks are computed again for the gradient', () => {
  engineWithoutLeaks();

  const given = (network: Network) => {
    const random = new Random([3, 'frugal']);
    const features = network.spec.inputs;
    return {
      parameters: toTensors(network.initialise('he', 2)),
      inputs: tf.tensor2d(random.gaussians(examples * features), [examples, features]),
      targets: tf.tensor2d(
        Array.from({ length: examples }, (_, i) => [0, 1, 2].map((c) => (i % 3 === c ? 1 : 0))),
      ),
    };
  };

  const cifar = { name: 'resnet', depth: 14, inputs: 192, classes: 3 } as const;
  const square = (side: number) => ({
    size: [side, side] as [number, number],
    strides: [1, 1] as [number, number],
    pads: [
      [side >> 1, side >> 1],
      [side >> 1, side >> 1],
    ] as [[number, number], [number, number]],
  });
  const convolution = (filters: number): Extract<Operation, { kind: 'convolution' }> => ({
    kind: 'convolution',
    filters,
    ...square(3),
    dilations: [1, 1],
    groups: 1,
    bias: true,
  });
  const norm = { kind: 'batch-norm', epsilon: 1e-3, scale: true, offset: false } as const;
  /** Branches, maps that are read late or never, norms of images and of vectors. */
  const branching: DataSpec = {
    name: 'layers',
    title: 'branching',
    input: [8, 8, 3],
    inputs: 192,
    classes: 3,
    layers: [
      { name: 'images', from: ['input'], does: { ...norm, offset: true } },
      { name: 'a', from: ['images'], does: convolution(4) },
      { name: 'an', from: ['a'], does: norm },
      { name: 'unread', from: ['an'], does: { kind: 'activation', name: 'tanh' } },
      { name: 'largest', from: ['an'], does: { kind: 'max-pool', ...square(3) } },
      { name: 'b', from: ['largest'], does: { ...convolution(2), groups: 2 } },
      { name: 'br', from: ['b'], does: { kind: 'activation', name: 'relu' } },
      { name: 'both', from: ['br', 'an'], does: { kind: 'concatenate' } },
      { name: 'c', from: ['both'], does: convolution(6) },
      { name: 'cn', from: ['c'], does: norm },
      { name: 'twice', from: ['cn', 'cn'], does: { kind: 'multiply' } },
      { name: 'sum', from: ['twice', 'both'], does: { kind: 'add' } },
      { name: 'means', from: ['sum'], does: { kind: 'global-average' } },
      { name: 'vectors', from: ['means'], does: norm },
      { name: 'logits', from: ['vectors'], does: { kind: 'dense', units: 3, bias: true } },
    ],
  };

  test.each<[string, DataSpec]>([
    ['a ResNet with shortcut A', { ...cifar, shortcut: 'A' }],
    ['a ResNet with shortcut B', { ...cifar, shortcut: 'B' }],
    ['a ResNet without shortcuts', { ...cifar, shortcut: 'none' }],
    [
      'a MobileNetV2 of resized images',
      { name: 'mobilenet-v2', width: 0.1, size: 16, inputs: 192, classes: 3 },
    ],
    ['layers that branch', branching],
  ])('has the same loss, gradient and running statistics, bit for bit: %s', async (_, spec) => {
    const network = buildNetwork(spec);
    const { parameters, inputs, targets } = given(network);
    const results = [];
    for (const frugal of [false, true]) {
      const statistics = new RunningStatistics(initialState(network));
      const bound = normalisedBy(network, statistics.training(frugal));
      const { loss, gradient } = lossAndGradient(bound, parameters, inputs, targets);
      results.push([
        [...(await loss.data())],
        await toVector(gradient, network.initialise('he', 2)),
        await toVector(statistics.tensors, initialState(network)),
      ]);
      statistics.dispose();
      tf.dispose([loss, gradient]);
    }
    tf.dispose([parameters, inputs, targets]);
    expect(results[1]).toEqual(results[0]);
  });

  test('can be differentiated twice', async () => {
    const network = buildNetwork({ name: 'resnet', depth: 8, shortcut: 'B', inputs: 192, classes: 3 });
    const { parameters, inputs, targets } = given(network);
    const direction = toTensors(network.initialise('pytorch', 9));
    const products: Float32Array[] = [];
    for (const frugal of [false, true]) {
      const bound = normalisedBy(network, { statistics: 'batch', frugal });
      const found = hessianVectorProduct(
        (...tensors) => meanLoss(lossOf(bound), bound.forward(tf, tensors, inputs), targets),
        parameters,
        direction,
      );
      products.push(
        Float32Array.from((await Promise.all(found.product.map((t) => t.data()))).flatMap((v) => [...v])),
      );
      tf.dispose([found.value, found.gradient, found.product]);
    }
    tf.dispose([parameters, direction, inputs, targets]);
    const [plain, frugal] = products as [Float32Array, Float32Array];
    const size = Math.hypot(...plain);
    // The same operations, added up in another order.
    expect(Math.hypot(...plain.map((value, i) => value - frugal[i]!)) / size).toBeLessThan(1e-5);
    expect(size).toBeGreaterThan(0.1);
  });

  test('takes hardly more memory for a deeper network, as much as was expected', async () => {
    const many = 24;
    const random = new Random([4, 'frugal']);
    const values = random.gaussians(many * 768);
    const examples: Examples = {
      count: many,
      features: 768,
      classes: 3,
      labels: Uint8Array.from({ length: many }, (_, i) => i % 3),
      inputs: (indices) =>
        Float32Array.from(Array.from(indices).flatMap((n) => [...values.subarray(768 * n, 768 * (n + 1))])),
    };
    const peaks = async (depth: number) => {
      const network = buildNetwork({ name: 'resnet', depth, shortcut: 'A', inputs: 768, classes: 3 });
      const parameters = toTensors(network.initialise('he', 2));
      const inputs = inputTensor(examples, inOrder(many));
      const targets = targetTensor(examples, inOrder(many));
      const measured: number[] = [];
      for (const frugal of [false, true]) {
        const bound = normalisedBy(network, { statistics: 'batch', frugal });
        const { peakBytes, result } = await tf.profile(() => {
          const { loss, gradient } = lossAndGradient(bound, parameters, inputs, targets);
          tf.dispose(gradient);
          return loss;
        });
        tf.dispose(result as tf.Tensor);
        measured.push(peakBytes);
      }
      tf.dispose([inputs, targets]);
      const [plainly, frugally] = [
        await gradientMemory(network, parameters, examples, false),
        await gradientMemory(network, parameters, examples, true),
      ];
      const decided = (stated: number) => mustBeFrugal(network, parameters, examples, many, stated);
      const told = {
        plain: plainly.at(many),
        frugal: frugally.at(many),
        // Room for the one, for the other only, and for neither.
        decisions: [await decided(2 * plainly.at(many)), await decided(1.1 * frugally.at(many))],
        refused: await decided(0.9 * frugally.at(many)).then(
          () => 'nothing',
          (error: Error & { diagnostics: { code: string; hint: string }[] }) => error.diagnostics[0]!,
        ),
        most: frugally.most(0.9 * frugally.at(many)),
      };
      tf.dispose(parameters);
      return { plain: measured[0]!, frugal: measured[1]!, told };
    };
    const [small, large] = [await peaks(8), await peaks(20)];
    // Two blocks more a stage: their inputs and parameters, instead of all that lies in them.
    expect(large.frugal - small.frugal).toBeLessThan((large.plain - small.plain) / 4);
    for (const { plain, frugal, told } of [small, large]) {
      expect(Math.abs(told.plain / plain - 1)).toBeLessThan(0.05);
      expect(Math.abs(told.frugal / frugal - 1)).toBeLessThan(0.05);
      expect(told.decisions).toEqual([false, true]);
      expect(told.most).toBeGreaterThan(0);
      expect(told.most).toBeLessThan(many);
      expect(told.refused).toMatchObject({
        code: 'training-too-large',
        hint: expect.stringContaining(`lower the batch to ${told.most},`),
      });
    }
  });

  test('networks without batch norm are told the micro-batch that fits, as much as was expected', async () => {
    const count = 40;
    const values = new Random([5, 'plain']).gaussians(count * 768);
    const examples: Examples = {
      count,
      features: 768,
      classes: 3,
      labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
      inputs: (indices) =>
        Float32Array.from(Array.from(indices).flatMap((n) => [...values.subarray(768 * n, 768 * (n + 1))])),
    };
    const layers = new LayerList();
    const maps = layers.convolution('conv', layers.input, { size: 3, filters: 8, bias: true });
    const means = layers.add('means', layers.add('relu', maps, { kind: 'activation', name: 'relu' }), {
      kind: 'global-average',
    });
    layers.add('dense', means, { kind: 'dense', units: 3, bias: true });
    const ends = { inputs: 768, classes: 3 };
    for (const network of [
      buildNetwork({ name: 'mlp', widths: [64, 32], ...ends }),
      buildNetwork({ name: 'layers', title: 't', input: [16, 16, 3], layers: layers.layers, ...ends }),
    ]) {
      const parameters = toTensors(network.initialise('he', 2));
      const before = tf.memory().numTensors;
      const indices = inOrder(count);
      const { peakBytes, result } = await tf.profile(() => {
        const [inputs, targets] = [inputTensor(examples, indices), targetTensor(examples, indices)];
        const { loss, gradient } = lossAndGradient(network, parameters, inputs, targets);
        tf.dispose([inputs, targets, gradient]);
        return loss;
      });
      tf.dispose(result as tf.Tensor);
      const asked = (stated: number) =>
        mustBeFrugal(network, parameters, examples, count, stated).then(
          (frugal) => frugal,
          (error: Error & { diagnostics: { code: string; hint: string }[] }) => error.diagnostics[0]!,
        );
      expect(await asked(1.05 * peakBytes)).toBe(false);
      const refused = (await asked(0.95 * peakBytes)) as { code: string; hint: string };
      expect(refused.code).toBe('training-too-large');
      const fitting = Number(/^set micro-batch: (\d+),/.exec(refused.hint)?.[1]);
      expect(fitting).toBeGreaterThan(0);
      expect(fitting).toBeLessThan(count);
      // Nothing fits: said, too.
      expect(((await asked(1000)) as { hint: string }).hint).toContain('not even one image fits');
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose(parameters);
    }
  });
});
