import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { loadDataset } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { encodeCheckpoint, readCheckpoint } from '../../../src/network/checkpoint.ts';
import { inOrder } from '../../../src/network/examples.ts';
import { inputTensor, toTensors } from '../../../src/network/loss.ts';
import type { ParameterVector } from '../../../src/network/tensors.ts';
import { Random } from '../../../src/util/random.ts';
import { matchWeights } from '../../../stages/match/matching.ts';
import match, { facts } from '../../../stages/match/stage.ts';
import { symmetryOf } from '../../../stages/match/symmetries.ts';
import { permuted } from '../../../stages/match/symmetry.ts';
import type { MatchTable } from '../../../stages/match/table.ts';
import train from '../../../stages/train/stage.ts';
import { member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const models: Artifact[] = [];
beforeAll(async () => {
  const network = { name: 'mlp', widths: [12, 9] };
  for (const seed of [1, 2]) {
    const { checkpoints } = await runKind(
      train,
      { network, dataset: 'tiny', batch: 16, epochs: 3, seed },
      { root },
    );
    models.push(member(checkpoints!, '3'));
  }
});
const read = (artifact: Artifact) => readCheckpoint(artifact.path!, 'it');

async function logits(
  architecture: Awaited<ReturnType<typeof read>>['architecture'],
  theta: ParameterVector,
) {
  const { test: examples } = await loadDataset('tiny', root);
  const parameters = toTensors(theta);
  const inputs = inputTensor(examples, inOrder(examples.count));
  const result = architecture.forward(tf, parameters, inputs);
  const values = await result.data();
  tf.dispose([parameters, inputs, result]);
  return values;
}

test('the matched network computes the same function, and is nearer', async () => {
  const [model, to] = models as [Artifact, Artifact];
  const outputs = await runKind(match, {}, { root, inputs: { model, to } });
  const [before, after] = [await read(to), await read(outputs.checkpoint!)];
  const [a, b] = [
    await logits(before.architecture, before.parameters),
    await logits(after.architecture, after.parameters),
  ];
  // Sums of 12 and 9 float32 products in another order.
  for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThan(1e-5);
  const told = await facts(outputs);
  expect(told['distance-after']).toBeLessThan(told['distance-before'] as number);
  expect(told['units-moved']).toBeGreaterThan(0);
  expect([after.epoch, after.seed, after.dataset.name]).toEqual([3, 2, 'tiny']);
  const again = await runKind(match, {}, { root, inputs: { model, to } });
  expect(again.checkpoint!.digest).toBe(outputs.checkpoint!.digest);
});

test('a network whose units were shuffled is put back in order, exactly', async () => {
  const [model] = models as [Artifact];
  const checkpoint = await read(model);
  const symmetry = symmetryOf(checkpoint.network)!;
  const shuffles = symmetry.groups.map(({ size }, g) => new Random([3, g]).permutation(size));
  const shuffled = permuted(checkpoint.parameters, symmetry, shuffles);
  expect(shuffled).not.toEqual(checkpoint.parameters);
  const path = `${model.path!}.shuffled.safetensors`;
  writeFileSync(path, encodeCheckpoint({ ...checkpoint, parameters: shuffled }));
  const to = { ...model, path };
  const outputs = await runKind(match, { seed: 5 }, { root, inputs: { model, to } });
  expect((await read(outputs.checkpoint!)).parameters).toEqual(checkpoint.parameters);
  const { groups, distance } = JSON.parse(readFileSync(outputs.matching!.path!, 'utf8')) as MatchTable;
  expect(distance.after).toBe(0);
  for (const [g, { permutation }] of groups.entries())
    expect(permutation.map((i) => shuffles[g]![i])).toEqual(permutation.map((_, i) => i));
});

test('the product with the other network never falls from sweep to sweep, and the search ends', async () => {
  const [a, b] = [await read(models[0]!), await read(models[1]!)];
  const changes: number[] = [];
  const { sweeps } = matchWeights(a.parameters, b.parameters, symmetryOf(a.network)!, 1, (_, changed) =>
    changes.push(changed),
  );
  // Two descents, each until nothing changes; what is told are the sweeps of the higher one.
  const ends = changes.flatMap((changed, i) => (changed === 0 ? [i + 1] : []));
  expect(ends).toHaveLength(2);
  expect(ends[1]).toBe(changes.length);
  expect([ends[0], ends[1]! - ends[0]!]).toContain(sweeps);
});

test('networks of different widths are refused', async () => {
  const { checkpoints } = await runKind(
    train,
    { network: { name: 'mlp', widths: [12, 8] }, dataset: 'tiny', epochs: 0, seed: 1 },
    { root },
  );
  const inputs = { model: models[0]!, to: member(checkpoints!, '0') };
  await expect(runKind(match, {}, { root, inputs })).rejects.toThrow('are not of one network');
});
