import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { type Curves, decodeCurves } from '../../../src/landscape/curves.ts';
import { normalisedBy } from '../../../src/network/batch-norm.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { inOrder } from '../../../src/network/examples.ts';
import { evaluationMode, inputTensor, toTensors } from '../../../src/network/loss.ts';
import { recalibrated } from '../../../src/network/recalibrate.ts';
import directions from '../../../stages/directions/stage.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import train from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const settings = {
  network: { name: 'resnet', depth: 8, shortcut: 'B' },
  dataset: 'tiny',
  batch: 20,
  seed: 1,
  init: 'he',
  'learning-rate': 0.05,
};
let trained: Record<string, Artifact>;
let model: Artifact;
let x: Artifact;

beforeAll(async () => {
  trained = await runKind(train, { ...settings, epochs: 2, keep: [0, 2] }, { root });
  model = member(trained.checkpoints!, '2');
  const made = await runKind(
    directions,
    { kind: 'gaussian', seed: 3, scaling: 'filter' },
    { root, inputs: { model } },
  );
  x = made.direction!;
});

async function evaluated(
  params: Record<string, unknown>,
  memo = new MemoryMemo(),
): Promise<{ curves: Curves; computed: number }> {
  const before = memo.computed;
  const given = { points: 3, range: [-0.2, 0.2], ...params };
  const { curves } = await runKind(evaluate, given, { root, memo, inputs: { model, x } });
  return { curves: decodeCurves(readFileSync(curves!.path!, 'utf8')), computed: memo.computed - before };
}

