import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { type Direction, readDirection } from '../../../src/network/direction.ts';
import { dot, mapVector, norm, normOf, type ParameterVector } from '../../../src/network/tensors.ts';
import { scaled } from '../../../stages/directions/scaling.ts';
import directions from '../../../stages/directions/stage.ts';
import train from '../../../stages/train/stage.ts';
import { member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let model: Artifact;
let other: Artifact;
let theta: ParameterVector;

beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', batch: 16, epochs: 1 };
  model = member((await runKind(train, { ...settings, seed: 1 }, { root })).checkpoints!, '1');
  other = member((await runKind(train, { ...settings, seed: 2 }, { root })).checkpoints!, '1');
  theta = (await readCheckpoint(model.path!, 'model')).parameters;
});

async function made(
  params: Record<string, unknown>,
  inputs: Record<string, Artifact> = {},
): Promise<Artifact> {
  return (await runKind(directions, params, { root, inputs: { model, ...inputs } })).direction!;
}
const read = (artifact: Artifact, name = artifact.members[0]!.name): Promise<Direction> =>
  readDirection(artifact.members.find((m) => m.name === name)!.path, 'it', theta);
const bytes = (artifact: Artifact): string[] =>
  artifact.members.map(({ path }) => readFileSync(path).toString('hex'));

describe('Gaussian directions', () => {
  test('have the norm of the model and no biases, unless asked otherwise', async () => {
    const { vector, kind, target } = await read(await made({ kind: 'gaussian', seed: 1 }));
    expect([kind, target]).toEqual(['gaussian', null]);
    expect(norm(vector) / norm(theta)).toBeCloseTo(1, 6);
    expect(vector[1]!.values.every((value) => value === 0)).toBe(true);
    const raw = await read(
      await made({ kind: 'gaussian', seed: 1, scaling: 'none', 'one-dimensional': 'raw' }),
    );
    const d = 3072 * 8 + 8 + 8 * 3 + 3;
    expect(Math.abs(norm(raw.vector) ** 2 / d - 1)).toBeLessThan(4 * Math.sqrt(2 / d));
    const half = await read(await made({ kind: 'gaussian', seed: 1, scale: -0.5 }));
    expect(norm(half.vector) / norm(theta)).toBeCloseTo(0.5, 6);
    expect(dot(half.vector, vector)).toBeLessThan(0);
  });

  test('are independent, and the same whatever their number', async () => {
    const five = await made({ kind: 'gaussian', seed: 1, count: 5 });
    expect(five.members.map(({ name }) => name)).toEqual(['0', '1', '2', '3', '4']);
    expect(bytes(await made({ kind: 'gaussian', seed: 1, count: 2 }))).toEqual(bytes(five).slice(0, 2));
    expect(bytes(await made({ kind: 'gaussian', seed: 1 }))).toEqual(bytes(five).slice(0, 1));
    expect(bytes(await made({ kind: 'gaussian', seed: 2 }))).not.toEqual(bytes(five).slice(0, 1));
    const [a, b] = [await read(five, '0'), await read(five, '1')];
    const cosine = dot(a.vector, b.vector) / norm(a.vector) / norm(b.vector);
    expect(Math.abs(cosine)).toBeLessThan(4 / Math.sqrt(3072 * 8));
  });
});

