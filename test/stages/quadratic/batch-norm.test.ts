import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { readDirection } from '../../../src/network/direction.ts';
import { recalibrated } from '../../../src/network/recalibrate.ts';
import { moved } from '../../../src/network/tensors.ts';
import directions from '../../../stages/directions/stage.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import quadratic from '../../../stages/quadratic/stage.ts';
import type { ChangesTable } from '../../../stages/quadratic/table.ts';
import { batchNormModel, batchNormNetwork as network } from '../../support/batch-norm-model.ts';
import { startTestEngine } from '../../support/engine.ts';
import { runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const theta = network.initialise('pytorch', 1);
let model: Artifact;
let x: Artifact;
beforeAll(async () => {
  await startTestEngine();
  model = await batchNormModel(root, 1);
  const random = { kind: 'gaussian', seed: 3, 'one-dimensional': 'scale', scaling: 'norm' };
  x = (await runKind(directions, random, { root, inputs: { model } })).direction!;
});
const curvesOf = (outputs: Record<string, Artifact>) =>
  decodeCurves(readFileSync(outputs.curves!.path!, 'utf8'));

test.each(['keep', 'recalibrate'] as const)(
  'with batch norm (%s) slope and curvature are derivatives of the loss with the statistics of the point',
  async (statistics) => {
    const before = tf.memory().numTensors;
    const settings = { points: 3, range: [-0.3, 0.3], statistics };
    const outputs = await runKind(quadratic, { kind: 'curve', ...settings }, { root, inputs: { model, x } });
    expect(tf.memory().numTensors).toBe(before);
    const { series, axes, subject } = curvesOf(outputs);
    expect(subject.statistics).toBe(statistics === 'keep' ? 'kept' : 'recalibrated');
    const { loss, slope, curvature } = series[0]!.metrics;
    const plain = curvesOf(await runKind(evaluate, settings, { root, inputs: { model, x } }));
    const { train: examples } = await loadDataset('tiny', root);
    const { vector: direction } = await readDirection(x.path!, 'it', theta);
    for (const [i, lambda] of axes[0]!.values.entries()) {
      expect(loss![i]).toBeCloseTo(plain.series[0]!.metrics.loss![i]!, 6);
      // The same point as a checkpoint of its own, whose statistics are kept around it.
      const parameters = moved(theta, [{ direction, by: lambda }]);
      const state = await recalibrated(network, parameters, examples, 'cumulative', 128);
      const there = await batchNormModel(root, 1, {
        parameters,
        ...(statistics === 'recalibrate' ? { state } : {}),
      });
      const h = 0.02;
      const around = await runKind(
        evaluate,
        { points: 3, range: [-h, h], statistics: 'keep' },
        { root, inputs: { model: there, x } },
      );
      const [low, middle, high] = curvesOf(around).series[0]!.metrics.loss as [number, number, number];
      // Smooth: h² times a third and a fourth derivative; float32 losses 1e-7, over h and over h².
      expect(Math.abs((high - low) / (2 * h) - slope![i]!)).toBeLessThan(0.01 * Math.abs(slope![i]!) + 1e-4);
      expect(Math.abs((high + low - 2 * middle) / h ** 2 - curvature![i]!)).toBeLessThan(
        0.03 * Math.abs(curvature![i]!) + 2e-3,
      );
    }
  },
);

test('with batch norm the distribution of changes is that of the kept statistics, and says so', async () => {
  const settings = { kind: 'distribution', samples: 2, deviation: 0.1 };
  const { changes } = await runKind(quadratic, settings, { root, inputs: { model } });
  const table = JSON.parse(readFileSync(changes!.path!, 'utf8')) as ChangesTable;
  expect(table.subject.statistics).toBe('kept');
  // The same Gaussian as a direction: slope and curvature of the curve at λ = 0.
  const raw = { kind: 'gaussian', seed: 1, scaling: 'none', 'one-dimensional': 'raw', count: 2 };
  const { direction } = await runKind(directions, raw, { root, inputs: { model } });
  const outputs = await runKind(
    quadratic,
    { kind: 'curve', points: 3, scale: 0.1, statistics: 'keep' },
    { root, inputs: { model, x: direction! } },
  );
  for (const [s, { metrics }] of curvesOf(outputs).series.entries()) {
    expect(Math.abs(table.slopes[s]! / metrics.slope![1]! - 1)).toBeLessThan(1e-4);
    expect(Math.abs(table.curvatures[s]! / metrics.curvature![1]! - 1)).toBeLessThan(1e-4);
  }
});
