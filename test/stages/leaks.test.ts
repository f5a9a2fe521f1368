import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import type { Artifact } from '../../src/kind/artifact.ts';
import type { StageKind } from '../../src/kind/stage-kind.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import angles from '../../stages/angles/stage.ts';
import connect from '../../stages/connect/stage.ts';
import directions from '../../stages/directions/stage.ts';
import eigenpairs from '../../stages/eigenpairs/stage.ts';
import evaluate from '../../stages/evaluate/stage.ts';
import mine from '../../stages/mine/stage.ts';
import quadratic from '../../stages/quadratic/stage.ts';
import spectrum from '../../stages/spectrum/stage.ts';
import train from '../../stages/train/stage.ts';
import { batchNormModel } from '../support/batch-norm-model.ts';
import { member, runKind } from '../support/stage-harness.ts';
import { tinyWorkspace } from '../support/tiny-dataset.ts';

/**
 * A worker process runs one stage after the other: what a stage leaves on the device is lost to all that follow. Every
 * kind that computes tensors runs here in each of its ways, on a perceptron and on a network with batch norm, whose code
 * differs in all of them.
 */
const root = tinyWorkspace();
const models: Record<string, { model: Artifact; to: Artifact }> = {};
const training = { dataset: 'tiny', batch: 16, epochs: 1, seed: 1 };
const perceptron = { ...training, network: { name: 'mlp', widths: [6] } };
const residual = { ...training, network: { name: 'resnet', depth: 8 }, batch: 30 };
const few = { examples: 12, batch: 6 };

beforeAll(async () => {
  const trained = async (seed: number): Promise<Artifact> =>
    member((await runKind(train, { ...perceptron, seed }, { root })).checkpoints!, '1');
  models.perceptron = { model: await trained(1), to: await trained(2) };
  models['batch norm'] = { model: await batchNormModel(root, 1), to: await batchNormModel(root, 2) };
});

interface Case {
  // biome-ignore lint/suspicious/noExplicitAny: kinds of different parameters in one list.
  readonly kind: StageKind<any>;
  readonly params: Record<string, unknown>;
  /** Inputs besides the model: the other one, or a direction. */
  readonly inputs?: readonly ('to' | 'x')[];
  /** Where only one of the networks has it. */
  readonly only?: string;
}
const descent = { epochs: 1, seed: 1, batch: 20 };
const cases: Record<string, Case> = {
  'directions: of a gradient': { kind: directions, params: { kind: 'negative-gradient', ...few } },
  'directions: of drawn batches': {
    kind: directions,
    params: { kind: 'negative-gradient', ...few, seed: 1, count: 2 },
  },
  'evaluate: a curve': { kind: evaluate, params: { points: 3, range: [-1, 1] }, inputs: ['x'] },
  'evaluate: statistics kept': {
    kind: evaluate,
    params: { points: 3, range: [-1, 1], statistics: 'keep' },
    inputs: ['x'],
    only: 'batch norm',
  },
  'evaluate: a point that is not finite': {
    kind: evaluate,
    params: { points: 2, range: [0, 1e38], scale: 1e38 },
    inputs: ['x'],
  },
  'eigenpairs: two micro-batches': {
    kind: eigenpairs,
    params: { largest: 1, smallest: 1, basis: 6, ...few },
  },
  spectrum: { kind: spectrum, params: { iterations: 3, points: 10, 'trace-probes': 2, ...few } },
  angles: { kind: angles, params: { samples: 2, gradients: 2, examples: 8 }, inputs: ['to'] },
  'quadratic: a curve': {
    kind: quadratic,
    params: { kind: 'curve', points: 2, range: [0, 1], ...few },
    inputs: ['x'],
  },
  'quadratic: a distribution': { kind: quadratic, params: { kind: 'distribution', samples: 3, ...few } },
  'mine: w-peak': { kind: mine, params: { ...descent, kind: 'w-peak' } },
  'mine: vvv-basin': { kind: mine, params: { ...descent, kind: 'vvv-basin', 'start-seed': 4 } },
  connect: { kind: connect, params: { ...descent, points: 3 }, inputs: ['to'] },
  'train: a perceptron by Adam, clipped, in parts': {
    kind: train,
    params: { ...perceptron, optimiser: 'adam', clip: { norm: 1 }, 'micro-batch': 8, keep: [0, 0.5, 1] },
    only: 'perceptron',
  },
  'train: a residual network with changed images': {
    kind: train,
    params: { ...residual, nesterov: true, augment: {}, loss: { name: 'cross-entropy', smoothing: 0.1 } },
    only: 'batch norm',
  },
};

describe.each(['perceptron', 'batch norm'])('no tensor is left behind, %s:', (network) => {
  test.each(Object.entries(cases).filter(([, { only }]) => only === undefined || only === network))(
    '%s',
    async (_, { kind, params, inputs = [] }) => {
      const { model, to } = models[network]!;
      const given: Record<string, Artifact> = kind === train ? {} : { model };
      if (inputs.includes('to')) given.to = to;
      if (inputs.includes('x'))
        given.x = (await runKind(directions, { kind: 'gaussian', seed: 3 }, { root, inputs: { model } }))
          .direction!;
      const before = tf.memory();
      await runKind(kind, params, { root, inputs: given });
      const after = tf.memory();
      expect(after.numTensors).toBe(before.numTensors);
      expect(after.numDataBuffers).toBe(before.numDataBuffers);
    },
  );
});

test('no kind that computes tensors is missing here', async () => {
  const folder = join(packageRoot(), 'stages');
  const computing: string[] = [];
  for (const name of readdirSync(folder)) {
    const { default: kind } = (await import(pathToFileURL(join(folder, name, 'stage.ts')).href)) as {
      default: StageKind;
    };
    if (kind.engine) computing.push(kind.summary);
  }
  expect(computing.length).toBeGreaterThan(8);
  expect(new Set(Object.values(cases).map(({ kind }) => kind.summary))).toEqual(new Set(computing));
});