describe('the negative gradient', () => {
  test('points downhill, over all images or the first', async () => {
    const all = await read(await made({ kind: 'negative-gradient' }));
    expect(all.kind).toBe('negative-gradient');
    expect(all.made).toMatchObject({ dataset: 'tiny', split: 'train', examples: 60 });
    const batched = await read(await made({ kind: 'negative-gradient', batch: 7 }));
    const off = mapVector(all.vector, (t, i) => all.vector[t]!.values[i]! - batched.vector[t]!.values[i]!);
    expect(norm(off) / norm(all.vector)).toBeLessThan(1e-5);
    const few = await read(
      await made({ kind: 'negative-gradient', examples: 10, split: 'test', scaling: 'norm' }),
    );
    expect(norm(few.vector) / norm(theta)).toBeCloseTo(1, 6);
    expect(few.made).toMatchObject({ split: 'test', examples: 10 });
  });

  test('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await made({ kind: 'negative-gradient' });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('the difference to another checkpoint', () => {
  test('reaches it at λ = 1, and is marked there', async () => {
    const { vector, target } = await read(await made({ kind: 'difference' }, { to: other }));
    const to = (await readCheckpoint(other.path!, 'other')).parameters;
    vector.forEach(({ values }, t) => {
      values.forEach((value, i) => {
        expect(value).toBe(Math.fround(to[t]!.values[i]! - theta[t]!.values[i]!));
      });
    });
    expect(target).toEqual({ at: 1, label: 'epoch 1 of seed 2' });
  });

  test('is marked where the target lies when the line is scaled, and not where it is bent', async () => {
    const half = await read(await made({ kind: 'difference', scale: 0.5 }, { to: other }));
    expect(half.target!.at).toBeCloseTo(2, 7);
    const back = await read(await made({ kind: 'difference', scale: -1 }, { to: other }));
    expect(back.target!.at).toBeCloseTo(-1, 7);
    const normed = await read(await made({ kind: 'difference', scaling: 'norm' }, { to: other }));
    const raw = await read(await made({ kind: 'difference' }, { to: other }));
    expect(normed.target!.at).toBeCloseTo(norm(raw.vector) / norm(theta), 6);
    for (const scaling of ['layer', 'filter'])
      expect((await read(await made({ kind: 'difference', scaling }, { to: other }))).target).toBeNull();
    expect((await read(await made({ kind: 'difference' }, { to: model }))).target).toBeNull();
  });

  test('needs both ends, of one network', async () => {
    await expect(made({ kind: 'difference' })).rejects.toThrow('needs the input "to"');
    const wide = await runKind(
      train,
      { network: { name: 'mlp', widths: [9] }, dataset: 'tiny', seed: 1, epochs: 0 },
      { root },
    );
    await expect(made({ kind: 'difference' }, { to: member(wide.checkpoints!, '0') })).rejects.toThrow(
      /"dense1\/kernel" has the shape \[3072,8\] against \[3072,9\]/,
    );
  });
});

describe('scaling', () => {
  const tensor = (name: string, shape: number[], values: number[]) => ({
    name,
    shape,
    values: Float32Array.from(values),
  });
  const w = [tensor('k', [2, 3], [3, 1, 0, 4, 2, 0]), tensor('b', [3], [1, 2, 2])];
  const d = [tensor('k', [2, 3], [6, 2, 1, 8, 0, 1]), tensor('b', [3], [0, 3, 4])];
  const values = (vector: ParameterVector): number[] => vector.flatMap((t) => [...t.values]);

  test('by filters gives each output unit the norm of the model’s', () => {
    const result = scaled(d, w, 'filter', 'zero');
    for (const [unit, expected] of [5, Math.sqrt(5), 0].entries())
      expect(normOf(result[0]!.values, unit, 3)).toBeCloseTo(expected, 6);
    expect([...result[1]!.values]).toEqual([0, 0, 0]);
    expect(normOf(scaled(d, w, 'filter', 'scale')[1]!.values)).toBeCloseTo(3, 6);
    expect([...scaled(d, w, 'filter', 'raw')[1]!.values]).toEqual([0, 3, 4]);
    expect([...scaled(d, w, 'filter', 'copy')[1]!.values]).toEqual([1, 2, 2]);
  });

  test('by layers, as a whole, and to another norm', () => {
    expect(normOf(scaled(d, w, 'layer', 'zero')[0]!.values)).toBeCloseTo(Math.sqrt(30), 6);
    for (const rule of ['zero', 'scale', 'copy'] as const)
      expect(norm(scaled(d, w, 'norm', rule))).toBeCloseTo(Math.sqrt(39), 6);
    const raw = scaled(d, w, 'norm', 'raw');
    expect([normOf(raw[0]!.values), ...raw[1]!.values]).toEqual([expect.closeTo(Math.sqrt(30), 6), 0, 3, 4]);
    expect(norm(scaled(d, w, 'norm-of', 'scale', 7))).toBeCloseTo(7, 6);
    expect(values(scaled(d, w, 'none', 'scale'))).toEqual(values(d));
  });

  test('of a zero direction stays finite', () => {
    const zero = d.map((t) => ({ ...t, values: new Float32Array(t.values.length) }));
    for (const scaling of ['norm', 'layer', 'filter'] as const)
      expect(values(scaled(zero, w, scaling, 'scale')).every((value) => value === 0)).toBe(true);
  });

  test('to another direction’s norm takes the input like', async () => {
    const like = await made({ kind: 'negative-gradient' });
    const gaussian = await read(await made({ kind: 'gaussian', seed: 1, scaling: 'norm-of' }, { like }));
    expect(norm(gaussian.vector) / norm((await read(like)).vector)).toBeCloseTo(1, 6);
    await expect(made({ kind: 'gaussian', seed: 1, scaling: 'norm-of' })).rejects.toThrow(
      'needs the input "like"',
    );
  });
});

test('parameters that mean nothing for the kind of direction are refused', async () => {
  await expect(made({ kind: 'gaussian' })).rejects.toThrow('needs a seed');
  await expect(made({ kind: 'difference', seed: 1 })).rejects.toThrow(
    '/seed: means nothing for the kind difference',
  );
  await expect(made({ kind: 'gaussian', seed: 1, examples: 3 })).rejects.toThrow('/examples');
  await expect(made({ kind: 'gaussian', seed: 1, scale: 0 })).rejects.toThrow('/scale');
});
