import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { type Examples, inOrder } from '../../src/network/examples.ts';
import { flattened, Hessian, shaped } from '../../src/network/hessian.ts';
import {
  evaluationMode,
  inputTensor,
  LossMeter,
  lossAndGradient,
  targetTensor,
  toTensors,
  toVector,
} from '../../src/network/loss.ts';
import { recalibrated } from '../../src/network/recalibrate.ts';
import { moved, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { countStationaryPoints } from '../../stages/classify/stationary-points.ts';
import { scaled } from '../../stages/directions/scaling.ts';
import { linspace } from '../../stages/evaluate/grid.ts';
import { startTestEngine, testEngine } from '../support/engine.ts';
import {
  expected,
  oracleImages,
  oracleMissing,
  oracleVectorOf,
  relativeError,
  trainedWeights,
} from '../support/oracle.ts';

/** With the engine wasm, where all of it takes half an hour, some points of the curves and 128 images stand for all. */
const all = testEngine().name !== 'wasm';
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const li = {
  mean: [125.3, 123, 113.9].map((v) => v / 255),
  deviation: [63, 62.1, 66.7].map((v) => v / 255),
};
const title = `trained ResNets against PyTorch in float64${oracleMissing ? ` (${oracleMissing})` : ''}`;

describe.skipIf(oracleMissing !== undefined)(title, () => {
  const resnet20 = buildNetwork({ name: 'resnet', depth: 20, shortcut: 'A', inputs: 3072, classes: 10 });
  let before: number;
  let theta: ParameterVector;
  let state: ParameterVector;
  let reference: ReturnType<typeof expected>;

  beforeAll(async () => {
    await startTestEngine();
    before = tf.memory().numTensors;
    ({ parameters: theta, state } = trainedWeights('akamaster_resnet20-12fca82f_cifar10', resnet20));
    reference = expected('rn20');
  });
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(before);
  });

  const filtered = (direction: ParameterVector, at: ParameterVector, size: number): ParameterVector => {
    const result = scaled(direction, at, 'filter', 'zero');
    expect(Math.abs(norm(result) / size - 1)).toBeLessThan(1e-6);
    return result;
  };

  const measured = async (
    network: typeof resnet20,
    examples: Examples,
    at: ParameterVector,
    statistics: ParameterVector,
  ) => {
    const meter = new LossMeter(network, examples, 250);
    const result = await meter.measure(at, statistics);
    meter.dispose();
    return result;
  };

  test('the ResNet-20’s logits of three images', async () => {
    const images = oracleImages('test_batch.bin', 3, imagenet);
    const inputs = inputTensor(images, inOrder(3));
    const parameters = toTensors(theta);
    const fixed = evaluationMode(resnet20, state);
    const logits = tf.tidy(() => fixed.network.forward(tf, parameters, inputs));
    const values = await logits.data();
    fixed.dispose();
    tf.dispose([inputs, logits, ...parameters]);
    const flat = reference.logits_eval_first3.flat() as number[];
    const worst = Math.max(...flat.map((value, i) => Math.abs(values[i]! - value)));
    // Float32 in twenty layers: some tens of roundings of numbers of size 30.
    expect(worst).toBeLessThan(1e-4);
    expect(Math.abs(norm(theta) / reference.theta_norm - 1)).toBeLessThan(1e-7);
  });

  describe.each(['eval', 'train'] as const)('on 64 images in %s mode', (mode) => {
    test('loss and gradient, tensor by tensor', async () => {
      const one = reference[`bn_${mode}_64`];
      const images = oracleImages('test_batch.bin', 64, imagenet);
      const [inputs, targets] = [inputTensor(images, inOrder(64)), targetTensor(images, inOrder(64))];
      const parameters = toTensors(theta);
      const fixed = evaluationMode(resnet20, state);
      const network = mode === 'eval' ? fixed.network : normalisedBy(resnet20, { statistics: 'batch' });
      const { loss, gradient } = lossAndGradient(network, parameters, inputs, targets);
      const vector = await toVector(gradient, theta);
      const value = (await loss.data())[0]!;
      fixed.dispose();
      tf.dispose([inputs, targets, loss, ...gradient, ...parameters]);
      const norms = Object.values(one.per_tensor) as { grad_norm: number }[];
      const worst = vector.reduce(
        (max, tensor, t) => Math.max(max, Math.abs(norm([tensor]) / norms[t]!.grad_norm - 1)),
        0,
      );
      const error = relativeError(vector, oracleVectorOf(`rn20_${mode}_grad64`, resnet20));
      expect(norms).toHaveLength(vector.length);
      expect(Math.abs(value / one.loss - 1)).toBeLessThan(3e-6);
      // Float32 PyTorch: 1e-6 in evaluation mode, 2.2e-6 in training mode.
      expect(error).toBeLessThan(8e-6);
      expect(worst).toBeLessThan(2e-5);
    });
  });

  // In training mode wasm would take minutes; `convolution.test.ts` proves its second derivatives too.
  test.each(all ? (['eval', 'train'] as const) : (['eval'] as const))(
    'a product with the Hessian on 64 images in %s mode',
    async (mode) => {
      const one = reference[`bn_${mode}_64`];
      const images = oracleImages('test_batch.bin', 64, imagenet);
      const fixed = evaluationMode(resnet20, state);
      const network = mode === 'eval' ? fixed.network : normalisedBy(resnet20, { statistics: 'batch' });
      const hessian = new Hessian(network, theta, images, { batch: 64 });
      const v = flattened(oracleVectorOf('rn20_v', resnet20));
      const product = await hessian.product(v);
      hessian.dispose();
      fixed.dispose();
      const wanted = flattened(oracleVectorOf(`rn20_${mode}_hv64`, resnet20));
      const off = Math.sqrt(product.reduce((sum, value, i) => sum + (value - wanted[i]!) ** 2, 0));
      const curvature = product.reduce((sum, value, i) => sum + value * v[i]!, 0);
      // Float32 PyTorch: 1.8e-6 in evaluation mode, 2.7e-6 in training mode.
      expect(off / one.hv_norm).toBeLessThan(1e-5);
      expect(Math.abs(curvature / one.vHv - 1)).toBeLessThan(1e-5);
      const norms = Object.values(one.per_tensor) as { hv_norm: number }[];
      const tensors = shaped(product, theta);
      expect(norms).toHaveLength(tensors.length);
      for (const [t, tensor] of tensors.entries())
        expect(Math.abs(norm([tensor]) / norms[t]!.hv_norm - 1), tensor.name).toBeLessThan(5e-5);
    },
  );

  test.each(all ? [1000, 2000] : [1000])('loss and accuracy on the first %i test images', async (count) => {
    const { loss, acc } = reference[`test_first_${count}`];
    const images = oracleImages('test_batch.bin', count, imagenet);
    const found = await measured(resnet20, images, theta, state);
    // Float32 PyTorch: 2e-7.
    expect(Math.abs(found.loss / loss - 1)).toBeLessThan(1e-6);
    expect(Math.abs(found.accuracy - acc)).toBeLessThanOrEqual(1.001 / count);
  });

  /** Compares the points of a curve, all of them or one. @param at what to measure at each. */
  const along = async (
    network: typeof resnet20,
    examples: Examples,
    curve: { loss: number[]; acc: number[]; stationary: number },
    one: number,
    at: (by: number, i: number) => Promise<readonly [ParameterVector, ParameterVector]>,
  ) => {
    const meter = new LossMeter(network, examples, 250);
    const losses: number[] = [];
    for (const [i, by] of linspace(-1, 1, 11).entries()) {
      if (!all && i !== one) continue;
      const { loss, accuracy } = await meter.measure(...(await at(by, i)));
      losses.push(loss);
      expect(Math.abs(loss / curve.loss[i]! - 1)).toBeLessThan(3e-6);
      expect(Math.abs(accuracy - curve.acc[i]!)).toBeLessThanOrEqual(0.001001);
    }
    meter.dispose();
    if (all) expect(countStationaryPoints(losses)).toBe(curve.stationary);
  };

  test('loss and accuracy along a direction, statistics kept', async () => {
    const { curve_noupbn: curve } = reference;
    const images = oracleImages('test_batch.bin', 1000, imagenet);
    const direction = filtered(oracleVectorOf('rn20_dir', resnet20), theta, curve.direction_norm);
    await along(resnet20, images, curve, 8, async (by) => [moved(theta, [{ direction, by }]), state]);
  });

  test('loss, accuracy and running statistics along a direction, statistics recalibrated', async () => {
    const { curve_upbn: curve, curve_noupbn } = reference;
    const images = oracleImages('test_batch.bin', 1000, imagenet);
    const training = oracleImages('data_batch_1.bin', 1000, imagenet);
    const direction = filtered(oracleVectorOf('rn20_dir', resnet20), theta, curve_noupbn.direction_norm);
    await along(resnet20, images, curve, 7, async (by, i) => {
      const at = moved(theta, [{ direction, by }]);
      const statistics = await recalibrated(resnet20, at, training, 'cumulative', 100);
      const probes = [
        'norm1/mean',
        'norm1/variance',
        'stage3/block3/norm2/mean',
        'stage3/block3/norm2/variance',
      ];
      const values = probes.map((name) => statistics.find((tensor) => tensor.name === name)!.values[0]!);
      const off = values.map((value, p) => Math.abs(value / curve.running_stats_probe.values[i][p] - 1));
      for (const o of off) expect(o).toBeLessThan(2e-5);
      return [at, statistics];
    });
  });

  test('the ResNet-56 of Li et al., with 1x1 convolutions as shortcuts', async () => {
    const network = buildNetwork({ name: 'resnet', depth: 56, shortcut: 'B', inputs: 3072, classes: 10 });
    const weights = trainedWeights('li2018_resnet56_cifar10', network);
    const { curve_noupbn: curve, loss, acc, theta_norm: size } = expected('li2018_resnet56');
    expect(Math.abs(norm(weights.parameters) / size - 1)).toBeLessThan(1e-7);
    expect([curve.loss[5], curve.acc[5]]).toEqual([loss, acc]);
    const direction = filtered(oracleVectorOf('rn56_dir', network), weights.parameters, curve.direction_norm);
    const images = oracleImages('test_batch.bin', 1000, li);
    await along(network, images, curve, 4, async (by) => [
      moved(weights.parameters, [{ direction, by }]),
      weights.state,
    ]);
  });

  test.each([
    {
      file: 'akamaster_resnet20-12fca82f_cifar10',
      depth: 20,
      shortcut: 'A',
      constants: imagenet,
      known: 0.9173,
    },
    { file: 'li2018_resnet56_cifar10', depth: 56, shortcut: 'B', constants: li, known: 0.9366 },
    { file: 'li2018_resnet56_noshort_cifar10', depth: 56, shortcut: 'none', constants: li, known: 0.8669 },
  ] as const)('$file gets the known $known of the test images right', async (one) => {
    const { depth, shortcut } = one;
    const network = buildNetwork({ name: 'resnet', depth, shortcut, inputs: 3072, classes: 10 });
    const weights = trainedWeights(one.file, network);
    const images = oracleImages('test_batch.bin', all ? 10_000 : 128, one.constants);
    const { accuracy } = await measured(network, images, weights.parameters, weights.state);
    // All 10,000 may differ by a near tie or two; of 128 the accuracy is within three standard errors.
    expect(Math.abs(accuracy - one.known)).toBeLessThan(all ? 0.0002 : 0.09);
  });
});
