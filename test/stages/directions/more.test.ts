import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { readCheckpoint } from '../../../src/network/checkpoint.ts';
import { type Direction, readDirection } from '../../../src/network/direction.ts';
import { meanGradient } from '../../../src/network/loss.ts';
import { dot, mapVector, norm, type ParameterVector } from '../../../src/network/tensors.ts';
import { Random } from '../../../src/util/random.ts';
import { chosen } from '../../../stages/directions/raw.ts';
import directions, { facts } from '../../../stages/directions/stage.ts';
import type { VarianceTable } from '../../../stages/directions/table.ts';
import project, { facts as projectFacts } from '../../../stages/project/stage.ts';
import type { PathTable } from '../../../stages/project/table.ts';
import train from '../../../stages/train/stage.ts';
import { member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let path: Artifact;
let model: Artifact;
let theta: ParameterVector;

beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', batch: 16, epochs: 6, seed: 1 };
  path = (await runKind(train, { ...settings, keep: [0, 1, 2, 3, 4, 6] }, { root })).checkpoints!;
  model = member(path, '6');
  theta = (await readCheckpoint(model.path!, 'model')).parameters;
});

type Inputs = Record<string, Artifact | readonly Artifact[]>;
const made = (params: Record<string, unknown>, inputs: Inputs = {}) =>
  runKind(directions, params, { root, inputs: { model, ...inputs } });
const read = (file: { path: string }): Promise<Direction> => readDirection(file.path, 'it', theta);
const all = async (outputs: Record<string, Artifact>): Promise<ParameterVector[]> =>
  Promise.all(outputs.direction!.members.map(async (file) => (await read(file)).vector));
const cosine = (a: ParameterVector, b: ParameterVector): number => dot(a, b) / norm(a) / norm(b);

describe('orthogonal directions', () => {
  test('a random orthonormal pair, and more, scaled or not', async () => {
    for (const scaling of ['unit', 'norm', 'filter', 'none']) {
      const three = await all(await made({ kind: 'gaussian', seed: 1, count: 3, orthogonal: true, scaling }));
      // Float32 rounds each of 24,611 values by 6e-8 at most, at random: 1e-9 in the cosine.
      for (const [i, a] of three.entries())
        for (const b of three.slice(0, i)) expect(Math.abs(cosine(a, b))).toBeLessThan(1e-8);
      if (scaling === 'unit') for (const v of three) expect(norm(v)).toBeCloseTo(1, 6);
      if (scaling === 'norm') for (const v of three) expect(norm(v) / norm(theta)).toBeCloseTo(1, 6);
    }
    const [first] = await all(await made({ kind: 'gaussian', seed: 1 }));
    const [same] = await all(await made({ kind: 'gaussian', seed: 1, count: 2, orthogonal: true }));
    expect(same).toEqual(first);
  });

  test('against given ones; what lies in their span is refused', async () => {
    const random = await made({ kind: 'gaussian', seed: 2, count: 2, 'one-dimensional': 'scale' });
    const against = random.direction!;
    const [gradient] = await all(await made({ kind: 'negative-gradient' }, { against: [against] }));
    for (const v of await all(random)) expect(Math.abs(cosine(gradient!, v))).toBeLessThan(1e-8);
    await expect(made({ kind: 'combination' }, { of: [against], against: [against] })).rejects.toThrow(
      'lies in the span of the others',
    );
  });
});

test('uniform directions are positive and of length 1', async () => {
  const [v] = await all(await made({ kind: 'uniform', seed: 1 }));
  expect(norm(v!)).toBeCloseTo(1, 6);
  const values = v!.flatMap((tensor) => [...tensor.values]);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  // The cosine of a uniform vector with that of ones is √3/2, up to 1/√d.
  const sum = values.reduce((a, b) => a + b, 0);
  expect(sum / Math.sqrt(values.length)).toBeCloseTo(Math.sqrt(3) / 2, 2);
});

test('the negative gradient of a drawn batch is that of these examples', async () => {
  const settings = { kind: 'negative-gradient', examples: 7, seed: 9 };
  const two = await all(await made({ ...settings, count: 2 }));
  const { train: examples } = await loadDataset('tiny', root);
  const { architecture } = await readCheckpoint(model.path!, 'model');
  for (const [m, vector] of two.entries()) {
    const indices = new Random([9, 'batch', m]).permutation(60).subarray(0, 7);
    const gradient = await meanGradient(architecture, theta, chosen(examples, indices), 512);
    expect(vector).toEqual(mapVector(gradient, (t, i) => -gradient[t]!.values[i]!));
  }
  expect(cosine(two[0]!, two[1]!)).toBeLessThan(0.999);
  expect(await all(await made(settings))).toEqual([two[0]]);
  await expect(made({ kind: 'negative-gradient', seed: 1 })).rejects.toThrow('a seed draws a batch');
  await expect(made({ kind: 'negative-gradient', count: 3, examples: 2 })).rejects.toThrow('need a seed');
});

describe('combinations', () => {
  test('are sums; one direction scaled anew keeps its kind and its target', async () => {
    const random = await made({ kind: 'gaussian', seed: 1, count: 2, scaling: 'none' });
    const gradient = await made({ kind: 'negative-gradient' });
    const of = [random.direction!, gradient.direction!];
    const [sum] = await all(await made({ kind: 'combination', coefficients: [1, -2, 0.5] }, { of }));
    const [a, b] = await all(random);
    const [c] = await all(gradient);
    expect(sum).toEqual(
      mapVector(theta, (t, i) => a![t]!.values[i]! - 2 * b![t]!.values[i]! + 0.5 * c![t]!.values[i]!),
    );
    const to = member(path, '0');
    const line = await made({ kind: 'difference' }, { to });
    const back = await made({ kind: 'combination', coefficients: [-0.5] }, { of: [line.direction!] });
    const { kind, target } = await read(back.direction!.members[0]!);
    expect([kind, target!.label]).toEqual(['difference', 'epoch 0']);
    expect(target!.at).toBeCloseTo(-2, 6);
    await expect(made({ kind: 'combination', coefficients: [1] }, { of })).rejects.toThrow(
      '1 coefficients for 3 directions',
    );
    await expect(made({ kind: 'combination' })).rejects.toThrow('needs the input "of"');
  });
});

