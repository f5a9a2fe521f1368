import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { normalisedBy } from '../../../src/network/batch-norm.ts';
import { readDirection } from '../../../src/network/direction.ts';
import { inOrder } from '../../../src/network/examples.ts';
import { inputTensor, lossAndGradient, targetTensor, toTensors } from '../../../src/network/loss.ts';
import type { BatchNormMode } from '../../../src/network/network.ts';
import { dot, type ParameterVector } from '../../../src/network/tensors.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import mine from '../../../stages/mine/stage.ts';
import { batchNormModel, foreignState, batchNormNetwork as network } from '../../support/batch-norm-model.ts';
import { startTestEngine } from '../../support/engine.ts';
import { runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const theta = network.initialise('pytorch', 1);
let model: Artifact;
beforeAll(async () => {
  await startTestEngine();
  model = await batchNormModel(root, 1);
});
/** One step over all images: what is mined is known in closed form. */
const single = { epochs: 1, seed: 5, batch: 60, 'learning-rate': 0.1 };

async function gradientAt(
  parameters: ParameterVector,
  statistics: 'batch' | 'keep',
): Promise<ParameterVector> {
  const { train: examples } = await loadDataset('tiny', root);
  const tensors = toTensors(foreignState);
  const mode: BatchNormMode = statistics === 'batch' ? { statistics } : { statistics: 'fixed', tensors };
  const at = toTensors(parameters);
  const inputs = inputTensor(examples, inOrder(examples.count));
  const targets = targetTensor(examples, inOrder(examples.count));
  const { loss, gradient } = lossAndGradient(normalisedBy(network, mode), at, inputs, targets);
  const result = await Promise.all(
    gradient.map(async (g, t) => ({ ...parameters[t]!, values: ((await g.data()) as Float32Array).slice() })),
  );
  tf.dispose([tensors, at, inputs, targets, loss, gradient]);
  return result;
}
const cosine = (a: ParameterVector, b: ParameterVector): number =>
  dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

test.each(['batch', 'keep'] as const)(
  'with batch norm (%s) the first step of a w-peak is along the gradient of that mode, by differences as well',
  async (statistics) => {
    const before = tf.memory().numTensors;
    const { direction } = await runKind(
      mine,
      { kind: 'w-peak', ...single, statistics },
      { root, inputs: { model } },
    );
    expect(tf.memory().numTensors).toBe(before);
    const { vector } = await readDirection(direction!.path!, 'it', theta);
    const [own, other] = [
      await gradientAt(theta, statistics),
      await gradientAt(theta, statistics === 'batch' ? 'keep' : 'batch'),
    ];
    // ε = -ηλ∇L(θ), float32; the other mode's gradient is another one.
    expect(Math.abs(cosine(vector, own))).toBeGreaterThan(1 - 1e-6);
    expect(Math.abs(cosine(vector, other))).toBeLessThan(0.99);
    // The loss of that mode, measured by another kind: all images as one batch, or the checkpoint's statistics.
    const scale = 0.02 / Math.sqrt(dot(vector, vector));
    const settings =
      statistics === 'keep' ? { statistics } : { recalibration: { average: 'full-batch', examples: 60 } };
    const { curves } = await runKind(
      evaluate,
      { points: 3, scale, ...settings },
      { root, inputs: { model, x: direction! } },
    );
    const [low, , high] = decodeCurves(readFileSync(curves!.path!, 'utf8')).series[0]!.metrics.loss!;
    // Central differences at h = 0.02: h² times a third derivative; float32 losses 1e-7/h; the unbiased variance of 60
    // images is 1/900 larger than the batch's own after the second layer (16 pixels an image).
    const slope = scale * dot(own, vector);
    expect(Math.abs((high! - low!) / 2 - slope)).toBeLessThan(0.01 * Math.abs(slope));
  },
);

test.each(['batch', 'keep'] as const)(
  'with batch norm (%s) the first step of a vvv-basin is that of training from its start',
  async (statistics) => {
    const params = { kind: 'vvv-basin', ...single, 'start-seed': 7, gamma: 0, statistics };
    const { direction } = await runKind(mine, params, { root, inputs: { model } });
    const { vector, target } = await readDirection(direction!.path!, 'it', theta);
    expect(target).toEqual({ at: 1, label: 'φ' });
    const start = network.initialise('pytorch', 7);
    const gradient = await gradientAt(start, statistics);
    for (const [t, { values }] of vector.entries())
      for (const [i, value] of values.entries()) {
        const expected = start[t]!.values[i]! - 0.1 * gradient[t]!.values[i]! - theta[t]!.values[i]!;
        expect(Math.abs(value - expected)).toBeLessThan(2e-6);
      }
  },
);
