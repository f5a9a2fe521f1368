import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { type Curves, decodeCurves } from '../../../src/landscape/curves.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { encodeDirection, readDirection } from '../../../src/network/direction.ts';
import { mapVector, moved, norm } from '../../../src/network/tensors.ts';
import { type Digest, digestOf } from '../../../src/util/digest.ts';
import directions from '../../../stages/directions/stage.ts';
import { linspace, movesTo, orderOfWork } from '../../../stages/evaluate/grid.ts';
import evaluate, { facts } from '../../../stages/evaluate/stage.ts';
import train from '../../../stages/train/stage.ts';
import { testEngine } from '../../support/engine.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let model: Artifact;
let random: Artifact;
let towards: Artifact;
let later: Artifact;
let history: Record<string, number>[];

beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', batch: 16, epochs: 2, seed: 1 };
  const trained = await runKind(train, { ...settings, keep: [0, 2] }, { root });
  history = JSON.parse(readFileSync(trained.history!.path!, 'utf8'));
  model = member(trained.checkpoints!, '0');
  const to = member(trained.checkpoints!, '2');
  later = to;
  random = (await runKind(directions, { kind: 'gaussian', seed: 1, count: 3 }, { root, inputs: { model } }))
    .direction!;
  towards = (await runKind(directions, { kind: 'difference' }, { root, inputs: { model, to } })).direction!;
});

async function evaluated(
  params: Record<string, unknown>,
  inputs: Record<string, Artifact>,
  memo = new MemoryMemo(),
): Promise<{ curves: Curves; computed: number; output: Artifact }> {
  const before = memo.computed;
  const { curves: output } = await runKind(evaluate, params, { root, memo, inputs: { model, ...inputs } });
  const curves = decodeCurves(readFileSync(output!.path!, 'utf8'));
  return { curves, computed: memo.computed - before, output: output! };
}

