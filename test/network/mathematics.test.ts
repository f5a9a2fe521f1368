import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
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
import { moved, type ParameterVector } from '../../src/network/tensors.ts';
import {
  type ReferenceBatch,
  type ReferenceLayer,
  ReferenceSgd,
  randomBatch,
  randomLayers,
  referenceAccuracy,
  referenceGradient,
  referenceLoss,
  referenceLosses,
} from '../support/reference-mlp.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

const sizes = [12, 9, 7, 4];
const network = buildNetwork({ name: 'mlp', widths: [9, 7], inputs: 12, classes: 4 });

function vectorOf(layers: readonly ReferenceLayer[]): ParameterVector {
  return layers.flatMap(({ kernel, bias }, l) => [
    {
      name: `dense${l + 1}/kernel`,
      shape: [kernel.length, bias.length],
      values: Float32Array.from(kernel.flat()),
    },
    { name: `dense${l + 1}/bias`, shape: [bias.length], values: Float32Array.from(bias) },
  ]);
}

function examplesOf({ inputs, labels }: ReferenceBatch): Examples {
  return {
    count: inputs.length,
    features: inputs[0]!.length,
    classes: 4,
    labels: Uint8Array.from(labels),
    inputs: (indices) => Float32Array.from(Array.from(indices).flatMap((n) => inputs[n]!)),
  };
}

function expectClose(actual: ParameterVector, expected: ParameterVector, tolerance: number): void {
  expected.forEach(({ name, values }, t) => {
    const size = Math.max(1e-3, ...values.map(Math.abs));
    values.forEach((value, i) => {
      expect(Math.abs(actual[t]!.values[i]! - value) / size, `${name} ${i}`).toBeLessThan(tolerance);
    });
  });
}

const layers = randomLayers('layers', sizes);
const batch = randomBatch('batch', 53, 12, 4);
const theta = vectorOf(layers);

describe('an MLP against plain float64', () => {
  engineWithoutLeaks();

  test.each([1, 7, 53, 100])('loss, accuracy and standard error, in batches of %i', async (size) => {
    const meter = new LossMeter(network, examplesOf(batch), size);
    const measured = await meter.measure(theta);
    meter.dispose();
    const losses = referenceLosses(layers, batch);
    const mean = losses.reduce((a, b) => a + b, 0) / 53;
    const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / 52;
    expect(measured.loss).toBeCloseTo(mean, 6);
    expect(measured.standardError).toBeCloseTo(Math.sqrt(variance / 53), 6);
    expect(measured.accuracy).toBe(referenceAccuracy(layers, batch));
  });

  test('the reference gradient is that of its loss', () => {
    const gradient = referenceGradient(layers, batch);
    const h = 1e-6;
    for (const [l, i, o] of [
      [0, 3, 2],
      [1, 8, 6],
      [2, 0, 3],
    ] as const) {
      const at = (by: number): number => {
        const shifted = structuredClone(layers);
        shifted[l]!.kernel[i]![o]! += by;
        return referenceLoss(shifted, batch);
      };
      expect(gradient[l]!.kernel[i]![o]!).toBeCloseTo((at(h) - at(-h)) / (2 * h), 7);
    }
  });

  test.each([8, 53])('the mean gradient, in micro-batches of %i', async (size) => {
    const gradient = await meanGradient(network, theta, examplesOf(batch), size);
    expectClose(gradient, vectorOf(referenceGradient(layers, batch)), 5e-6);
  });

  test.each([
    { momentum: 0.9, weightDecay: 5e-4, nesterov: false },
    { momentum: 0.9, weightDecay: 5e-4, nesterov: true },
    { momentum: 0, weightDecay: 0.01, nesterov: false },
  ])('twelve steps of SGD with %o', async (settings) => {
    const reference = new ReferenceSgd(layers, settings);
    const sgd = new Sgd(settings, toTensors(theta));
    for (let step = 0; step < 12; step++) {
      const part = randomBatch(`step ${step}`, 16, 12, 4);
      reference.step(referenceGradient(reference.layers, part), 0.05);
      const all = Uint32Array.from({ length: 16 }, (_, i) => i);
      const inputs = inputTensor(examplesOf(part), all);
      const targets = targetTensor(examplesOf(part), all);
      const { loss, gradient } = lossAndGradient(network, sgd.parameters, inputs, targets);
      sgd.step(gradient, 0.05);
      tf.dispose([inputs, targets, loss, gradient]);
    }
    const result = await toVector(sgd.parameters, theta);
    sgd.dispose();
    expectClose(result, vectorOf(reference.layers), 1e-5);
  });

  test('huge and tiny losses are neither infinite nor lost', async () => {
    const one: Examples = { ...examplesOf({ inputs: [[1, ...Array(11).fill(0)]], labels: [0] }) };
    const linear = buildNetwork({ name: 'mlp', widths: [], inputs: 12, classes: 4 });
    const meter = new LossMeter(linear, one, 1);
    const withBias = (bias: number[]): ParameterVector => [
      { name: 'dense1/kernel', shape: [12, 4], values: new Float32Array(48) },
      { name: 'dense1/bias', shape: [4], values: Float32Array.from(bias) },
    ];
    expect((await meter.measure(withBias([0, 1e4, 0, 0]))).loss).toBe(1e4);
    expect((await meter.measure(withBias([40, 0, 0, 0]))).loss).toBeCloseTo(3 * Math.exp(-40), 30);
    expect((await meter.measure(withBias([0, Number.NaN, 0, 0]))).loss).toBeNaN();
    expect((await meter.measure(withBias([0, Number.NaN, 0, 0]))).accuracy).toBe(0);
    expect((await meter.measure(withBias([0, Number.POSITIVE_INFINITY, 0, 0]))).loss).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect((await meter.measure(withBias([Number.POSITIVE_INFINITY, 0, 0, 0]))).loss).toBeNaN();
    expect((await meter.measure(withBias([Number.NEGATIVE_INFINITY, 0, 0, 0]))).loss).toBe(
      Number.POSITIVE_INFINITY,
    );
    meter.dispose();
  });

  test('moving along directions is a float64 sum, rounded once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 3 }),
        fc.double({ min: -2, max: 2, noNaN: true }),
        (values, by) => {
          const tensor = (v: number): ParameterVector => [
            { name: 'a', shape: [1], values: Float32Array.of(v) },
          ];
          const [t, x, y] = values as [number, number, number];
          const result = moved(tensor(t), [
            { direction: tensor(x), by },
            { direction: tensor(y), by: -1 },
          ]);
          expect(result[0]!.values[0]).toBe(Math.fround(t + by * x + -1 * y));
        },
      ),
    );
    expect(moved(theta, [])).toBe(theta);
  });
});
