import { beforeAll, describe, expect, test } from 'vitest';
import { firstExamples } from '../../../src/dataset/dataset.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../../src/network/architectures.ts';
import { batches, type Examples, inOrder } from '../../../src/network/examples.ts';
import { inputTensor, LossMeter, targetTensor, toTensors, toVector } from '../../../src/network/loss.ts';
import { Sgd } from '../../../src/network/sgd.ts';
import { dot, moved, norm, type ParameterVector } from '../../../src/network/tensors.ts';
import { countStationaryPoints } from '../../../stages/classify/stationary-points.ts';
import { linspace } from '../../../stages/evaluate/grid.ts';
import type { Objective } from '../../../stages/mine/descent.ts';
import { basinObjective, difference, peakObjective } from '../../../stages/mine/objective.ts';
import { startTestEngine } from '../../support/engine.ts';
import {
  expected,
  oracleImages,
  oracleMissing,
  oracleUnits,
  oracleVector,
  relativeError,
} from '../../support/oracle.ts';

const network = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });
const title = `Algorithms 1 and 2 against PyTorch in float64${oracleMissing ? ` (${oracleMissing})` : ''}`;

describe.skipIf(oracleMissing !== undefined)(title, () => {
  let examples: Examples;
  beforeAll(async () => {
    await startTestEngine();
    examples = oracleImages('data_batch_1.bin', 10_000);
  });

  /** Largest relative deviation of the steps' losses, of the norm, and of the product with a direction over the norms. */
  async function deviations(
    check: string,
    objective: Objective,
    unit: readonly number[],
    direction: (point: ParameterVector) => ParameterVector,
    steps: number,
  ) {
    const checks = expected('mlp_short_checks')[check] as {
      step: number;
      loss: number;
      norm: number;
      dot_dir1: number;
    }[];
    const reference = oracleVector('mlp_dir1');
    const sgd = new Sgd({ momentum: 0, weightDecay: 0, nesterov: false }, toTensors(objective.start));
    const worst = { loss: 0, norm: 0, dot: 0, seen: 0 };
    for (const [b, indices] of batches(inOrder(examples.count), 128).slice(0, steps).entries()) {
      const inputs = inputTensor(examples, indices);
      const targets = targetTensor(examples, indices);
      const outcome = objective.step(sgd.parameters, { epoch: 1, inputs, targets, unit: unit[b]! });
      sgd.step(outcome.gradient, 0.05);
      const at = checks.find(({ step }) => step === b + 1);
      if (at) {
        const vector = direction(await toVector(sgd.parameters, objective.start));
        const [loss] = await outcome.losses.loss!.data();
        const along = Math.abs(dot(vector, reference) - at.dot_dir1) / (at.norm * norm(reference));
        worst.loss = Math.max(worst.loss, Math.abs(loss! / at.loss - 1));
        worst.norm = Math.max(worst.norm, Math.abs(norm(vector) / at.norm - 1));
        worst.dot = Math.max(worst.dot, along);
        worst.seen++;
      }
      tf.dispose([inputs, targets, outcome.gradient, Object.values(outcome.losses)]);
    }
    sgd.dispose();
    return worst;
  }

  // Float32 PyTorch deviates from its float64 by 3.5e-7 in the whole of ε, and by 7e-4 at init after step 40, where a
  // ReLU flips: there only the first 40 steps compare.
  test.each([
    ['init', 40],
    ['trained', 79],
  ])('w-peak from %s, %i steps', async (point, steps) => {
    const form = oracleVector(`mlp_${point}_a`);
    const theta = toTensors(form);
    const objective = peakObjective(network, theta, form, { epochs: 10, reach: 1 });
    const worst = await deviations(
      `wpeak_${point}_a_epoch1`,
      objective,
      oracleUnits('wpeak_u', 1),
      (e) => e,
      steps,
    );
    tf.dispose(theta);
    expect(worst.seen).toBe(steps === 79 ? 8 : 6);
    expect(worst.loss).toBeLessThan(1e-6);
    expect(worst.norm).toBeLessThan(1e-6);
    expect(worst.dot).toBeLessThan(1e-6);
  });

  test.each([
    ['vvv_a0.0_g0.1_epoch1', 0, 0.1, 20],
    ['vvv_a0.1_g0.5_epoch1', 0.1, 0.5, 79],
  ])('vvv-basin, %s', async (check, alpha, gamma, steps) => {
    const form = oracleVector('mlp_trained_a');
    const theta = toTensors(form);
    const start = oracleVector('mlp_init_b');
    const objective = basinObjective(network, theta, form, start, { alpha, gamma });
    const worst = await deviations(
      check,
      objective,
      oracleUnits('vvv_u', 1),
      (phi) => difference(phi, form),
      steps,
    );
    tf.dispose(theta);
    expect(worst.seen).toBe(steps === 79 ? 8 : 5);
    expect(worst.loss).toBeLessThan(1e-6);
    expect(worst.norm).toBeLessThan(1e-6);
    expect(worst.dot).toBeLessThan(1e-6);
  });

  /** Ten epochs in file order: the mean of the batches' losses by their sizes and the norm after each, and the direction at the end. */
  async function mined(
    objective: Objective,
    unit: readonly number[],
    direction: (point: ParameterVector) => ParameterVector,
  ): Promise<{ history: { losses: number[]; norm: number }[]; direction: ParameterVector }> {
    const sgd = new Sgd({ momentum: 0, weightDecay: 0, nesterov: false }, toTensors(objective.start));
    const history: { losses: number[]; norm: number }[] = [];
    for (let epoch = 1; epoch <= 10; epoch++) {
      const list = batches(inOrder(examples.count), 128);
      const losses: number[] = [];
      for (const [b, indices] of list.entries()) {
        const inputs = inputTensor(examples, indices);
        const targets = targetTensor(examples, indices);
        const at = { epoch, inputs, targets, unit: unit[79 * (epoch - 1) + b]! };
        const outcome = objective.step(sgd.parameters, at);
        sgd.step(outcome.gradient, 0.05);
        for (const [l, loss] of Object.values(outcome.losses).entries())
          losses[l] = (losses[l] ?? 0) + ((await loss.data())[0]! * indices.length) / examples.count;
        tf.dispose([inputs, targets, outcome.gradient, Object.values(outcome.losses)]);
      }
      const point = await toVector(sgd.parameters, objective.start);
      history.push({ losses, norm: norm(direction(point)) });
    }
    const last = direction(await toVector(sgd.parameters, objective.start));
    sgd.dispose();
    return { history, direction: last };
  }

  // Over 790 steps a single ReLU that flips separates float32 from float64: PyTorch's own float32 direction ends 6 to 13 %
  // from its float64 one, its curve 0.1 to 2.7 % (`torch_float32`); norms and losses on the way stay within 0.3 %. The
  // bounds are twice those deviations, and tight up to the first flip.
  test.each([
    ['wpeak_init_10ep', 'init', 'mlp_wpeak_init_eps'],
    ['wpeak_trained_10ep', 'trained', 'mlp_wpeak_trained_eps'],
    ['vvv_alpha0.0_gamma0.1', 'trained', 'mlp_vvv_a0_g0.1_eps'],
  ])(
    'ten epochs, %s: history, direction, curves',
    async (name, point, stored) => {
      const reference = expected('mlp_mining')[name];
      const form = oracleVector(`mlp_${point}_a`);
      const theta = toTensors(form);
      const peak = name.startsWith('wpeak');
      const objective = peak
        ? peakObjective(network, theta, form, { epochs: 10, reach: 1 })
        : basinObjective(network, theta, form, oracleVector('mlp_init_b'), { alpha: 0, gamma: 0.1 });
      const { history, direction } = await mined(
        objective,
        oracleUnits(peak ? 'wpeak_u' : 'vvv_u', 10),
        (vector) => (peak ? vector : difference(vector, form)),
      );
      tf.dispose(theta);
      const fields = peak ? ['mean_batch_loss'] : ['mean_batch_loss_phi', 'mean_batch_loss_interp'];
      for (const [e, row] of history.entries()) {
        const wanted = reference.history[e];
        const tolerance = e === 0 ? 5e-5 : 6e-3;
        fields.forEach((field, l) => {
          expect
            .soft(Math.abs(row.losses[l]! / wanted[field] - 1), `${field} ${e + 1}`)
            .toBeLessThan(tolerance);
        });
        const length = wanted[peak ? 'eps_norm' : 'phi_minus_theta_norm'];
        expect.soft(Math.abs(row.norm / length - 1), `norm ${e + 1}`).toBeLessThan(tolerance);
      }
      const { eps_relerr: apart, curve_1000_max_rel_dev: bent } = reference.torch_float32;
      expect(relativeError(direction, oracleVector(stored))).toBeLessThan(2 * apart);
      for (const [count, curve] of [
        [1000, reference.curve_1000],
        [10_000, reference.curve_10000],
      ] as const) {
        const meter = new LossMeter(network, firstExamples(examples, count, 'data_batch_1'), 500);
        const losses: number[] = [];
        for (const by of linspace(curve.lambda_from, curve.lambda_to, curve.points))
          losses.push((await meter.measure(moved(form, [{ direction, by }]))).loss);
        meter.dispose();
        expect(Math.max(...losses.map((loss, i) => Math.abs(loss / curve.loss[i] - 1)))).toBeLessThan(
          2 * bent,
        );
        expect(countStationaryPoints(losses)).toBe(curve.stationary);
      }
    },
    600_000,
  );
});