describe('a network with batch norm', () => {
  test('learns, goes on from its stored state bit for bit, and leaves no tensor behind', async () => {
    const history = JSON.parse(readFileSync(trained.history!.path!, 'utf8')) as Record<string, number>[];
    expect(history[2]!['batch-loss']).toBeLessThan(history[1]!['batch-loss']!);
    const before = tf.memory().numTensors;
    const memo = new MemoryMemo();
    await runKind(train, { ...settings, epochs: 1 }, { root, memo });
    const continued = await runKind(train, { ...settings, epochs: 2 }, { root, memo });
    expect(tf.memory().numTensors).toBe(before);
    expect(readFileSync(continued.checkpoints!.members[0]!.path)).toEqual(readFileSync(model.path!));
  });

  test('moves its running statistics while it trains', async () => {
    const [start, end] = await Promise.all(
      trained.checkpoints!.members.map(({ path }) => readCheckpoint(path, 'it')),
    );
    expect(start!.state.map(({ values }) => values[0])).toEqual(start!.state.map((_, s) => s % 2));
    for (const [s, { values }] of end!.state.entries()) expect(values[0]).not.toBe(s % 2);
  });

  test('has its own loss at λ = 0 where the statistics are kept', async () => {
    const history = JSON.parse(readFileSync(trained.history!.path!, 'utf8')) as Record<string, number>[];
    const { curves } = await evaluated({ statistics: 'keep' });
    expect(curves.series[0]!.metrics.loss![1]).toBe(history[2]!['train-loss']);
    expect(curves.subject.network).toBe('ResNet-8');
  });

  test('is recalibrated at every point unless they are kept, and points of either sort are never mixed up', async () => {
    const memo = new MemoryMemo();
    const kept = await evaluated({ statistics: 'keep' }, memo);
    const fresh = await evaluated({}, memo);
    expect([kept.computed, fresh.computed]).toEqual([3, 3]);
    expect(kept.curves.subject.statistics).toBe('kept');
    expect(fresh.curves.subject).toMatchObject({
      statistics: 'recalibrated',
      recalibration: { average: 'cumulative', examples: 60, batch: 128 },
    });
    expect(fresh.curves.series[0]!.metrics.loss).not.toEqual(kept.curves.series[0]!.metrics.loss);
    expect((await evaluated({ statistics: 'recalibrate' }, memo)).computed).toBe(0);
    const same = { recalibration: { average: 'cumulative', examples: 60, batch: 128 } };
    expect((await evaluated(same, memo)).computed).toBe(0);
    for (const recalibration of [
      { average: 'ema' },
      { examples: 40 },
      { batch: 30 },
      { average: 'full-batch' },
    ])
      expect((await evaluated({ recalibration }, memo)).computed).toBe(3);
    await expect(evaluated({ recalibration: { examples: 61 } })).rejects.toThrow(/61 examples/);
    await expect(evaluated({ statistics: 'keep', recalibration: {} })).rejects.toThrow(/kept/);
  });

  test('statistics of one batch, folded into the kernels, give what the batch itself is normalised to', async () => {
    const { architecture, parameters } = await readCheckpoint(model.path!, 'it');
    const examples = { ...(await loadDataset('tiny', root)).train, count: 12 };
    const before = tf.memory().numTensors;
    const full = await recalibrated(architecture, parameters, examples, 'full-batch', 5);
    const ema = await recalibrated(architecture, parameters, examples, 'ema', 12);
    const cumulative = await recalibrated(architecture, parameters, examples, 'cumulative', 12);
    expect(tf.memory().numTensors).toBe(before);
    expect(cumulative).toEqual(full);
    ema.forEach(({ values }, s) => {
      values.forEach((value, c) => {
        expect(value).toBeCloseTo(0.9 * (s % 2) + 0.1 * full[s]!.values[c]!, 6);
      });
    });
    // The running variance is the unbiased one; the batch is normalised by the biased one.
    const counts = [1024, 1024, 1024, 256, 256, 256, 64, 64, 64].map((pixels) => 12 * pixels);
    const biased = full.map((tensor, s) => {
      const n = counts[s >> 1]!;
      return s % 2 === 0 ? tensor : { ...tensor, values: tensor.values.map((v) => (v * (n - 1)) / n) };
    });
    const [theta, inputs] = [toTensors(parameters), inputTensor(examples, inOrder(12))];
    const fixed = evaluationMode(architecture, biased);
    const training = normalisedBy(architecture, { statistics: 'batch' });
    const [a, b] = [fixed.network, training].map((network) =>
      tf.tidy(() => network.forward(tf, theta, inputs)),
    ) as [tf.Tensor, tf.Tensor];
    const [folded, plain] = [await a.data(), await b.data()];
    fixed.dispose();
    tf.dispose([a, b, inputs, ...theta]);
    expect(folded).toHaveLength(36);
    folded.forEach((value, i) => {
      expect(Math.abs(value - plain[i]!)).toBeLessThan(2e-5);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('has a gradient, in evaluation mode, that is that of its loss', async () => {
    const inputs = { model };
    const made = await runKind(directions, { kind: 'negative-gradient' }, { root, inputs });
    const { curves } = await runKind(
      evaluate,
      { points: 3, range: [-0.001, 0.001], statistics: 'keep' },
      { root, inputs: { model, x: made.direction! } },
    );
    const { loss } = decodeCurves(readFileSync(curves!.path!, 'utf8')).series[0]!.metrics;
    const { parameters } = await readCheckpoint(model.path!, 'it');
    const { readDirection } = await import('../../../src/network/direction.ts');
    const { vector } = await readDirection(made.direction!.path!, 'it', parameters);
    const square = vector.reduce((sum, t) => sum + t.values.reduce((s, v) => s + v * v, 0), 0);
    expect((loss![2]! - loss![0]!) / 0.002 / -square).toBeCloseTo(1, 2);
  });

  test('refuses statistics of too many images as one batch', async () => {
    const { architecture, parameters } = await readCheckpoint(model.path!, 'it');
    const { train: images } = await loadDataset('tiny', root);
    const many = { ...images, count: 2049 };
    await expect(recalibrated(architecture, parameters, many, 'full-batch', 1)).rejects.toThrow(/full-batch/);
  });
});
