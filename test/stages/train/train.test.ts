import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { readSafetensors } from '../../../src/network/safetensors.ts';
import { Random } from '../../../src/util/random.ts';
import train, { facts } from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
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

  test.each([
    { momentum: 0.9, dampening: 0.5 },
    { momentum: 0 },
    { nesterov: true, augment: {}, clip: { norm: 1 } },
    { optimiser: 'adam', schedule: 'cosine' },
    { optimiser: 'adamw', augment: { crop: 2 }, 'warm-up': { length: 2 }, loss: 'hinge' },
    { schedule: 'step', 'schedule-by': 'step', milestones: [6], loss: { name: 'focal' } },
  ])('interrupted and resumed it equals an undisturbed run, bit for bit: %o', async (change) => {
    // In the middle of the third epoch too.
    const keep = [1, 2, 2.5, 5];
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
  });

  test('goes on from what is stored when the epochs grow, where the schedule does not depend on them', async () => {
    const memo = new MemoryMemo();
    await trained({ epochs: 3 }, memo);
    const grown = await trained({ epochs: 5, keep: [3, 5] }, memo);
    expect(grown.computed).toBe(2);
    expect(files(grown)).toEqual(files(await trained({ epochs: 5, keep: [3, 5] })));
    expect(history(grown)).toHaveLength(6);
    await trained({ epochs: 2, schedule: 'cosine' }, memo);
    expect((await trained({ epochs: 3, schedule: 'cosine' }, memo)).computed).toBe(3);
    // A cosine that says itself where it ends is another matter.
    const fixed = { schedule: 'cosine', horizon: 4 };
    await trained({ ...fixed, epochs: 2 }, memo);
    const later = await trained({ ...fixed, epochs: 4 }, memo);
    expect(later.computed).toBe(2);
    expect(files(later)).toEqual(files(await trained({ ...fixed, epochs: 4 })));
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
      { optimiser: 'adam' },
      { dampening: 0.1 },
      { decayed: 'weights' },
      { clip: { value: 0.01 } },
      { loss: 'mean-squared-error' },
      { loss: { name: 'cross-entropy', smoothing: 0.1 } },
      { schedule: 'step', milestones: [1] },
      { 'warm-up': { length: 1 } },
      { augment: {} },
      { 'measure-every': 2 },
      { network: { name: 'mlp', widths: [9] } },
    ])
      expect((await trained({ epochs: 2, ...change }, memo)).computed, JSON.stringify(change)).toBe(2);
    const before = readFileSync(join(root, 'data/tiny/train.bin'));
    writeFileSync(join(root, 'data/tiny/train.bin'), tinyRecords('others', 60));
    expect((await trained({ epochs: 2 }, memo)).computed).toBe(2);
    writeFileSync(join(root, 'data/tiny/train.bin'), before);
    expect((await trained({ epochs: 2 }, memo)).computed).toBe(0);
  });

  test('a loss that diverges ends the training with epoch and step; what was kept before is stored', async () => {
    const memo = new MemoryMemo();
    const change = { 'learning-rate': 1000 };
    await expect(trained({ ...change, epochs: 30, keep: [0.25, 30] }, memo)).rejects.toThrow(
      'the loss of a batch is NaN in epoch 2, at step 6',
    );
    expect(memo.items.size).toBe(1);
    const before = { ...change, epochs: 1, keep: [0.25, 1] };
    expect(files(await trained(before, memo))).toEqual(files(await trained(before)));
  });

  test('checkpoints of fractions of an epoch are the nearest step’s', async () => {
    const keep = [0, 0.1, 0.5, 0.6, 1, 1.75];
    const run = await trained({ epochs: 2, keep });
    expect(run.outputs.checkpoints!.members.map(({ name }) => name)).toEqual(keep.map(String));
    // 60 images in batches of 16 are four steps: 0.1 is step 0, 0.6 is step 2.
    const steps = [];
    for (const { path } of run.outputs.checkpoints!.members) {
      const { metadata } = await readSafetensors(path, 'it');
      steps.push([metadata.epoch, metadata.step]);
    }
    expect(steps).toEqual([
      ['0', '0'],
      ['0.1', '0'],
      ['0.5', '2'],
      ['0.6', '2'],
      ['1', '4'],
      ['1.75', '7'],
    ]);
    const parameters = async (name: string) =>
      (await readCheckpoint(member(run.outputs.checkpoints!, name).path!, name)).parameters;
    expect(await parameters('0.1')).toEqual(await parameters('0'));
    expect(await parameters('0.6')).toEqual(await parameters('0.5'));
    expect(await parameters('1')).not.toEqual(await parameters('0.5'));
    // What is kept on the way changes nothing of the way.
    const plain = await trained({ epochs: 2, keep: [2] });
    expect(files(await trained({ epochs: 2, keep: [0.3, 1.6, 2] }))['2']).toBe(files(plain)['2']);
  });

  test('a checkpoint holds what the optimiser remembers, and is read as a network all the same', async () => {
    for (const [change, slots] of [
      [{ momentum: 0 }, []],
      [{}, ['momentum']],
      [{ optimiser: 'adam' }, ['first-moment', 'second-moment']],
    ] as const) {
      const { outputs } = await trained({ ...change, epochs: 1, keep: [0, 1] });
      const [first, second] = outputs.checkpoints!.members;
      const { tensors } = await readSafetensors(second!.path, 'it');
      const names = tensors.map(({ name }) => name);
      const own = (await readCheckpoint(second!.path, 'it')).parameters.map(({ name }) => name);
      expect(names).toEqual([
        ...own,
        ...slots.flatMap((slot) => own.map((name) => `optimiser/${slot}/${name}`)),
      ]);
      expect((await readSafetensors(first!.path, 'it')).tensors).toHaveLength(own.length);
    }
  });

  test('augmentation changes the training and nothing of the order of the images', async () => {
    const orders: number[][] = [];
    const permutation = vi.spyOn(Random.prototype, 'permutation');
    const plain = await trained({ epochs: 2 });
    const changed = await trained({ epochs: 2, augment: { crop: 2 } });
    for (const { value } of permutation.mock.results) orders.push([...(value as Uint32Array)]);
    permutation.mockRestore();
    expect(orders).toHaveLength(4);
    expect(orders.slice(2)).toEqual(orders.slice(0, 2));
    expect(files(changed)).not.toEqual(files(plain));
    expect(files(await trained({ epochs: 2, augment: { crop: 2 } }))).toEqual(files(changed));
    // Nothing drawn, nothing changed.
    expect(files(await trained({ epochs: 2, augment: { crop: 0, flip: false } }))).toEqual(files(plain));
  });

  test('the history tells the learning rate of each epoch’s last step, and measures as often as asked', async () => {
    const rows = history(
      await trained({
        epochs: 3,
        schedule: 'step',
        'schedule-by': 'step',
        milestones: [4, 9],
        'measure-every': 2,
      }),
    );
    expect(rows.map((row) => row['learning-rate'])).toEqual([
      null,
      0.01,
      expect.closeTo(0.001, 12),
      expect.closeTo(1e-4, 12),
    ]);
    expect(rows.map((row) => row['train-loss'] !== null)).toEqual([true, false, true, false]);
    expect(rows.map((row) => row['batch-loss'] !== null)).toEqual([false, true, true, true]);
  });

  test('micro-batches give the same training but for rounding', async () => {
    const at = async (change: Record<string, unknown>) => {
      const { outputs } = await trained({ epochs: 2, ...change });
      return (await readCheckpoint(outputs.checkpoints!.members[0]!.path, 'it')).parameters;
    };
    const [whole, parts] = [await at({}), await at({ 'micro-batch': 5 })];
    parts.forEach(({ values }, t) => {
      values.forEach((value, i) => {
        expect(Math.abs(value - whole[t]!.values[i]!)).toBeLessThan(1e-5);
      });
    });
    await expect(
      trained({ epochs: 1, 'micro-batch': 5, network: { name: 'resnet', depth: 8 } }),
    ).rejects.toThrow(/batch norm/);
  });

  test('leaves no tensor behind', async () => {
    await trained({ epochs: 1 });
    const before = tf.memory().numTensors;
    await trained({ epochs: 2, nesterov: true, clip: { value: 1 }, 'micro-batch': 7 });
    await trained({ epochs: 1, optimiser: 'adamw', loss: 'hinge', augment: {} });
    await expect(trained({ epochs: 30, 'learning-rate': 1000 })).rejects.toThrow();
    await expect(trained({ epochs: 1, decayed: ['nothing'] })).rejects.toThrow(/fits none/);
    await expect(trained({ epochs: 1, dataset: 'cifar100' })).rejects.toThrow(/no data set/);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('parameters that contradict each other are refused before anything runs', async () => {
    await expect(trained({ epochs: 2, keep: [1, 3] })).rejects.toThrow(
      '/keep: epoch 3 comes after the last, 2',
    );
    await expect(trained({ epochs: 2, nesterov: true, momentum: 0 })).rejects.toThrow('/nesterov');
    await expect(trained({ epochs: -1 })).rejects.toThrow();
    for (const [change, message] of [
      [{ optimiser: 'adam', momentum: 0.9 }, '/momentum: momentum belongs to the optimiser sgd'],
      [{ betas: [0.9, 0.99] }, '/betas: betas belongs to the optimisers adam and adamw'],
      [{ milestones: [3] }, '/milestones: milestones belongs to the schedule step'],
      [{ schedule: 'step' }, '/schedule: the schedule step needs milestones'],
      [{ horizon: 3 }, '/horizon: horizon belongs to the schedule cosine'],
      [{ schedule: 'cosine', horizon: 1 }, '/horizon: the cosine ends at 1, before the last epoch, 2'],
      [
        { schedule: 'cosine', 'warm-up': { length: 2 } },
        "/warm-up: the warm-up of 2 leaves nothing of the cosine's 2",
      ],
      [{ nesterov: true, dampening: 0.5 }, "/nesterov: Nesterov's momentum needs a dampening of 0"],
      [
        { schedule: 'cosine', 'schedule-by': 'step', horizon: 7 },
        'the cosine ends at step 7, before the last step, 8',
      ],
    ] as const)
      await expect(trained({ epochs: 2, ...change }), message).rejects.toThrow(message);
  });
});
