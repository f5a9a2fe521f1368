import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import train, { facts } from '../../../stages/train/stage.ts';
import { MemoryMemo, runKind } from '../../support/stage-harness.ts';
import { tinyRecords, tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const settings = {
  network: { name: 'mlp', widths: [8] },
  dataset: 'tiny',
  seed: 3,
  batch: 16,
  'learning-rate': 0.01,
};

/** Runs a training and counts the epochs that were computed. */
async function trained(
  change: Record<string, unknown>,
  memo = new MemoryMemo(),
): Promise<{ outputs: Record<string, Artifact>; computed: number }> {
  let computed = 0;
  const outputs = await runKind(
    train,
    { ...settings, ...change },
    { root, memo, progress: () => computed++ },
  );
  return { outputs, computed };
}
const files = ({ outputs }: { outputs: Record<string, Artifact> }): Record<string, string> =>
  Object.fromEntries(
    outputs.checkpoints!.members.map(({ name, path }) => [name, readFileSync(path).toString('base64')]),
  );
const history = ({ outputs }: { outputs: Record<string, Artifact> }) =>
  JSON.parse(readFileSync(outputs.history!.path!, 'utf8')) as Record<string, number | null>[];

describe('training', () => {
  test('learns, and tells loss and accuracy of each epoch', async () => {
    const run = await trained({ epochs: 4, keep: [0, 4] });
    const rows = history(run);
    expect(rows.map((row) => row.epoch)).toEqual([0, 1, 2, 3, 4]);
    expect(rows[0]).toMatchObject({ 'learning-rate': null, 'batch-loss': null });
    expect(rows[4]!['train-loss']!).toBeLessThan(0.5 * rows[0]!['train-loss']!);
    expect(Object.keys(files(run))).toEqual(['0', '4']);
    expect(await facts(run.outputs)).toEqual({
      epochs: 4,
      'train-loss': rows[4]!['train-loss'],
      'train-accuracy': rows[4]!['train-accuracy'],
      'test-loss': rows[4]!['test-loss'],
      'test-accuracy': rows[4]!['test-accuracy'],
    });
    const checkpoint = await readCheckpoint(run.outputs.checkpoints!.members[1]!.path, 'it');
    expect(checkpoint).toMatchObject({
      epoch: 4,
      seed: 3,
      dataset: { name: 'tiny' },
      network: { widths: [8], classes: 3 },
    });
  });

  test('has the same bytes again, and others for another seed', async () => {
    const first = files(await trained({ epochs: 2 }));
    expect(files(await trained({ epochs: 2 }))).toEqual(first);
    expect(files(await trained({ epochs: 2, seed: 4 }))).not.toEqual(first);
    expect(files(await trained({ epochs: 2, shuffle: false }))).not.toEqual(first);
  });

  test('has the same bytes on every machine: the wasm engine promises it', async () => {
    const { outputs } = await trained({ epochs: 2, keep: [0, 2, 2] });
    expect(outputs.checkpoints!.members.map(({ name, digest }) => [name, digest])).toEqual([
      ['0', '7b0eff470e00f82061eb33d86be883648e46f661ef063b57ede3ab41e110ca9b'],
      ['2', '4fef5a47cc43e0269e7ed5f5c3ff6875e82cb650311721e800524819e50d694c'],
    ]);
  });

  test.each([{ momentum: 0.9 }, { momentum: 0 }, { nesterov: true }, { schedule: 'cosine' }])(
    'interrupted and resumed it equals an undisturbed run, bit for bit: %o',
    async (change) => {
      const keep = [1, 2, 5];
      const whole = await trained({ ...change, epochs: 5, keep });
      const memo = new MemoryMemo();
      const abort = new AbortController();
      let epochs = 0;
      const interrupted = runKind(
        train,
        { ...settings, ...change, epochs: 5, keep },
        {
          root,
          memo,
          signal: abort.signal,
          progress: () => ++epochs === 3 && abort.abort(),
        },
      );
      await expect(interrupted).rejects.toThrow();
      const resumed = await trained({ ...change, epochs: 5, keep }, memo);
      expect(resumed.computed).toBe(3);
      expect(files(resumed)).toEqual(files(whole));
      expect(history(resumed)).toEqual(history(whole));
    },
  );

  test('goes on from what is stored when the epochs grow, and only for a constant schedule', async () => {
    const memo = new MemoryMemo();
    await trained({ epochs: 3 }, memo);
    const grown = await trained({ epochs: 5, keep: [3, 5] }, memo);
    expect(grown.computed).toBe(2);
    expect(files(grown)).toEqual(files(await trained({ epochs: 5, keep: [3, 5] })));
    expect(history(grown)).toHaveLength(6);
    await trained({ epochs: 2, schedule: 'cosine' }, memo);
    expect((await trained({ epochs: 3, schedule: 'cosine' }, memo)).computed).toBe(3);
  });

  test('a checkpoint that was not kept before is trained again from the newest state before it', async () => {
    const memo = new MemoryMemo();
    await trained({ epochs: 6, keep: [2, 6] }, memo);
    const more = await trained({ epochs: 6, keep: [3, 6] }, memo);
    expect(more.computed).toBe(1);
    expect(files(more)).toEqual(files(await trained({ epochs: 6, keep: [3, 6] })));
    expect((await trained({ epochs: 6, keep: [6] }, memo)).computed).toBe(0);
    expect(files(await trained({ epochs: 6, keep: [0, 2] }, memo))).toEqual(
      files(await trained({ epochs: 6, keep: [0, 2] })),
    );
  });

  test('states of another trajectory are not taken', async () => {
    const memo = new MemoryMemo();
    await trained({ epochs: 2 }, memo);
    for (const change of [
      { seed: 4 },
      { init: 'he' },
      { batch: 15 },
      { 'learning-rate': 0.02 },
      { momentum: 0.8 },
      { 'weight-decay': 0 },
      { nesterov: true },
      { shuffle: false },
      { network: { name: 'mlp', widths: [9] } },
    ])
      expect((await trained({ epochs: 2, ...change }, memo)).computed, JSON.stringify(change)).toBe(2);
    const before = readFileSync(join(root, 'data/tiny/train.bin'));
    writeFileSync(join(root, 'data/tiny/train.bin'), tinyRecords('others', 60));
    expect((await trained({ epochs: 2 }, memo)).computed).toBe(2);
    writeFileSync(join(root, 'data/tiny/train.bin'), before);
    expect((await trained({ epochs: 2 }, memo)).computed).toBe(0);
  });

  test('a loss that diverges is recorded as not finite, not hidden', async () => {
    const run = await trained({ epochs: 3, 'learning-rate': 1000 });
    const last = history(run).at(-1)!;
    expect(last['train-loss'] === null || last['train-loss']! > 100).toBe(true);
  });

  test('leaves no tensor behind', async () => {
    await trained({ epochs: 1 });
    const before = tf.memory().numTensors;
    await trained({ epochs: 2, nesterov: true });
    await expect(trained({ epochs: 1, dataset: 'cifar100' })).rejects.toThrow(/no data set/);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('parameters that contradict each other are refused before anything runs', async () => {
    await expect(trained({ epochs: 2, keep: [1, 3] })).rejects.toThrow(
      '/keep: epoch 3 comes after the last, 2',
    );
    await expect(trained({ epochs: 2, nesterov: true, momentum: 0 })).rejects.toThrow('/nesterov');
    await expect(trained({ epochs: -1 })).rejects.toThrow();
  });
});
