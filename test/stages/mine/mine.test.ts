import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { readDirection } from '../../../src/network/direction.ts';
import { norm } from '../../../src/network/tensors.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import mine, { facts } from '../../../stages/mine/stage.ts';
import train from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let model: Artifact;
let other: Artifact;
beforeAll(async () => {
  const settings = {
    network: { name: 'mlp', widths: [8] },
    dataset: 'tiny',
    batch: 16,
    epochs: 2,
    keep: [0, 2],
  };
  model = member((await runKind(train, { ...settings, seed: 1 }, { root })).checkpoints!, '2');
  other = member((await runKind(train, { ...settings, seed: 2 }, { root })).checkpoints!, '0');
});

const peak = { kind: 'w-peak', epochs: 4, seed: 5, batch: 16 };
const basin = { kind: 'vvv-basin', epochs: 4, seed: 5, batch: 16, 'start-seed': 7, 'learning-rate': 0.01 };
const digests = (outputs: Record<string, Artifact>): string[] => [
  ...outputs.direction!.members.map(({ digest }) => digest),
  readFileSync(outputs.history!.path!, 'utf8'),
];
const rows = (outputs: Record<string, Artifact>): Record<string, number>[] =>
  JSON.parse(readFileSync(outputs.history!.path!, 'utf8'));

test('a mined w-peak is a direction along which the model is higher than both sides', async () => {
  const before = tf.memory().numTensors;
  const outputs = await runKind(
    mine,
    { ...peak, epochs: 12, 'learning-rate': 0.2 },
    { root, inputs: { model } },
  );
  expect(tf.memory().numTensors).toBe(before);
  const history = rows(outputs);
  expect(history).toHaveLength(12);
  expect(history.at(-1)!.gradients).toBe(12 * 4);
  const { parameters: theta } = await readCheckpoint(model.path!, 'model');
  const { vector, kind, target } = await readDirection(outputs.direction!.path!, 'it', theta);
  expect([kind, target]).toEqual(['w-peak', null]);
  expect(norm(vector)).toBe(history.at(-1)!.norm);
  const x = outputs.direction!;
  const { curves } = await runKind(evaluate, { points: 5 }, { root, inputs: { model, x } });
  const { loss } = decodeCurves(readFileSync(curves!.path!, 'utf8')).series[0]!.metrics;
  expect(Math.min(loss![1]!, loss![3]!)).toBeLessThan(loss![2]!);
  expect(await facts(outputs)).toMatchObject({ epoch: 12, gradients: 48, norm: norm(vector) });
});

test('a mined vvv-basin ends in another basin, which is marked', async () => {
  const outputs = await runKind(mine, { ...basin, epochs: 10 }, { root, inputs: { model } });
  const history = rows(outputs);
  expect(history.at(-1)!.loss!).toBeLessThan(0.5 * history[0]!.loss!);
  expect(history.at(-1)!.gradients).toBe(10 * 4 * 2);
  const { curves } = await runKind(
    evaluate,
    { points: 4, range: [-1, 2] },
    { root, inputs: { model, x: outputs.direction! } },
  );
  const { axes } = decodeCurves(readFileSync(curves!.path!, 'utf8'));
  expect(axes[0]!.marks).toContainEqual({ at: 1, role: 'target', label: 'φ' });
});

describe('an interrupted mining goes on to the same bits', () => {
  test.each([
    ['w-peak', peak],
    ['w-peak with momentum', { ...peak, momentum: 0.5, schedule: 'cosine' }],
    ['vvv-basin', { ...basin, alpha: 0.1, gamma: 0.5 }],
  ])('%s', async (_, settings) => {
    const keep = [1, 2, 3, 4];
    const whole = await runKind(mine, { ...settings, keep }, { root, inputs: { model } });
    const memo = new MemoryMemo();
    const stop = new AbortController();
    let epochs = 0;
    const options = { root, inputs: { model }, memo };
    await expect(
      runKind(
        mine,
        { ...settings, keep },
        {
          ...options,
          signal: stop.signal,
          progress: () => {
            if (++epochs === 2) stop.abort();
          },
        },
      ),
    ).rejects.toThrow();
    expect(memo.items.size).toBe(2);
    epochs = 0;
    const resumed = await runKind(mine, { ...settings, keep }, { ...options, progress: () => epochs++ });
    expect(epochs).toBe(2);
    expect(digests(resumed)).toEqual(digests(whole));
    // Everything is stored now: the last epoch alone is the folder's last member.
    epochs = 0;
    const single = await runKind(mine, settings, { ...options, progress: () => epochs++ });
    expect(epochs).toBe(0);
    expect(single.direction!.members[0]!.digest).toBe(whole.direction!.members[3]!.digest);
  });

  test('more epochs of a vvv-basin continue; those of a w-peak, whose λ reach depends on them, do not', async () => {
    for (const [settings, expected] of [
      [basin, 2],
      [peak, 6],
    ] as const) {
      const memo = new MemoryMemo();
      let epochs = 0;
      const options = { root, inputs: { model }, memo, progress: () => epochs++ };
      await runKind(mine, settings, options);
      epochs = 0;
      await runKind(mine, { ...settings, epochs: 6 }, options);
      expect(epochs).toBe(expected);
    }
  });
});

test('the seed decides, and nothing else does', async () => {
  const of = async (settings: Record<string, unknown>, inputs: Record<string, Artifact> = {}) =>
    (await runKind(mine, settings, { root, inputs: { model, ...inputs } })).direction!.members[0]!.digest;
  const first = await of(peak);
  expect(await of(peak)).toBe(first);
  expect(await of({ ...peak, seed: 6 })).not.toBe(first);
  const { 'start-seed': _, ...unstarted } = basin;
  expect(await of(unstarted, { start: other })).not.toBe(await of(basin));
});

test('what cannot be mined is refused', async () => {
  const refused = (settings: Record<string, unknown>) =>
    expect(runKind(mine, settings, { root, inputs: { model } })).rejects;
  const { 'start-seed': _, ...unstarted } = basin;
  await refused(unstarted).toThrow('needs a place where φ starts');
  await refused({ ...peak, 'start-seed': 3 }).toThrow('/start-seed');
  await refused({ ...peak, keep: [5] }).toThrow('/keep: epoch 5 comes after the last, 4');
  const before = tf.memory().numTensors;
  await refused({ ...basin, 'learning-rate': 1000 }).toThrow('diverged in epoch');
  expect(tf.memory().numTensors).toBe(before);
});
