import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { encodeCheckpoint, readCheckpoint } from '../../src/network/checkpoint.ts';
import type { Examples } from '../../src/network/examples.ts';
import { flattened, Hessian } from '../../src/network/hessian.ts';
import { LossMeter, meanGradient, meanLoss } from '../../src/network/loss.ts';
import {
  crossEntropy,
  exampleLoss,
  type LossSpec,
  parseLoss,
  resolveLoss,
} from '../../src/network/objective.ts';
import { hessianVectorProduct } from '../../src/network/second-order.ts';
import { moved, type ParameterVector } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

interface Case {
  readonly value: number;
  readonly gradient: number[][];
  readonly product: number[][];
  readonly each: number[];
}
const reference = JSON.parse(readFileSync(new URL('../oracle/training.json', import.meta.url), 'utf8'))
  .losses as {
  logits: number[][];
  labels: number[];
  v: number[][];
  losses: Record<string, Case>;
};
const specs: Record<string, LossSpec> = {
  'cross-entropy': crossEntropy,
  smoothed: { name: 'cross-entropy', smoothing: 0.1 },
  'mean-squared-error': { name: 'mean-squared-error' },
  hinge: { name: 'hinge' },
  'focal-1': { name: 'focal', gamma: 1 },
  'focal-2': { name: 'focal', gamma: 2 },
  'focal-5': { name: 'focal', gamma: 5 },
};
const { logits, labels, v } = reference;
const argmax = (row: readonly number[]): number => row.indexOf(Math.max(...row));

describe('losses against PyTorch in float64', () => {
  engineWithoutLeaks();

  test('every loss that PyTorch was asked for is here', () => {
    expect(Object.keys(specs)).toEqual(Object.keys(reference.losses));
  });

  test.each(Object.entries(specs))('%s of each example, in float64', (name, spec) => {
    const flat = Float32Array.from(logits.flat());
    labels.forEach((label, n) => {
      const own = exampleLoss(spec, flat, 4 * n, 4, label, argmax(logits[n]!));
      expect(Math.abs(own - reference.losses[name]!.each[n]!)).toBeLessThan(1e-11);
    });
  });

  test.each(Object.entries(specs))('%s: value, gradient and product with the Hessian', async (name, spec) => {
    const { value, gradient, product } = reference.losses[name]!;
    const z = tf.tensor2d(logits);
    const direction = tf.tensor2d(v);
    const targets = tf.tensor2d(labels.map((label) => [0, 1, 2, 3].map((c) => (c === label ? 1 : 0))));
    const found = hessianVectorProduct((x) => meanLoss(spec, x as tf.Tensor2D, targets), [z], [direction]);
    const close = async (tensor: tf.Tensor, wanted: number[]) => {
      const values = await tensor.data();
      // A handful of float32 operations on numbers below 10.
      wanted.forEach((w, i) => {
        expect(Math.abs(values[i]! - w)).toBeLessThan(2e-6);
      });
    };
    await close(found.value, [value]);
    await close(found.gradient[0]!, gradient.flat());
    await close(found.product[0]!, product.flat());
    tf.dispose([z, direction, targets, found.value, found.gradient, found.product]);
  });

  test('loss, gradient and Hessian of a network are of the loss bound to it', async () => {
    const random = new Random([5, 'objective']);
    const inputs = random.gaussians(40 * 6);
    const examples: Examples = {
      count: 40,
      features: 6,
      classes: 4,
      labels: Uint8Array.from({ length: 40 }, () => random.below(4)),
      inputs: (indices) =>
        Float32Array.from(Array.from(indices).flatMap((n) => [...inputs.subarray(6 * n, 6 * n + 6)])),
    };
    const spec = { name: 'mlp', widths: [5], inputs: 6, classes: 4 } as const;
    const form = buildNetwork(spec).initialise('pytorch', 1);
    const theta: ParameterVector = form;
    const along: ParameterVector = form.map((tensor) => ({
      ...tensor,
      values: random.gaussians(tensor.values.length).map((x) => x / 8),
    }));
    const h = 1e-2;
    for (const loss of Object.values(specs)) {
      const network = { ...buildNetwork(spec), loss };
      const meter = new LossMeter(network, examples, 16);
      const at = async (by: number) => (await meter.measure(moved(theta, [{ direction: along, by }]))).loss;
      const [low, middle, high] = [await at(-h), await at(0), await at(h)];
      meter.dispose();
      const gradient = flattened(await meanGradient(network, theta, examples, 16));
      const hessian = new Hessian(network, theta, examples, { batch: 16 });
      const product = await hessian.product(flattened(along));
      hessian.dispose();
      const dot = (a: Float32Array) => a.reduce((sum, x, i) => sum + x * flattened(along)[i]!, 0);
      // Float32 logits leave 1e-7 in the losses: 1e-5 in the slope, 3e-3 in the curvature.
      expect(Math.abs((high - low) / (2 * h) - dot(gradient)), loss.name).toBeLessThan(1e-3);
      expect(Math.abs((high - 2 * middle + low) / h ** 2 - dot(product)), loss.name).toBeLessThan(2e-2);
    }
  });

  test('a checkpoint keeps the loss, and its network has it', async () => {
    const network = { name: 'mlp', widths: [2], inputs: 3, classes: 2 } as const;
    const checkpoint = {
      network,
      dataset: { name: 'tiny', digest: 'x', mean: [0, 0, 0], deviation: [1, 1, 1] },
      epoch: 1,
      seed: 1,
      parameters: buildNetwork(network).initialise('he', 1),
    };
    const path = join(scratchFolder('checkpoint'), 'it.safetensors');
    const read = async (loss: LossSpec) => {
      writeFileSync(path, encodeCheckpoint({ ...checkpoint, loss }));
      return readCheckpoint(path, 'it');
    };
    for (const loss of Object.values(specs).slice(1))
      expect((await read(loss)).architecture.loss).toEqual(loss);
    expect((await read(crossEntropy)).architecture.loss).toBeUndefined();
    expect(encodeCheckpoint({ ...checkpoint, loss: crossEntropy })).toEqual(encodeCheckpoint(checkpoint));
  });

  test('what a pipeline writes is resolved; what a file says is checked', () => {
    expect(resolveLoss('cross-entropy')).toEqual(crossEntropy);
    expect(resolveLoss('focal')).toEqual({ name: 'focal', gamma: 2 });
    expect(resolveLoss({ name: 'focal', gamma: 3 })).toEqual({ name: 'focal', gamma: 3 });
    expect(resolveLoss({ name: 'cross-entropy', smoothing: 0.1 })).toEqual(specs.smoothed);
    for (const text of ['', '{}', '{"name":"focal"}', '{"name":"cross-entropy","smoothing":1}', 'null'])
      expect(() => parseLoss(text, 'it'), text).toThrow('a loss that this version does not know');
  });
});
