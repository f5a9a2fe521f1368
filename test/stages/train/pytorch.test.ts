import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../src/dataset/dataset.ts';
import { UserError } from '../../../src/diagnostics/diagnostic.ts';
import { buildNetwork } from '../../../src/network/architectures.ts';
import type { Examples } from '../../../src/network/examples.ts';
import type { LossSpec } from '../../../src/network/objective.ts';
import type { OptimiserSpec } from '../../../src/network/optimiser.ts';
import type { ParameterVector } from '../../../src/network/tensors.ts';
import type { TrainSettings } from '../../../stages/train/settings.ts';
import { Trainer } from '../../../stages/train/trainer.ts';
import { engineWithoutLeaks } from '../../support/tensors.ts';

interface Run {
  readonly settings: { readonly lr: number; readonly momentum?: number; readonly weight_decay?: number };
  readonly 'warm-up': number | null;
  readonly 'step losses': number[];
  readonly 'final loss': number;
  readonly parameters: (number[] | number[][])[];
}
const reference = JSON.parse(readFileSync(new URL('../../oracle/training.json', import.meta.url), 'utf8'))
  .trainings as {
  inputs: number[][];
  labels: number[];
  start: (number[] | number[][])[];
  runs: Record<string, Run>;
};

const spec = { name: 'mlp', widths: [5], inputs: 6, classes: 3 } as const;
const examples: Examples = {
  count: 20,
  features: 6,
  classes: 3,
  labels: Uint8Array.from(reference.labels),
  inputs: (indices) => Float32Array.from(Array.from(indices).flatMap((n) => reference.inputs[n]!)),
};
const dataset: Dataset = {
  identity: { name: 'given', digest: '', mean: [0], deviation: [1] },
  classNames: ['a', 'b', 'c'],
  train: examples,
  test: examples,
};

/** From [out, in] to [in, out]. */
function vectorOf(tensors: readonly (number[] | number[][])[]): ParameterVector {
  return buildNetwork(spec).parameters.map(({ name, shape }, t) => {
    const own = tensors[t]!;
    const rows = own as number[][];
    const values =
      shape.length === 1 ? (own as number[]) : rows[0]!.flatMap((_, i) => rows.map((row) => row[i]!));
    return { name, shape, values: Float32Array.from(values) };
  });
}

const common = {
  seed: 1,
  batch: 7,
  microBatch: 7,
  shuffle: false,
  decayed: 'weights',
  clip: { norm: 0.5 },
  augmentation: null,
  measureEvery: 1,
} as const;
const adam = { betas: [0.9, 0.999], epsilon: 1e-8 } as const;
const kinds: Record<string, { loss: LossSpec; optimiser: OptimiserSpec }> = {
  sgd: {
    loss: { name: 'cross-entropy', smoothing: 0.1 },
    optimiser: { name: 'sgd', momentum: 0.9, dampening: 0, nesterov: false },
  },
  adam: { loss: { name: 'focal', gamma: 2 }, optimiser: { name: 'adam', ...adam } },
  adamw: { loss: { name: 'mean-squared-error' }, optimiser: { name: 'adamw', ...adam } },
};

describe('whole trainings against PyTorch in float64', () => {
  engineWithoutLeaks();

  test.each(
    Object.keys(kinds).flatMap((name) => [
      [name, 7],
      [name, 3],
    ]) as [string, number][],
  )(
    '%s, in micro-batches of %i: loss, clipping, decay, schedule and optimiser together',
    async (name, microBatch) => {
      const run = reference.runs[name]!;
      const { loss, optimiser } = kinds[name]!;
      const settings: TrainSettings = {
        ...common,
        microBatch,
        loss,
        optimiser,
        learningRate: run.settings.lr,
        weightDecay: run.settings.weight_decay ?? 0,
        schedule: {
          name: 'cosine',
          by: 'step',
          milestones: [],
          gamma: 1,
          minimum: 0,
          horizon: 9,
          warmUp: run['warm-up'] ? { length: run['warm-up'], from: 0.25 } : null,
        },
      };
      const network = { ...buildNetwork(spec), loss };
      const trainer = new Trainer(settings, network, dataset, {
        parameters: vectorOf(reference.start),
        statistics: [],
      });
      await trainer.measureBeginning();
      const { signal } = new AbortController();
      await trainer.advance(9, signal);
      const { parameters, history } = await trainer.state();
      trainer.dispose();
      // Nine steps in float32; weights of size 1.
      vectorOf(run.parameters).forEach(({ values }, t) => {
        values.forEach((value, i) => {
          expect(Math.abs(parameters[t]!.values[i]! - value)).toBeLessThan(5e-6);
        });
      });
      expect(Math.abs(history[3]!['train-loss']! - run['final loss'])).toBeLessThan(2e-6);
      expect(history[3]!['test-loss']).toBe(history[3]!['train-loss']);
      [0, 1, 2].forEach((epoch) => {
        const [a, b, c] = run['step losses'].slice(3 * epoch, 3 * epoch + 3);
        expect(Math.abs(history[epoch + 1]!['batch-loss']! - (7 * a! + 7 * b! + 6 * c!) / 20)).toBeLessThan(
          2e-6,
        );
      });
    },
  );

  test('a data set without test examples is trained on all the same', async () => {
    const { optimiser } = kinds.sgd!;
    const missing = { severity: 'error', code: 'missing-split', message: 'there are none' } as const;
    const half: Dataset = {
      ...dataset,
      get test(): Examples {
        throw new UserError(missing);
      },
    };
    const settings: TrainSettings = {
      ...common,
      loss: { name: 'cross-entropy', smoothing: 0 },
      optimiser,
      learningRate: 0.1,
      weightDecay: 0,
      schedule: {
        name: 'constant',
        by: 'epoch',
        milestones: [],
        gamma: 1,
        minimum: 0,
        horizon: 0,
        warmUp: null,
      },
    };
    const beginning = { parameters: vectorOf(reference.start), statistics: [] };
    const trainer = new Trainer(settings, buildNetwork(spec), half, beginning);
    await trainer.measureBeginning();
    await trainer.advance(3, new AbortController().signal);
    const { history } = await trainer.state();
    trainer.dispose();
    expect(history.map((row) => row['test-accuracy'])).toEqual([null, null]);
    expect(history[1]!['train-loss']!).toBeLessThan(history[0]!['train-loss']!);
  });
});
