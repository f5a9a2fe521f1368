import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { readDirection } from '../../../src/network/direction.ts';
import { dimension, dot, norm, type ParameterVector } from '../../../src/network/tensors.ts';
import angles, { facts } from '../../../stages/angles/stage.ts';
import type { AngleTable } from '../../../stages/angles/table.ts';
import directions from '../../../stages/directions/stage.ts';
import train from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let path: Artifact;
let model: Artifact;
let theta: ParameterVector;
beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [4] }, dataset: 'tiny', batch: 16, epochs: 3, seed: 1 };
  path = (await runKind(train, { ...settings, keep: [1, 3] }, { root })).checkpoints!;
  model = member(path, '1');
  theta = (await readCheckpoint(model.path!, 'model')).parameters;
});

type Inputs = Record<string, Artifact | readonly Artifact[]>;
const run = (params: Record<string, unknown>, inputs: Inputs = {}, more = {}) =>
  runKind(angles, params, { root, inputs: { model, ...inputs }, ...more });
const table = (outputs: Record<string, Artifact>): AngleTable =>
  JSON.parse(readFileSync(outputs.angles!.path!, 'utf8')) as AngleTable;
const vectors = async (artifact: Artifact): Promise<ParameterVector[]> =>
  Promise.all(artifact.members.map(async (m) => (await readDirection(m.path, 'it', theta)).vector));
const made = async (params: Record<string, unknown>, inputs: Inputs = {}) =>
  (await runKind(directions, params, { root, inputs: { model, ...inputs } })).direction!;
const degrees = (a: ParameterVector, b: ParameterVector): number =>
  (180 / Math.PI) * Math.acos(dot(a, b) / norm(a) / norm(b));

test('angles are those between the directions that the other kinds make', async () => {
  const before = tf.memory().numTensors;
  const difference = await made({ kind: 'difference' }, { to: member(path, '3') });
  const settings = { samples: 5, gradients: 3, examples: 10, seed: 4 };
  const outputs = await run(settings, { to: [member(path, '3')] });
  expect(tf.memory().numTensors).toBe(before);
  const { groups, squaredNorms, best } = table(outputs);
  const raw = { kind: 'gaussian', seed: 4, scaling: 'none', 'one-dimensional': 'raw' };
  const gaussians = await vectors(await made({ ...raw, count: 5 }));
  const gradients = await vectors(await made({ kind: 'negative-gradient', seed: 4, examples: 10, count: 3 }));
  const [towards] = await vectors(difference);
  expect(groups.map(({ from, to }) => [from, to])).toEqual([
    ['gaussian', 'epoch 3'],
    ['gaussian', 'negative-gradient'],
    ['negative-gradient', 'epoch 3'],
  ]);
  const close = (list: readonly number[], wanted: number[]): void => {
    expect(list).toHaveLength(wanted.length);
    for (const [i, value] of wanted.entries()) expect(list[i]).toBeCloseTo(value, 8);
  };
  close(
    groups[0]!.degrees,
    gaussians.map((g) => degrees(g, towards!)),
  );
  close(
    groups[1]!.degrees,
    gradients.map((g, i) => degrees(g, gaussians[i]!)),
  );
  close(
    groups[2]!.degrees,
    gradients.map((g) => degrees(g, towards!)),
  );
  close(
    [...squaredNorms],
    gradients.map((g) => dot(g, g)),
  );
  const smallest = Math.min(...groups[0]!.degrees);
  expect(best).toEqual({ member: groups[0]!.degrees.indexOf(smallest), to: 'epoch 3', degrees: smallest });
  const [found] = await vectors(outputs.best!);
  expect(norm(found!) / norm(towards!)).toBeCloseTo(1, 6);
  expect(degrees(found!, towards!)).toBeCloseTo(smallest, 5);
});

test('Gaussians are spread as theory says, with and without biases', async () => {
  const against = [await made({ kind: 'negative-gradient' })];
  const [target] = await vectors(against[0]!);
  for (const rule of ['raw', 'zero'] as const) {
    const outputs = await run({ samples: 200, 'one-dimensional': rule }, { against });
    const [{ degrees: list, expected }] = table(outputs).groups as [Required<AngleTable['groups'][0]>];
    const deviation = Math.sqrt(list.reduce((sum, a) => sum + (a - 90) ** 2, 0) / list.length);
    const reached = (vector: ParameterVector) =>
      rule === 'raw' ? vector : vector.filter(({ shape }) => shape.length > 1);
    const share = norm(reached(target!)) / norm(target!);
    const cosines = share / Math.sqrt(dimension(reached(theta)));
    expect(expected.deviation).toBeCloseTo((180 / Math.PI) * cosines, 10);
    // The standard error of a deviation out of 200 is a twentieth; 4 of them.
    expect(Math.abs(deviation / expected.deviation - 1)).toBeLessThan(0.2);
    // The largest of 200 has a standard deviation of .43 of one; 4 of them.
    expect(Math.abs(Math.min(...list) - expected.smallest)).toBeLessThan(1.7 * expected.deviation);
    expect(await facts(outputs)).toMatchObject({ 'expected-smallest': expected.smallest });
  }
});

test('cosines of given directions with many targets, more than are held in memory', async () => {
  const many = await made({ kind: 'gaussian', seed: 7, count: 10 });
  const { given, groups, best } = table(
    await run({ samples: 0 }, { against: [many], x: [member(many, '3')] }),
  );
  expect([groups, best]).toEqual([[], null]);
  const all = await vectors(many);
  expect(given!.targets[9]).toBe('gaussian 9');
  for (const [k, cosine] of given!.cosines[0]!.entries())
    expect(cosine).toBeCloseTo(dot(all[3]!, all[k]!) / norm(all[3]!) / norm(all[k]!), 12);
});

test('the probability of drawing a gradient is told', async () => {
  const outputs = await run({ samples: 0, gradients: 2, examples: 5 });
  const told = await facts(outputs);
  const squared = table(outputs).squaredNorms.reduce((a, b) => a + b, 0) / 2;
  expect(told['log-probability']).toBeCloseTo(-0.5 * (dimension(theta) * Math.log(2 * Math.PI) + squared), 6);
});

test('every sample and gradient is an item of its own; more samples go on', async () => {
  const memo = new MemoryMemo();
  const to = [member(path, '3')];
  const options = { memo };
  await run({ samples: 4, gradients: 2, examples: 5 }, { to }, options);
  expect(memo.computed).toBe(6);
  const more = await run({ samples: 6, gradients: 2, examples: 5 }, { to }, options);
  expect(memo.computed).toBe(8);
  const whole = await run({ samples: 6, gradients: 2, examples: 5 }, { to });
  expect(more.angles!.digest).toBe(whole.angles!.digest);
  await expect(run({ samples: 2 })).rejects.toThrow('nothing to measure the angles of Gaussians with');
});
