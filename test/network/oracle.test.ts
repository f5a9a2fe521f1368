import { beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { batches, type Examples, inOrder } from '../../src/network/examples.ts';
import {
  inputTensor,
  LossMeter,
  lossAndGradient,
  meanGradient,
  targetTensor,
  toTensors,
  toVector,
} from '../../src/network/loss.ts';
import { Sgd } from '../../src/network/sgd.ts';
import { dot, mapVector, moved, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { countStationaryPoints } from '../../stages/classify/stationary-points.ts';
import { scaled } from '../../stages/directions/scaling.ts';
import { linspace } from '../../stages/evaluate/grid.ts';
import { startTestEngine } from '../support/engine.ts';
import { expected, oracleImages, oracleMissing, oracleVector, relativeError } from '../support/oracle.ts';

const network = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });
const title = `the 3072-128-10 MLP against PyTorch in float64${oracleMissing ? ` (${oracleMissing})` : ''}`;

describe.skipIf(oracleMissing !== undefined)(title, () => {
  let init: ParameterVector;
  let trained: ParameterVector;
  let thousand: Examples;
  let meter: LossMeter;

  beforeAll(async () => {
    await startTestEngine();
    init = oracleVector('mlp_init_a');
    trained = oracleVector('mlp_trained_a');
    thousand = oracleImages('data_batch_1.bin', 1000);
    meter = new LossMeter(network, thousand, 500);
  });

  /** Largest relative deviation of a curve's losses; accuracies may differ by a near tie or two. */
  async function deviation(
    theta: ParameterVector,
    direction: ParameterVector,
    curve: {
      lambda_from: number;
      lambda_to: number;
      points: number;
      loss: number[];
      acc: number[];
      stationary: number;
    },
    every = 1,
  ): Promise<number> {
    const lambdas = linspace(curve.lambda_from, curve.lambda_to, curve.points);
    let worst = 0;
    const losses: number[] = [];
    for (const [i, lambda] of lambdas.entries()) {
      if (i % every !== 0) continue;
      const { loss, accuracy } = await meter.measure(moved(theta, [{ direction, by: lambda }]));
      losses.push(loss);
      worst = Math.max(worst, Math.abs(loss / curve.loss[i]! - 1));
      expect(Math.abs(accuracy - curve.acc[i]!)).toBeLessThanOrEqual(0.0021);
    }
    if (every === 1) expect(countStationaryPoints(losses)).toBe(curve.stationary);
    return worst;
  }

  test.each(['init', 'trained'])('loss, accuracy and gradient at %s', async (point) => {
    const reference = expected(`mlp_curvature_${point}`);
    const theta = point === 'init' ? init : trained;
    const measured = await meter.measure(theta);
    expect(Math.abs(measured.loss / reference.loss - 1)).toBeLessThan(2e-7);
    expect(measured.accuracy).toBe(reference.acc);
    const gradient = await meanGradient(network, theta, thousand, 300);
    const error = relativeError(gradient, oracleVector(`mlp_${point}_grad`));
    expect(error).toBeLessThan(1e-6);
    expect(Math.abs(norm(gradient) / reference.grad_norm - 1)).toBeLessThan(1e-6);
    const [first, , last] = [gradient[0]!, 0, gradient.at(-1)!];
    // grad_first8 are the weights of the first unit's first inputs.
    reference.grad_first8.forEach((value: number, i: number) => {
      expect(first.values[i * 128]).toBeCloseTo(value, 8);
    });
    reference.grad_last10.forEach((value: number, i: number) => {
      expect(last.values[i]).toBeCloseTo(value, 7);
    });
  });

  test('every scaling of one Gaussian direction gives the reference curve', async () => {
    const reference = expected('mlp_curves');
    const dir = oracleVector('mlp_dir1');
    const kinds = { whole: 'norm', layer: 'layer', filter: 'filter' } as const;
    const rules = { zeroed: 'zero', scaled: 'scale', raw: 'raw', copyw: 'copy' } as const;
    let seen = 0;
    for (const [point, theta] of [
      ['init', init],
      ['trained', trained],
    ] as const)
      for (const [kind, scaling] of Object.entries(kinds) as [keyof typeof kinds, 'norm'][])
        for (const [suffix, rule] of Object.entries(rules) as [keyof typeof rules, 'zero'][]) {
          const curve = reference[point][`dir1_${kind}_${suffix}`];
          if (!curve) continue;
          const direction = scaled(dir, theta, scaling, rule);
          const normError = Math.abs(norm(direction) / curve.direction_norm - 1);
          const worst = await deviation(theta, direction, curve, 20);
          seen++;
          expect.soft(worst, `${point} ${kind} ${suffix}`).toBeLessThan(1e-6);
          expect.soft(normError, `${point} ${kind} ${suffix}`).toBeLessThan(1e-7);
        }
    expect(seen).toBe(16);
  });

  test('towards other checkpoints; the w-basin whole, with its stationary points', async () => {
    const reference = expected('mlp_curves');
    const dir = oracleVector('mlp_dir1');
    const results = {
      whole: await deviation(init, scaled(dir, init, 'norm', 'zero'), reference.init.dir1_whole_zeroed, 8),
      mli: await deviation(
        init,
        mapVector(init, (t, i) => trained[t]!.values[i]! - init[t]!.values[i]!),
        reference.mli_init_to_trained,
        8,
      ),
      wBasin: await deviation(
        trained,
        mapVector(trained, (t, i) => oracleVectorB[t]!.values[i]! - trained[t]!.values[i]!),
        reference.wbasin_trained_a_to_b,
      ),
    };
    for (const worst of Object.values(results)) expect(worst).toBeLessThan(1e-6);
  });
  const oracleVectorB = oracleMissing ? [] : oracleVector('mlp_trained_b');

  test.each(['init', 'trained'])(
    'along the negative gradient at %s, raw and with the norm of θ',
    async (point) => {
      const reference = expected('mlp_curves')[point];
      const theta = point === 'init' ? init : trained;
      const gradient = await meanGradient(network, theta, thousand, 500);
      const negative = mapVector(gradient, (t, i) => -gradient[t]!.values[i]!);
      const results = [
        await deviation(theta, negative, reference['neggrad_s0.1'], 10),
        await deviation(theta, negative, reference['neggrad_s1.0'], 10),
        await deviation(theta, scaled(negative, theta, 'norm', 'scale'), reference['neggrad_whole_s1.0'], 10),
      ];
      for (const worst of results) expect(worst).toBeLessThan(3e-6);
    },
  );

  test('a surface over two directions', async () => {
    const { loss } = expected('mlp_curves').init.surface11_dir1_dir2_whole;
    const x = scaled(oracleVector('mlp_dir1'), init, 'norm', 'scale');
    const y = scaled(oracleVector('mlp_dir2'), init, 'norm', 'scale');
    const lambdas = linspace(-1, 1, 11);
    for (const [i, j] of [
      [0, 0],
      [0, 10],
      [5, 5],
      [10, 3],
      [7, 2],
    ] as const) {
      const point = moved(init, [
        { direction: x, by: lambdas[i]! },
        { direction: y, by: lambdas[j]! },
      ]);
      expect(Math.abs((await meter.measure(point)).loss / loss[i][j] - 1)).toBeLessThan(1e-6);
    }
  });

  /** Steps of SGD over the first images in file order, batches of 128. */
  async function train(
    theta: ParameterVector,
    learningRate: number,
    steps: number,
    onStep: (s: Sgd, step: number, loss: number) => Promise<void>,
  ) {
    const examples = oracleImages('data_batch_1.bin', 10_000);
    const sgd = new Sgd({ momentum: 0.9, weightDecay: 5e-4, nesterov: false }, toTensors(theta));
    let step = 0;
    while (step < steps)
      for (const indices of batches(inOrder(examples.count), 128)) {
        if (step === steps) break;
        const inputs = inputTensor(examples, indices);
        const targets = targetTensor(examples, indices);
        const { loss, gradient } = lossAndGradient(network, sgd.parameters, inputs, targets);
        sgd.step(gradient, learningRate);
        const [value] = await loss.data();
        tf.dispose([inputs, targets, loss, gradient]);
        await onStep(sgd, ++step, value!);
      }
    const result = await toVector(sgd.parameters, theta);
    sgd.dispose();
    return result;
  }

  test('an epoch of SGD, step by step', async () => {
    const recipe = expected('mlp_training')['a_lr0.005'];
    const checks = expected('mlp_short_checks')['sgd_lr0.005_init_a'] as {
      step: number;
      loss: number;
      norm: number;
      dot_dir1: number;
    }[];
    const dir = oracleVector('mlp_dir1');
    const deviations: number[] = [];
    await train(init, 0.005, 79, async (sgd, step, loss) => {
      if (step <= 79) deviations.push(Math.abs(loss / recipe.first_epoch_step_losses[step - 1] - 1));
      const check = checks.find((c) => c.step === step);
      if (check) {
        const theta = await toVector(sgd.parameters, init);
        expect(Math.abs(norm(theta) / check.norm - 1)).toBeLessThan(1e-6);
        expect(Math.abs(dot(theta, dir) / check.dot_dir1 - 1)).toBeLessThan(1e-5);
      }
      if (step % 79 === 0) {
        const epoch = recipe.epochs[step / 79 - 1];
        const all = new LossMeter(network, oracleImages('data_batch_1.bin', 10_000), 1000);
        const after = await all.measure(await toVector(sgd.parameters, init));
        all.dispose();
        expect(Math.abs(after.loss / epoch.loss_after - 1)).toBeLessThan(2e-6);
        expect(Math.abs(after.accuracy - epoch.acc_after)).toBeLessThanOrEqual(2e-4);
      }
    });
    expect(Math.max(...deviations)).toBeLessThan(1e-6);
  });

  test('the first ten steps at a chaotic learning rate', async () => {
    const { first_epoch_step_losses: losses } = expected('mlp_training')['a_lr0.05'];
    await train(init, 0.05, 10, async (_, step, loss) => {
      expect(Math.abs(loss / losses[step - 1] - 1)).toBeLessThan(2e-6);
    });
  });

  test('the trained network on all test images', async () => {
    const { test_10000: reference } = expected('mlp_training')['a_lr0.005'];
    const all = new LossMeter(network, oracleImages('test_batch.bin', 10_000), 1000);
    const measured = await all.measure(trained);
    all.dispose();
    expect(Math.abs(measured.loss / reference.loss - 1)).toBeLessThan(1e-7);
    expect(measured.accuracy).toBe(reference.acc);
  });
});
