import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { LossMeter } from '../../../src/network/loss.ts';
import { recalibrated } from '../../../src/network/recalibrate.ts';
import { mapVector, type ParameterVector } from '../../../src/network/tensors.ts';
import connect from '../../../stages/connect/stage.ts';
import { batchNormModel, foreignState, batchNormNetwork as network } from '../../support/batch-norm-model.ts';
import { startTestEngine } from '../../support/engine.ts';
import { runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const ends: Artifact[] = [];
beforeAll(async () => {
  await startTestEngine();
  for (const seed of [1, 2]) ends.push(await batchNormModel(root, seed));
});

test('with batch norm a curve is trained with batches’ statistics and measured with recalibrated ones', async () => {
  const [model, to] = ends as [Artifact, Artifact];
  const before = tf.memory().numTensors;
  const settings = { epochs: 8, seed: 4, batch: 20, 'learning-rate': 0.2, points: 5 };
  const outputs = await runKind(connect, settings, { root, inputs: { model, to } });
  expect(tf.memory().numTensors).toBe(before);
  const { series, subject } = decodeCurves(readFileSync(outputs.curves!.path!, 'utf8'));
  expect(subject).toMatchObject({ statistics: 'recalibrated', recalibration: { examples: 60 } });

  const { train: examples } = await loadDataset('tiny', root);
  const { parameters: bend, state, optimiser } = await readCheckpoint(outputs.bends!.members[0]!.path, 'it');
  const [w1, w2] = [network.initialise('pytorch', 1), network.initialise('pytorch', 2)];
  const meter = new LossMeter(network, examples, 60);
  const stateAt = (theta: ParameterVector) => recalibrated(network, theta, examples, 'cumulative', 128);
  // φ(t) = (1-t)²w₁ + 2t(1-t)b + t²w₂ and the straight line, each with the statistics of its own pass.
  for (const [i, t] of [0, 0.25, 0.5, 0.75, 1].entries())
    for (const [s, [c1, cb, c2]] of [
      [(1 - t) ** 2, 2 * t * (1 - t), t * t],
      [1 - t, 0, t],
    ].entries()) {
      const point = mapVector(
        w1,
        (p, k) => c1! * w1[p]!.values[k]! + cb! * bend[p]!.values[k]! + c2! * w2[p]!.values[k]!,
      );
      const { loss } = await meter.measure(point, await stateAt(point));
      expect(Math.abs(series[s]!.metrics.loss![i]! - loss)).toBeLessThan(1e-5);
    }
  meter.dispose();
  const [own, straight] = series.map(({ metrics }) => metrics.loss!);
  expect(own![2]).toBeLessThan(straight![2]!);
  // A bend is a checkpoint of its own: neither the statistics nor the optimiser of an end.
  expect(state).toEqual(await stateAt(bend));
  expect(state).not.toEqual(foreignState);
  expect(optimiser).toBeUndefined();
});
