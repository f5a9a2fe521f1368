import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { coefficients } from '../../../stages/connect/curve.ts';
import connect, { facts } from '../../../stages/connect/stage.ts';
import train from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const ends: Artifact[] = [];
beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [6] }, dataset: 'tiny', batch: 16, epochs: 3 };
  for (const seed of [1, 2])
    ends.push(member((await runKind(train, { ...settings, seed }, { root })).checkpoints!, '3'));
});
const settings = { epochs: 6, seed: 4, batch: 16, 'learning-rate': 0.02, points: 5 };

test('coefficients are those of the paper, sum to 1 and end at the ends', () => {
  const [t, s] = [0.3, 0.7];
  for (const [i, c] of coefficients('bezier', 3, t).entries())
    expect(c).toBeCloseTo([s * s, 2 * t * s, t * t][i]!, 12);
  expect(coefficients('polygon', 3, 0.25)).toEqual([0.5, 0.5, 0]);
  for (const family of ['bezier', 'polygon'] as const)
    for (const points of [2, 3, 5]) {
      for (const at of [0, 0.17, 0.5, 0.93, 1])
        expect(coefficients(family, points, at).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(coefficients(family, points, 0)[0]).toBe(1);
      expect(coefficients(family, points, 1).at(-1)).toBe(1);
    }
});

test.each([
  ['bezier', 1],
  ['polygon', 2],
])(
  'a %s with %i bends is trained below the straight line, and goes on where it was',
  async (curve, bends) => {
    const [model, to] = ends as [Artifact, Artifact];
    const before = tf.memory().numTensors;
    const memo = new MemoryMemo();
    const run = (more = {}) =>
      runKind(connect, { ...settings, curve, bends, ...more }, { root, inputs: { model, to }, memo });
    const outputs = await run();
    expect(tf.memory().numTensors).toBe(before);
    const { series, axes } = decodeCurves(readFileSync(outputs.curves!.path!, 'utf8'));
    expect(axes[0]!.values).toEqual([0, 0.25, 0.5, 0.75, 1]);
    const [own, straight] = series.map(({ metrics }) => metrics.loss!);
    expect([own![0], own![4]]).toEqual([straight![0], straight![4]]);
    const mean = (list: readonly number[]) => list.slice(1, 4).reduce((a, b) => a + b, 0) / 3;
    expect(mean(own!)).toBeLessThan(mean(straight!));
    const told = await facts(outputs);
    expect(told.barrier).toBe(Math.max(...own!) - Math.max(own![0]!, own![4]!));
    const first = await readCheckpoint(outputs.bends!.members[0]!.path, 'it');
    expect([outputs.bends!.members.length, first.epoch]).toEqual([bends, 6]);
    // Other points of the same curve need no training.
    const stored = memo.items.size;
    const finer = await run({ points: 9 });
    expect(memo.items.size - stored).toBe(8);
    expect(finer.bends!.digest).toBe(outputs.bends!.digest);
  },
);