describe('principal components of a trajectory', () => {
  const differences = async (): Promise<ParameterVector[]> =>
    Promise.all(
      path.members.map(async ({ path: file }) => {
        const { parameters } = await readCheckpoint(file, 'it');
        return mapVector(theta, (t, i) => parameters[t]!.values[i]! - theta[t]!.values[i]!);
      }),
    );

  test('are orthonormal, and their variances are those of the projections', async () => {
    const outputs = await made({ kind: 'principal', count: 3 }, { trajectory: [path] });
    const table = JSON.parse(readFileSync(outputs.variance!.path!, 'utf8')) as VarianceTable;
    const components = await all(outputs);
    const vectors = await differences();
    const n = vectors.length;
    for (const [k, component] of components.entries()) {
      expect(norm(component)).toBeCloseTo(1, 5);
      for (const other of components.slice(0, k)) expect(Math.abs(dot(component, other))).toBeLessThan(1e-5);
      const projected = vectors.map((v) => dot(component, v));
      const mean = projected.reduce((a, b) => a + b, 0) / n;
      const variance = projected.reduce((sum, p) => sum + (p - mean) ** 2, 0) / (n - 1);
      expect(variance / table.variances[k]!).toBeCloseTo(1, 5);
      expect(projected[0]! - mean).toBeGreaterThan(0);
    }
    expect(table.explained.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    // All variance there is: that of the vectors themselves.
    const centre = mapVector(theta, (t, i) => vectors.reduce((s, v) => s + v[t]!.values[i]! / n, 0));
    const total = vectors.reduce((s, v) => s + dot(v, v) - 2 * dot(v, centre) + dot(centre, centre), 0);
    expect(table.variances.reduce((a, b) => a + b, 0) / (total / (n - 1))).toBeCloseTo(1, 6);
    const told = await facts(outputs);
    expect(told['explained-1']).toBe(table.explained[0]);
    expect(told.explained).toBeGreaterThan(0.9);
  });

  test('as seen from the model, where they are not centred', async () => {
    const outputs = await made({ kind: 'principal', count: 1, centred: false }, { trajectory: [path] });
    const table = JSON.parse(readFileSync(outputs.variance!.path!, 'utf8')) as VarianceTable;
    const [component] = await all(outputs);
    const squares = (await differences()).reduce((sum, v) => sum + dot(component!, v) ** 2, 0);
    expect(squares / 6 / table.variances[0]!).toBeCloseTo(1, 6);
  });

  test('more than the checkpoints span are refused', async () => {
    await expect(made({ kind: 'principal', count: 6 }, { trajectory: [path] })).rejects.toThrow(
      '6 principal components of 6 checkpoints that span 5 dimensions',
    );
    await expect(made({ kind: 'principal' })).rejects.toThrow('needs the input "trajectory"');
  });

  test('and the checkpoints’ coordinates over them', async () => {
    const pair = (await made({ kind: 'principal', scaling: 'norm' }, { trajectory: [path] })).direction!;
    const inputs = { model, checkpoints: [path], x: member(pair, '0'), y: member(pair, '1') };
    const outputs = await runKind(project, { scale: 0.5 }, { root, inputs });
    const { points } = JSON.parse(readFileSync(outputs.path!.path!, 'utf8')) as PathTable;
    expect(points.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 6]);
    expect(points.at(-1)).toMatchObject({ at: [0, 0], distance: 0, off: 0 });
    const [x, y] = await all({ direction: pair });
    for (const [k, v] of (await differences()).entries()) {
      const { at, off, distance } = points[k]!;
      const rest = mapVector(
        v,
        (t, i) => v[t]!.values[i]! - 0.5 * (at[0]! * x![t]!.values[i]! + at[1]! * y![t]!.values[i]!),
      );
      for (const axis of [x!, y!])
        expect(Math.abs(dot(rest, axis))).toBeLessThan(1e-5 * norm(axis) * (distance + 1e-9));
      expect(norm(rest)).toBeCloseTo(off, 5);
      expect(norm(v)).toBeCloseTo(distance, 5);
    }
    expect(await projectFacts(outputs)).toMatchObject({ points: 6 });
    const flat = { ...inputs, y: inputs.x };
    await expect(runKind(project, {}, { root, inputs: flat })).rejects.toThrow('span no plane');
  });

  test('oblique axes give back the point they lead to', async () => {
    const oblique = await made({ kind: 'gaussian', seed: 3, count: 1, scaling: 'norm' });
    const line = (await made({ kind: 'difference' }, { to: member(path, '0') })).direction!;
    const mixed = await made(
      { kind: 'combination', coefficients: [1, 1] },
      {
        of: [line, oblique.direction!],
      },
    );
    const inputs = {
      model,
      checkpoints: [member(path, '0')],
      x: mixed.direction!,
      y: member(oblique.direction!, '0'),
    };
    const outputs = await runKind(project, {}, { root, inputs });
    const { points } = JSON.parse(readFileSync(outputs.path!.path!, 'utf8')) as PathTable;
    expect(points[0]!.at[0]).toBeCloseTo(1, 5);
    expect(points[0]!.at[1]).toBeCloseTo(-1, 5);
    expect(points[0]!.off / points[0]!.distance).toBeLessThan(1e-5);
  });
});
