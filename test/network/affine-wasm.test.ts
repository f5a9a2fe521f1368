import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { AffineMeter } from '../../src/network/affine-meter.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { LossMeter, type Measurement } from '../../src/network/loss.ts';
import { mapVector, moved } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';

let before: number;
beforeAll(async () => {
  await startEngine({ name: 'wasm', identity: {} }, process.cwd());
  before = tf.memory().numTensors;
});
afterAll(() => {
  expect(tf.memory().numTensors).toBe(before);
});

test.each([
  { widths: [], classes: 5 },
  { widths: [7], classes: 3 },
  { widths: [12, 6], classes: 5 },
])(
  'on the engine wasm the first layer of $widths is a product of our own, with the plain losses and the same bits from any threads',
  async ({ widths, classes }) => {
    const [inputs, count] = [300, 75];
    const network = buildNetwork({ name: 'mlp', widths, inputs, classes });
    const pixels = new Random([1, 'pixels']).gaussians(count * inputs);
    const examples = {
      count,
      features: inputs,
      classes,
      labels: Uint8Array.from({ length: count }, (_, i) => (i * 7) % classes),
      inputs: (indices: ArrayLike<number>) =>
        Float32Array.from(
          Array.from(indices).flatMap((i) => [...pixels.subarray(i * inputs, (i + 1) * inputs)]),
        ),
    };
    const theta = network.initialise('pytorch', 1);
    const direction = mapVector(theta, (t, i) => (((i * 31 + t) % 17) - 8) / 50);
    const points = [-1, 0.5, 2].map((by) => [{ direction: 'd', by }]);
    const found: Measurement[][] = [];
    for (const threads of [1, 2, 3]) {
      const meter = new AffineMeter(network, theta, examples, 32, async () => direction, threads);
      found.push(await meter.measureAll(points));
      meter.dispose();
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
    const plainly = new LossMeter(network, examples, 32);
    for (const [i, steps] of points.entries()) {
      const { by } = steps[0]!;
      const { loss } = await plainly.measure(moved(theta, [{ direction, by }]));
      // As in affine-meter.test.ts.
      expect(Math.abs(found[0]![i]!.loss - loss)).toBeLessThan(1e-6 * Math.max(1, loss));
    }
    plainly.dispose();
  },
);
