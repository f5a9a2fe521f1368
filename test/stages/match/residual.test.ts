import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { buildNetwork } from '../../../src/network/architectures.ts';
import { normalisedBy } from '../../../src/network/batch-norm.ts';
import { encodeCheckpoint, readCheckpoint } from '../../../src/network/checkpoint.ts';
import type { Layer } from '../../../src/network/layers/layer.ts';
import { toTensors } from '../../../src/network/loss.ts';
import { mobilenetLayers } from '../../../src/network/mobilenet.ts';
import type { BatchNormMode, Network, NetworkSpec } from '../../../src/network/network.ts';
import type { ParameterVector } from '../../../src/network/tensors.ts';
import { digestOf } from '../../../src/util/digest.ts';
import { Random } from '../../../src/util/random.ts';
import directions from '../../../stages/directions/stage.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import { matchWeights } from '../../../stages/match/matching.ts';
import match from '../../../stages/match/stage.ts';
import { symmetryOf } from '../../../stages/match/symmetries.ts';
import { permuted, type Symmetry } from '../../../stages/match/symmetry.ts';
import train from '../../../stages/train/stage.ts';
import { startTestEngine } from '../../support/engine.ts';
import { member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

beforeAll(async () => {
  await startTestEngine();
});

const inputs = 3 * 8 * 8;
const unit = {
  size: [3, 3],
  strides: [1, 1],
  pads: [
    [1, 1],
    [1, 1],
  ],
  dilations: [1, 1],
} as const;
const convolution = (filters: number, groups = 1): Layer['does'] =>
  ({
    kind: 'convolution',
    filters,
    ...structuredClone(unit),
    groups,
    bias: true,
  }) as unknown as Layer['does'];
/** Two branches that are put side by side, a sum, groups of channels, and features pixel by pixel. */
const mixed: readonly Layer[] = [
  { name: 'a', from: ['input'], does: convolution(6) },
  { name: 'b', from: ['a'], does: convolution(4) },
  { name: 'c', from: ['a'], does: convolution(6) },
  { name: 'sum', from: ['a', 'c'], does: { kind: 'add' } },
  { name: 'beside', from: ['b', 'sum'], does: { kind: 'concatenate' } },
  { name: 'norm', from: ['beside'], does: { kind: 'batch-norm', epsilon: 1e-5, scale: true, offset: true } },
  { name: 'relu', from: ['norm'], does: { kind: 'activation', name: 'relu' } },
  { name: 'd', from: ['relu'], does: convolution(8) },
  { name: 'grouped', from: ['d'], does: convolution(8, 2) },
  { name: 'e', from: ['grouped'], does: convolution(5) },
  { name: 'tanh', from: ['e'], does: { kind: 'activation', name: 'tanh' } },
  { name: 'features', from: ['tanh'], does: { kind: 'flatten' } },
  { name: 'hidden', from: ['features'], does: { kind: 'dense', units: 7, bias: true } },
  { name: 'gelu', from: ['hidden'], does: { kind: 'activation', name: 'gelu' } },
  { name: 'logits', from: ['gelu'], does: { kind: 'dense', units: 3, bias: false } },
];

const mobile = { name: 'mobilenet-v2', width: 0.1, inputs, classes: 3 } as const;
/** Its stem and first blocks, and a classifier. */
function beginning(blocks: number): Layer[] {
  const layers = mobilenetLayers(mobile);
  const kept = layers.slice(
    0,
    layers.findIndex(({ name }) => name.startsWith(`block${blocks + 1}/`)),
  );
  return [
    ...kept,
    { name: 'means', from: [kept.at(-1)!.name], does: { kind: 'global-average' } },
    ...layers.slice(-1),
  ];
}

/** Names, shapes and bits. */
const bitsOf = (vector: ParameterVector): string[] =>
  vector.map(
    ({ name, shape, values }) =>
      `${name} [${shape}] ${digestOf(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))}`,
  );

const networks: readonly [string, NetworkSpec, number][] = [
  // Stem; inner and outer maps of three blocks, those of the first tied to the stem.
  ['ResNet-8, convolutional shortcuts', { name: 'resnet', depth: 8, shortcut: 'B', inputs, classes: 3 }, 6],
  // As many: what was zero before the second and third stage is a group of its own.
  [
    'ResNet-8, shortcuts without parameters',
    { name: 'resnet', depth: 8, shortcut: 'A', inputs, classes: 3 },
    6,
  ],
  [
    'ResNet-14, shortcuts without parameters',
    { name: 'resnet', depth: 14, shortcut: 'A', inputs, classes: 3 },
    9,
  ],
  ['ResNet-8 without shortcuts', { name: 'resnet', depth: 8, shortcut: 'none', inputs, classes: 3 }, 7],
  // Two expansions; the first block's output is tied to the stem, the third's to the second's.
  [
    'the beginning of a MobileNetV2',
    { name: 'layers', title: 'beginning', input: [8, 8, 3], layers: beginning(3), inputs, classes: 3 },
    4,
  ],
  // a with c, b, e, hidden; d and the grouped one stay where they are.
  ['layers', { name: 'layers', title: 'mixed', input: [8, 8, 3], layers: [...mixed], inputs, classes: 3 }, 4],
];

/** Everything drawn, so that no two units are alike: scales, offsets and statistics of batch norm as well. */
function drawn(network: Network): { parameters: ParameterVector; state: ParameterVector } {
  const fill = (forms: Network['parameters'], positive: (name: string) => boolean): ParameterVector =>
    forms.map(({ name, shape }) => {
      const count = shape.reduce((product, extent) => product * extent, 1);
      const fanIn = shape.length > 1 ? count / shape.at(-1)! : 1;
      const values = Float32Array.from(new Random([8, name]).gaussians(count), (x) =>
        positive(name) ? 0.5 + Math.abs(x) : shape.length > 1 ? x * Math.sqrt(2 / fanIn) : 0.3 * x,
      );
      return { name, shape, values };
    });
  return {
    parameters: fill(network.parameters, (name) => name.endsWith('/scale')),
    state: fill(network.state, (name) => name.endsWith('/variance')),
  };
}

async function logits(
  network: Network,
  { parameters, state }: { parameters: ParameterVector; state: ParameterVector },
  statistics: 'fixed' | 'batch',
): Promise<Float32Array> {
  const [theta, tensors] = [toTensors(parameters), toTensors(state)];
  const mode: BatchNormMode = statistics === 'fixed' ? { statistics, tensors } : { statistics };
  const images = tf.tensor2d(Float32Array.from(new Random([9]).gaussians(4 * inputs)), [4, inputs]);
  const result = tf.tidy(() => normalisedBy(network, mode).forward(tf, theta, images));
  const values = (await result.data()) as Float32Array;
  tf.dispose([theta, tensors, images, result]);
  return values.slice();
}

const shuffles = ({ groups }: Symmetry) => groups.map(({ size }, g) => new Random([5, g]).permutation(size));

describe.each(networks)('%s', (_, spec, count) => {
  const network = buildNetwork(spec as Exclude<NetworkSpec, { name: 'module' }>);
  const symmetry = symmetryOf(spec)!;
  const original = drawn(network);
  const orders = shuffles(symmetry);
  const turned = {
    parameters: permuted(original.parameters, symmetry, orders),
    state: permuted(original.state, symmetry, orders),
  };

  test('knows its groups, and computes the same function when they are shuffled', async () => {
    expect(symmetry.groups.length).toBe(count);
    for (const [g, order] of orders.entries()) {
      expect(new Set(order).size).toBe(symmetry.groups[g]!.size);
      // Each group's shuffle changes something.
      const only = symmetry.groups.map(({ size }, k) =>
        k === g ? order : Uint32Array.from({ length: size }, (_, i) => i),
      );
      expect(bitsOf(permuted(original.parameters, symmetry, only))).not.toEqual(bitsOf(original.parameters));
    }
    for (const statistics of network.state.length > 0
      ? (['fixed', 'batch'] as const)
      : (['fixed'] as const)) {
      const [a, b] = [await logits(network, original, statistics), await logits(network, turned, statistics)];
      const size = Math.max(...a.map(Math.abs));
      // Sums of up to 600 float32 products, layer after layer, in another order.
      a.forEach((value, i) => {
        expect(Math.abs(value - b[i]!)).toBeLessThan(2e-4 * size);
      });
    }
  });

  test('is put back in order exactly', () => {
    const { permutations } = matchWeights(original.parameters, turned.parameters, symmetry, 2);
    expect(bitsOf(permuted(turned.parameters, symmetry, permutations))).toEqual(bitsOf(original.parameters));
    expect(bitsOf(permuted(turned.state, symmetry, permutations))).toEqual(bitsOf(original.state));
  });
});

test('a whole MobileNetV2 has its groups', () => {
  const groups = symmetryOf(mobile)!.groups;
  // 16 expansions; the stem; 17 outputs, eleven of them tied to what goes into their block; the head.
  expect(groups.length).toBe(16 + 1 + 17 - 11 + 1);
  expect(groups.at(-1)).toEqual({ name: 'head/conv', size: 1280 });
});

describe('trained ResNets', () => {
  const root = tinyWorkspace();
  const models: Artifact[] = [];
  beforeAll(async () => {
    const settings = {
      network: { name: 'resnet', depth: 8 },
      dataset: 'tiny',
      batch: 20,
      epochs: 4,
      'learning-rate': 0.1,
    };
    for (const seed of [1, 2])
      models.push(member((await runKind(train, { ...settings, seed }, { root })).checkpoints!, '4'));
  }, 60_000);

  /** How high the straight line between two networks rises above the higher end. */
  async function barrier(model: Artifact, to: Artifact): Promise<number> {
    const { direction } = await runKind(directions, { kind: 'difference' }, { root, inputs: { model, to } });
    const { curves } = await runKind(
      evaluate,
      { points: 5, range: [0, 1], examples: 40 },
      { root, inputs: { model, x: direction! } },
    );
    const loss = decodeCurves(readFileSync(curves!.path!, 'utf8')).series[0]!.metrics.loss!;
    return Math.max(...loss) - Math.max(loss[0]!, loss.at(-1)!);
  }

  test('are nearer to each other when matched, with no higher barrier between, statistics and optimiser in order', async () => {
    const [model, to] = models as [Artifact, Artifact];
    const outputs = await runKind(match, {}, { root, inputs: { model, to } });
    const [before, after] = [
      await readCheckpoint(to.path!, 'it'),
      await readCheckpoint(outputs.checkpoint!.path!, 'it'),
    ];
    const { distance } = JSON.parse(readFileSync(outputs.matching!.path!, 'utf8'));
    expect(distance.after).toBeLessThan(distance.before);
    const [high, low] = [await barrier(model, to), await barrier(model, outputs.checkpoint!)];
    // Four epochs at a high rate: 0.019 before. The line between the matched ones does not rise.
    expect(high).toBeGreaterThan(0.005);
    expect(low).toBeLessThan(0.1 * high);
    const sorted = (vector: ParameterVector) => vector.map(({ values }) => [...values].sort((a, b) => a - b));
    expect(sorted(after.state)).toEqual(sorted(before.state));
    expect(after.state).not.toEqual(before.state);
    expect(Object.keys(after.optimiser!.slots)).toEqual(Object.keys(before.optimiser!.slots));
    for (const [slot, vector] of Object.entries(after.optimiser!.slots)) {
      expect(sorted(vector)).toEqual(sorted(before.optimiser!.slots[slot]!));
      expect(vector).not.toEqual(before.optimiser!.slots[slot]!);
    }
  }, 60_000);

  test('one that was shuffled comes back, and the barrier to it is gone', async () => {
    const [model] = models as [Artifact];
    const checkpoint = await readCheckpoint(model.path!, 'it');
    const symmetry = symmetryOf(checkpoint.network)!;
    const orders = shuffles(symmetry);
    const path = `${model.path!}.shuffled.safetensors`;
    const turned = (vector: ParameterVector) => permuted(vector, symmetry, orders);
    writeFileSync(
      path,
      encodeCheckpoint({
        ...checkpoint,
        parameters: turned(checkpoint.parameters),
        state: turned(checkpoint.state),
      }),
    );
    const shuffled = { ...model, path, digest: `${model.digest} shuffled` as typeof model.digest };
    const outputs = await runKind(match, { seed: 3 }, { root, inputs: { model, to: shuffled } });
    const found = await readCheckpoint(outputs.checkpoint!.path!, 'it');
    expect(bitsOf(found.parameters)).toEqual(bitsOf(checkpoint.parameters));
    expect(bitsOf(found.state)).toEqual(bitsOf(checkpoint.state));
    expect(await barrier(model, shuffled)).toBeGreaterThan(0.005);
    // A direction of zeros: every point is the model.
    expect(Math.abs(await barrier(model, outputs.checkpoint!))).toBeLessThan(1e-6);
  }, 60_000);
});