describe('curves', () => {
  test('pass through the two checkpoints’ own losses at λ = 0 and 1', async () => {
    const { curves } = await evaluated({ points: 31, range: [-1, 2] }, { x: towards });
    const [axis] = curves.axes;
    expect([axis!.values[0], axis!.values[10], axis!.values[20], axis!.values[30]]).toEqual([-1, 0, 1, 2]);
    expect(axis!.marks).toEqual([
      { at: 0, role: 'model', label: 'epoch 0' },
      { at: 1, role: 'target', label: 'epoch 2' },
    ]);
    const { loss, accuracy } = curves.series[0]!.metrics;
    // Computed by the same network in another order: float32's rounding apart.
    expect(loss![10]! / history[0]!['train-loss']!).toBeCloseTo(1, 6);
    expect(accuracy![10]).toBe(history[0]!['train-accuracy']);
    // The target is θ + (θ' - θ), each rounded to float32.
    expect(loss![20]! / history[2]!['train-loss']!).toBeCloseTo(1, 5);
    expect(curves).toMatchObject({
      classes: 3,
      subject: {
        network: '3072-8-3',
        dataset: 'tiny',
        split: 'train',
        examples: 60,
        epoch: 0,
        engine: testEngine().name,
      },
    });
    expect(curves.series[0]).toMatchObject({ name: 'difference', direction: 'difference' });
  });

  test('use the split and the number of images asked for', async () => {
    const at0 = async (params: object): Promise<number> =>
      (await evaluated({ points: 3, ...params }, { x: towards })).curves.series[0]!.metrics.loss![1]!;
    expect((await at0({ split: 'test' })) / history[0]!['test-loss']!).toBeCloseTo(1, 6);
    expect(await at0({ examples: 10 })).not.toBe(history[0]!['train-loss']);
    expect((await at0({ batch: 7 })) / history[0]!['train-loss']!).toBeCloseTo(1, 6);
    await expect(at0({ examples: 61 })).rejects.toThrow('the train split of tiny has 60');
    await expect(at0({ dataset: 'cifar10-mini' })).rejects.toThrow('tells 3 classes apart');
  });

  test('of a folder are one series each, and have facts', async () => {
    const { curves, output } = await evaluated({ points: 9 }, { x: random });
    expect(curves.series.map(({ name, direction }) => [name, direction])).toEqual([
      ['0', 'gaussian'],
      ['1', 'gaussian'],
      ['2', 'gaussian'],
    ]);
    const told = await facts({ curves: output });
    const losses = curves.series.flatMap(({ metrics }) => metrics.loss!);
    expect(told).toMatchObject({ 'smallest-loss': Math.min(...losses), 'largest-loss': Math.max(...losses) });
    expect(Object.values(told.categories as Record<string, number>).reduce((a, b) => a + b)).toBe(3);
  });

  test('have the error beside the accuracy and, where asked for, the objective with weight decay', async () => {
    const params = { points: 5, scale: 0.5 };
    const { curves } = await evaluated({ ...params, 'weight-decay': 0.02 }, { x: member(random, '1') });
    const { loss, accuracy, error, objective } = curves.series[0]!.metrics;
    expect(error).toEqual(accuracy!.map((value) => 1 - value));
    const { parameters } = await readCheckpoint(model.path!, 'model');
    const { vector } = await readDirection(member(random, '1').path!, 'it', parameters);
    curves.axes[0]!.values.forEach((lambda, i) => {
      const square = norm(moved(parameters, [{ direction: vector, by: 0.5 * lambda }])) ** 2;
      expect(objective![i]! - loss![i]!).toBeCloseTo(0.01 * square, 5);
    });
    expect(curves.subject['weight-decay']).toBe(0.02);
    const without = await evaluated(params, { x: member(random, '1') });
    expect(Object.keys(without.curves.series[0]!.metrics)).not.toContain('objective');
  });

  test('go around another checkpoint along a direction that was made at the first', async () => {
    const { curves } = await evaluated({ points: 3 }, { model: later, x: towards });
    const { loss } = curves.series[0]!.metrics;
    expect(loss![1]! / history[2]!['train-loss']!).toBeCloseTo(1, 5);
    // θ' - (θ' - θ) is θ.
    expect(loss![0]! / history[0]!['train-loss']!).toBeCloseTo(1, 5);
  });

  test('say what they cost, and what they would cost with the first layer computed at every point', async () => {
    const { curves, output } = await evaluated({ points: 41 }, { x: random });
    const [first, last] = [60 * 3072 * 8, 60 * 8 * 3];
    // λ = 0 is one point for all three directions.
    expect(curves.subject['multiply-adds-plainly']).toBe(121 * (first + last));
    expect(curves.subject['multiply-adds']).toBe(4 * first + 121 * last + 120 * 60 * 8);
    expect((await facts({ curves: output }))['multiply-adds']).toBe(curves.subject['multiply-adds']);
  });

  test('record losses that are not finite', async () => {
    const theta = (await readCheckpoint(model.path!, 'model')).parameters;
    const path = `${random.members[0]!.path}.huge`;
    const vector = mapVector(theta, () => 3e38);
    writeFileSync(path, encodeDirection({ vector, kind: 'mine', target: null, made: {} }));
    const digest = digestOf(readFileSync(path));
    const huge: Artifact = { ...towards, path, digest, members: [{ name: '', path, digest }] };
    const memo = new MemoryMemo();
    const first = await evaluated({ points: 5 }, { x: huge }, memo);
    const { loss } = first.curves.series[0]!.metrics;
    expect(loss![2]! / history[0]!['train-loss']!).toBeCloseTo(1, 6);
    expect(loss!.filter((value) => !Number.isFinite(value))).toHaveLength(4);
    const again = await evaluated({ points: 5 }, { x: huge }, memo);
    expect(again.computed).toBe(0);
    expect(again.curves).toEqual(first.curves);
  });

  test('leave no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await evaluated({ points: 3 }, { x: random });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('surfaces', () => {
  test('are row-major over both axes, and their axes are the curves', async () => {
    const x = member(random, '0');
    const y = member(random, '1');
    const memo = new MemoryMemo();
    const { curves, computed } = await evaluated(
      {
        points: [5, 3],
        ranges: [
          [-1, 1],
          [0, 1],
        ],
      },
      { x, y },
      memo,
    );
    expect(computed).toBe(15);
    expect(curves.axes.map(({ label, values }) => [label, values])).toEqual([
      ['λ₁', [-1, -0.5, 0, 0.5, 1]],
      ['λ₂', [0, 0.5, 1]],
    ]);
    const surface = curves.series[0]!.metrics.loss!;
    const alongX = await evaluated({ points: 5 }, { x }, memo);
    const alongY = await evaluated({ points: 3, range: [0, 1] }, { x: y }, memo);
    expect([alongX.computed, alongY.computed]).toEqual([0, 0]);
    expect(alongX.curves.series[0]!.metrics.loss).toEqual([0, 1, 2, 3, 4].map((i) => surface[i * 3]));
    expect(alongY.curves.series[0]!.metrics.loss).toEqual(surface.slice(6, 9));
  });

  test('may have a scale for each axis', async () => {
    const inputs = { x: towards, y: member(random, '1') };
    const memo = new MemoryMemo();
    const scaled = await evaluated({ points: 3, scale: [2, 0.5] }, inputs, memo);
    const ranges = [
      [-2, 2],
      [-0.5, 0.5],
    ];
    const plain = await evaluated({ points: 3, ranges }, inputs, memo);
    expect(plain.computed).toBe(0);
    expect(scaled.curves.series).toEqual(plain.curves.series);
    expect(scaled.curves.axes.map(({ values, marks }) => [values.at(-1), marks.at(-1)!.at])).toEqual([
      [1, 0.5],
      [1, 0],
    ]);
    await expect(evaluated({ points: 3, scale: [1, 0] }, inputs)).rejects.toThrow('/scale');
  });

  test('with the axes exchanged are the same points', async () => {
    const x = member(random, '0');
    const y = member(random, '1');
    const memo = new MemoryMemo();
    const straight = await evaluated({ points: 3 }, { x, y }, memo);
    const exchanged = await evaluated({ points: 3 }, { x: y, y: x }, memo);
    expect(exchanged.computed).toBe(0);
    const transposed = [0, 3, 6, 1, 4, 7, 2, 5, 8].map((i) => straight.curves.series[0]!.metrics.loss![i]);
    expect(exchanged.curves.series[0]!.metrics.loss).toEqual(transposed);
    // One of the two is measured in another order than it is told.
    const anew = await evaluated({ points: 3 }, { x: y, y: x });
    expect(anew.computed).toBe(9);
    expect(anew.curves).toEqual(exchanged.curves);
  });

  test('are measured step by step of the direction that comes first, whichever axis that is', () => {
    const [a, b] = ['a', 'b'] as Digest[] as [Digest, Digest];
    const grid = (slow: Digest, fast: Digest) =>
      [1, 2].flatMap((i) =>
        [1, 2, 3].map((j) =>
          movesTo([
            { direction: slow, by: i },
            { direction: fast, by: j },
          ]),
        ),
      );
    const told = (points: ReturnType<typeof grid>) =>
      orderOfWork(points).map((index) => points[index]!.map(({ by }) => by));
    expect(told(grid(a, b)).join(' ')).toBe('1,1 1,2 1,3 2,1 2,2 2,3');
    expect(told(grid(b, a)).join(' ')).toBe('1,1 1,2 2,1 2,2 3,1 3,2');
    // A curve's points have no step in common, the model itself none at all.
    expect(orderOfWork([0.5, 0, -0.5].map((by) => movesTo([{ direction: a, by }])))).toEqual([0, 1, 2]);
  });

  test('of folders are paired, or refused', async () => {
    const { curves } = await evaluated({ points: 2 }, { x: random, y: towards });
    expect(curves.series.map(({ name }) => name)).toEqual([
      '0, difference',
      '1, difference',
      '2, difference',
    ]);
    const two = { ...random, members: random.members.slice(0, 2) };
    await expect(evaluated({ points: 2 }, { x: random, y: two })).rejects.toThrow(
      'x has 3 directions and y has 2',
    );
  });
});

describe('points are shared', () => {
  test('λ = 0 is one point for all directions, and scales share what coincides', async () => {
    const memo = new MemoryMemo();
    expect((await evaluated({ points: 5 }, { x: random }, memo)).computed).toBe(3 * 4 + 1);
    // s = 0.5 asks for ±0.25 and ±0.5, of which ±0.5 are known.
    expect((await evaluated({ points: 5, scale: 0.5 }, { x: random }, memo)).computed).toBe(3 * 2);
    expect((await evaluated({ points: 9 }, { x: random }, memo)).computed).toBe(3 * 2);
    expect(
      (await evaluated({ points: 41, range: [-0.1, 0.1], scale: 10 }, { x: member(random, '2') }, memo))
        .computed,
    ).toBe(32);
  });

  test('other images, another split or another model are other points', async () => {
    const memo = new MemoryMemo();
    const x = member(random, '0');
    await evaluated({ points: 3 }, { x }, memo);
    for (const change of [{ examples: 30 }, { split: 'test' }, { batch: 9 }])
      expect((await evaluated({ points: 3, ...change }, { x }, memo)).computed, JSON.stringify(change)).toBe(
        3,
      );
    expect((await evaluated({ points: 3, dataset: 'tiny' }, { x }, memo)).computed).toBe(0);
  });

  test('moves have one form, however they are asked for', () => {
    const [a, b] = ['a', 'b'] as Digest[] as [Digest, Digest];
    expect(
      movesTo([
        { direction: b, by: 0.1 + 0.2 },
        { direction: a, by: 1 },
      ]),
    ).toEqual([
      { direction: a, by: 1 },
      { direction: b, by: 0.3 },
    ]);
    expect(
      movesTo([
        { direction: a, by: 0 },
        { direction: b, by: -0 },
      ]),
    ).toEqual([]);
    expect(
      movesTo([
        { direction: a, by: 0.5 },
        { direction: a, by: -0.5 },
      ]),
    ).toEqual([]);
    expect(
      movesTo([
        { direction: a, by: 0.25 },
        { direction: a, by: 0.5 },
      ]),
    ).toEqual([{ direction: a, by: 0.75 }]);
  });

  test('grids hold 0 and 1 exactly where they belong', () => {
    for (const [from, to, count, zero, one] of [
      [-1, 1, 41, 20, 40],
      [-1, 2, 61, 20, 40],
      [0, 1, 11, 0, 10],
      [-0.3, 0.3, 7, 3, undefined],
      [-2, 1, 31, 20, 30],
      [-0.3, 0.7, 11, 3, undefined],
      [-0.7, 1.4, 22, 7, 17],
      [-0.1, 1.3, 15, 1, 11],
    ] as const) {
      const grid = linspace(from, to, count);
      expect([grid[0], grid.at(-1), grid[zero]]).toEqual([from, to, 0]);
      if (one !== undefined) expect(grid[one]).toBe(1);
    }
  });
});

test('a direction of another network, and ranges backwards, are refused', async () => {
  const wide = await runKind(
    train,
    { network: { name: 'mlp', widths: [9] }, dataset: 'tiny', seed: 1, epochs: 0 },
    { root },
  );
  await expect(evaluated({ points: 2, model: 0 }, { x: towards })).rejects.toThrow();
  await expect(
    evaluated({ points: 2 }, { model: member(wide.checkpoints!, '0'), x: towards }),
  ).rejects.toThrow('the input x is no direction of this network');
  await expect(evaluated({ points: 2, range: [1, -1] }, { x: towards })).rejects.toThrow('/range');
});
