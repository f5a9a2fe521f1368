import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../../src/engine/tensorflow.ts';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { decodeCurves } from '../../../src/landscape/curves.ts';
import { buildNetwork } from '../../../src/network/architectures.ts';
import { norm } from '../../../src/network/tensors.ts';
import { Random } from '../../../src/util/random.ts';
import directions from '../../../stages/directions/stage.ts';
import evaluate from '../../../stages/evaluate/stage.ts';
import { changesOf } from '../../../stages/quadratic/changes.ts';
import { quadraticAt } from '../../../stages/quadratic/quadratic.ts';
import quadratic, { facts } from '../../../stages/quadratic/stage.ts';
import type { ChangesTable } from '../../../stages/quadratic/table.ts';
import train from '../../../stages/train/stage.ts';
import { startTestEngine } from '../../support/engine.ts';
import { expected, oracleImages, oracleMissing, oracleVector } from '../../support/oracle.ts';
import { MemoryMemo, member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
let model: Artifact;
let x: Artifact;
beforeAll(async () => {
  const settings = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', batch: 16, epochs: 1, seed: 1 };
  model = member((await runKind(train, settings, { root })).checkpoints!, '1');
  const random = { kind: 'gaussian', seed: 3, count: 2 };
  x = (await runKind(directions, random, { root, inputs: { model } })).direction!;
});
const curvesOf = (outputs: Record<string, Artifact>) =>
  decodeCurves(readFileSync(outputs.curves!.path!, 'utf8'));

test('slope and curvature along a curve are its derivatives', async () => {
  const before = tf.memory().numTensors;
  const settings = { points: 3, range: [-0.2, 0.2], scale: 0.5 };
  const outputs = await runKind(quadratic, { kind: 'curve', ...settings }, { root, inputs: { model, x } });
  expect(tf.memory().numTensors).toBe(before);
  const { series, axes } = curvesOf(outputs);
  expect(series).toHaveLength(2);
  const plain = curvesOf(await runKind(evaluate, settings, { root, inputs: { model, x } }));
  for (const [s, { metrics }] of plain.series.entries())
    for (const [i, loss] of metrics.loss!.entries()) expect(series[s]!.metrics.loss![i]).toBeCloseTo(loss, 6);
  // Central differences of float32 losses: rounding 1e-7/h² and h² times a fourth derivative; a kink of ReLU adds its own.
  const h = 1e-2;
  for (const lambda of axes[0]!.values) {
    const around = curvesOf(
      await runKind(
        evaluate,
        { points: 3, range: [lambda - h, lambda + h], scale: 0.5 },
        { root, inputs: { model, x } },
      ),
    );
    const at = axes[0]!.values.indexOf(lambda);
    for (const [s, { metrics }] of around.series.entries()) {
      const [low, middle, high] = metrics.loss as [number, number, number];
      const [slope, curvature] = [series[s]!.metrics.slope![at]!, series[s]!.metrics.curvature![at]!];
      expect(Math.abs((high - low) / (2 * h) - slope)).toBeLessThan(0.01 * Math.abs(slope) + 1e-3);
      expect(Math.abs((high + low - 2 * middle) / h ** 2 - curvature)).toBeLessThan(
        0.05 * Math.abs(curvature) + 2e-2,
      );
    }
  }
  expect(await facts(outputs)).toHaveProperty('largest-curvature');
});

describe('the distribution of changes', () => {
  test('has the mean and the variance of the corrected Eq. 4: a quadratic function', () => {
    // L = gᵀε + ½Σ hᵢεᵢ² in 40 dimensions; 20,000 samples know a deviation to half a per cent.
    const random = new Random([1, 'quadratic']);
    const g = [...random.gaussians(40)];
    const h = [...random.gaussians(40)].map((z) => 3 * z + 1);
    const sigma = 0.7;
    const samples = Array.from({ length: 20_000 }, () => {
      const e = [...random.gaussians(40)].map((z) => sigma * z);
      return {
        slope: e.reduce((sum, z, i) => sum + z * g[i]!, 0),
        curvature: e.reduce((sum, z, i) => sum + h[i]! * z * z, 0),
        squaredImage: e.reduce((sum, z, i) => sum + (h[i]! * z) ** 2, 0),
      };
    });
    const squared = g.reduce((sum, v) => sum + v * v, 0);
    const { trace, squaredTrace, changes } = changesOf(samples, squared, [0.05, 0.5, 2], sigma);
    const exact = { trace: h.reduce((a, b) => a + b, 0), squared: h.reduce((a, b) => a + b * b, 0) };
    expect(Math.abs(trace.value - exact.trace)).toBeLessThan(4 * trace.standardError!);
    expect(Math.abs(squaredTrace.value - exact.squared)).toBeLessThan(4 * squaredTrace.standardError!);
    for (const { lambda, mean, deviation, expected: theory } of changes) {
      const variance = (lambda * sigma) ** 2 * squared + 0.5 * (lambda * sigma) ** 4 * exact.squared;
      expect(theory.deviation / Math.sqrt(variance)).toBeCloseTo(1, 1);
      expect(Math.abs(deviation / theory.deviation - 1)).toBeLessThan(0.03);
      expect(Math.abs(mean - theory.mean)).toBeLessThan((4 * deviation) / Math.sqrt(20_000));
    }
  });

  test('of a network: one product a sample, each stored', async () => {
    const memo = new MemoryMemo();
    const settings = { kind: 'distribution', samples: 6, lambdas: [1e-3, 1e-1] };
    const before = tf.memory().numTensors;
    const first = await runKind(quadratic, settings, { root, inputs: { model }, memo });
    expect(tf.memory().numTensors).toBe(before);
    expect(memo.computed).toBe(6);
    const more = await runKind(quadratic, { ...settings, samples: 8 }, { root, inputs: { model }, memo });
    expect(memo.computed).toBe(8);
    const table = (o: Record<string, Artifact>) =>
      JSON.parse(readFileSync(o.changes!.path!, 'utf8')) as ChangesTable;
    expect(table(more).slopes.slice(0, 6)).toEqual(table(first).slopes);
    const { slopes, curvatures, changes } = table(first);
    expect(changes[1]!.values[2]).toBeCloseTo(0.1 * slopes[2]! + 0.005 * curvatures[2]!, 12);
    const told = await facts(first);
    expect(told['mean-0.1']).toBe(changes[1]!.mean);
    expect(told['positive-share-0.1']).toBe(changes[1]!.values.filter((v) => v > 0).length / 6);
  });
});

test('what means nothing is refused', async () => {
  const refused = (settings: Record<string, unknown>) =>
    expect(runKind(quadratic, settings, { root, inputs: { model } })).rejects;
  await refused({ kind: 'curve' }).toThrow('needs the input "x"');
  await refused({ kind: 'distribution', points: 5 }).toThrow('/points');
  await refused({ kind: 'curve', range: [1, -1] }).toThrow('/range');
});

describe.skipIf(oracleMissing !== undefined)(
  `Listing 3 against PyTorch in float64${oracleMissing ? ` (${oracleMissing})` : ''}`,
  () => {
    test.each(['init', 'trained'])('at %s, along three vectors', async (point) => {
      await startTestEngine();
      const network = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });
      const reference = expected(`mlp_curvature_${point}`);
      const examples = oracleImages('data_batch_1.bin', 1000);
      for (const name of ['dir1', 'dir2', 'v']) {
        const epsilon = oracleVector(`mlp_${name}`);
        const found = await quadraticAt(network, oracleVector(`mlp_${point}_a`), [], epsilon, examples, 500);
        const { fd_raw: slope, sd_raw: curvature } = reference.listing3[name];
        // Float32 PyTorch's gradient and product are right to 2.5e-7 of their length; so are ours.
        const length = norm(epsilon);
        expect(Math.abs(found.slope - slope)).toBeLessThan(2.5e-7 * length * reference.grad_norm);
        expect(Math.abs(found.curvature - curvature)).toBeLessThan(1e-6 * Math.abs(curvature));
      }
    });
  },
);
