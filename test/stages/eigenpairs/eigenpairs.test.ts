import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { encodeCheckpoint, readCheckpoint } from '../../../src/network/checkpoint.ts';
import { readDirection } from '../../../src/network/direction.ts';
import { meanGradient } from '../../../src/network/loss.ts';
import { dot, mapVector, moved, norm } from '../../../src/network/tensors.ts';
import eigen, { facts } from '../../../stages/eigenpairs/stage.ts';
import type { EigenTable } from '../../../stages/eigenpairs/table.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import train from '../../../stages/train/stage.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let model: Artifact;
beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', batch: 16, epochs: 1, seed: 1 };
  model = member((await runKind(train, settings, { root })).checkpoints!, '1');
});

const some = { largest: 3, smallest: 2, basis: 20 };
const table = (outputs: Record<string, Artifact>): EigenTable =>
  JSON.parse(readFileSync(outputs.values!.path!, 'utf8')) as EigenTable;

describe('eigenpairs of a network', () => {
  test('satisfy Hx = λx by differences of gradients, and their vectors are directions', async () => {
    const before = tf.memory().numTensors;
    const outputs = await runKind(eigen, { ...some, scaling: 'none' }, { root, inputs: { model } });
    expect(tf.memory().numTensors).toBe(before);
    const { largest, smallest, converged, products } = table(outputs);
    expect(converged).toBe(true);
    expect([largest.length, smallest.length]).toEqual([3, 2]);
    const { parameters: theta, architecture } = await readCheckpoint(model.path!, 'model');
    const { train: examples } = await loadDataset('tiny', root);
    for (const [rows, output, kind] of [
      [largest, outputs.positive!, 'P.E.'],
      [smallest, outputs.negative!, 'N.E.'],
    ] as const)
      for (const [i, { value, residual }] of rows.entries()) {
        const found = await readDirection(output.members[i]!.path, 'it', theta);
        expect([found.kind, found.made.eigenvalue]).toEqual([kind, value]);
        expect(norm(found.vector)).toBeCloseTo(1, 5);
        expect(residual).toBeLessThan(2e-4 * Math.max(1, Math.abs(value)));
        const gradientAt = (by: number) =>
          meanGradient(architecture, moved(theta, [{ direction: found.vector, by }]), examples, 60);
        const h = 1e-3;
        const [plus, minus] = [await gradientAt(h), await gradientAt(-h)];
        const image = mapVector(theta, (t, j) => (plus[t]!.values[j]! - minus[t]!.values[j]!) / (2 * h));
        expect(Math.abs(dot(image, found.vector) - value)).toBeLessThan(0.02 * Math.abs(value) + 1e-2);
      }
    expect(await facts(outputs)).toEqual({
      'largest-eigenvalue': largest[0]!.value,
      'smallest-eigenvalue': smallest[0]!.value,
      converged: true,
      products,
    });
  });

  test('serve as directions of curves, with the norm of the model', async () => {
    const { positive } = await runKind(eigen, { ...some, smallest: 0 }, { root, inputs: { model } });
    const { parameters: theta } = await readCheckpoint(model.path!, 'model');
    const first = await readDirection(positive!.members[0]!.path, 'it', theta);
    expect(norm(first.vector) / norm(theta)).toBeCloseTo(1, 5);
    const { curves } = await runKind(
      evaluate,
      { points: 3, range: [-0.01, 0.01] },
      { root, inputs: { model, x: positive! } },
    );
    const { series } = decodeCurves(readFileSync(curves!.path!, 'utf8'));
    expect(series.map(({ name, direction }) => [name, direction])).toEqual([
      ['1', 'P.E.'],
      ['2', 'P.E.'],
      ['3', 'P.E.'],
    ]);
  });

  test('a run that was stopped goes on, product by product, to the same bits', async () => {
    const whole = new MemoryMemo();
    const outputs = await runKind(eigen, some, { root, inputs: { model }, memo: whole });
    const stop = new AbortController();
    const memo = new MemoryMemo();
    let reports = 0;
    await expect(
      runKind(eigen, some, {
        root,
        inputs: { model },
        memo,
        signal: stop.signal,
        progress: () => {
          if (++reports === 25) stop.abort();
        },
      }),
    ).rejects.toThrow();
    expect(memo.items.size).toBe(25);
    const resumed = await runKind(eigen, some, { root, inputs: { model }, memo });
    expect(memo.items.size).toBe(whole.items.size);
    expect(whole.items.size).toBe(table(outputs).products);
    const digests = (o: Record<string, Artifact>): string[] => Object.values(o).map(({ digest }) => digest);
    expect(digests(resumed)).toEqual(digests(outputs));
    expect(digests(await runKind(eigen, { ...some, seed: 2 }, { root, inputs: { model } }))).not.toEqual(
      digests(outputs),
    );
  });

  test('of a model that diverged are refused', async () => {
    const { writeFileSync } = await import('node:fs');
    const checkpoint = await readCheckpoint(model.path!, 'model');
    const broken = mapVector(checkpoint.parameters, () => Number.NaN);
    const path = `${model.path!}.broken.safetensors`;
    writeFileSync(path, encodeCheckpoint({ ...checkpoint, parameters: broken }));
    await expect(runKind(eigen, some, { root, inputs: { model: { ...model, path } } })).rejects.toThrow(
      'a product with the Hessian is not finite',
    );
  });

  test('parameters that do not go together are refused', async () => {
    const refused = (params: Record<string, unknown>) =>
      expect(runKind(eigen, params, { root, inputs: { model } })).rejects;
    await refused({ largest: 0, smallest: 0 }).toThrow('no eigenpairs');
    await refused({ basis: 39 }).toThrow('/basis: is less than twice the number of pairs, 20');
    await refused({ 'max-products': 100 }).toThrow('/max-products');
  });
});
