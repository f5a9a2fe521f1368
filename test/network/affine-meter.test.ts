import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { AffineMeter, affineWork, type Step } from '../../src/network/affine-meter.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
import { LossMeter, type Measurement } from '../../src/network/loss.ts';
import type { MlpSpec, Network } from '../../src/network/network.ts';
import { mapVector, moved, type ParameterVector } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';
import { startTestEngine } from '../support/engine.ts';

let before: number;
beforeAll(async () => {
  await startTestEngine();
  before = tf.memory().numTensors;
});
afterAll(() => {
  expect(tf.memory().numTensors).toBe(before);
});

const inputs = 19;
const classes = 5;
const count = 700;
const pixels = new Random([1, 'pixels']).gaussians(count * inputs);
const examples: Examples = {
  count,
  features: inputs,
  classes,
  labels: Uint8Array.from({ length: count }, (_, i) => (i * 7) % classes),
  inputs: (indices) =>
    Float32Array.from(Array.from(indices).flatMap((i) => [...pixels.subarray(i * inputs, (i + 1) * inputs)])),
};

const networkOf = (widths: readonly number[]): Network =>
  buildNetwork({ name: 'mlp', widths, inputs, classes });
function directionsOf(network: Network): { theta: ParameterVector; named: Record<string, ParameterVector> } {
  const theta = network.initialise('pytorch', 1);
  const gaussian = (seed: number): ParameterVector => {
    const draws = theta.map(({ values }, t) => new Random([seed, 'direction', t]).gaussians(values.length));
    return mapVector(theta, (t, i) => 0.3 * draws[t]![i]!);
  };
  return { theta, named: { a: gaussian(1), b: gaussian(2), c: gaussian(3) } };
}

const paths: Step[][] = [
  [],
  [{ direction: 'a', by: 0.5 }],
  [{ direction: 'a', by: -3 }],
  [
    { direction: 'a', by: 0.25 },
    { direction: 'b', by: -1 },
  ],
  [
    { direction: 'a', by: 1 },
    { direction: 'b', by: 2 },
    { direction: 'c', by: -0.1 },
  ],
  // The first step in common with the one before, then as far along another direction.
  [
    { direction: 'a', by: 1 },
    { direction: 'c', by: 0.5 },
  ],
  [
    { direction: 'b', by: 1 },
    { direction: 'c', by: 0.5 },
  ],
];

async function both(
  network: Network,
  steps: readonly (readonly Step[])[],
  replaced: Record<string, ParameterVector> = {},
): Promise<{ affine: Measurement[]; plain: Measurement[]; meter: AffineMeter; reads: string[] }> {
  const { theta, named } = directionsOf(network);
  const vectors = { ...named, ...replaced };
  const reads: string[] = [];
  const meter = new AffineMeter(network, theta, examples, 256, async (name) => {
    reads.push(name);
    return vectors[name]!;
  });
  const plainly = new LossMeter(network, examples, 256);
  const [affine, plain]: [Measurement[], Measurement[]] = [[], []];
  for (const path of steps) {
    affine.push(await meter.measure(path));
    const moves = path.map(({ direction, by }) => ({ direction: vectors[direction]!, by }));
    plain.push(await plainly.measure(moved(theta, moves)));
  }
  meter.dispose();
  plainly.dispose();
  return { affine, plain, meter, reads };
}

describe.each([{ widths: [] }, { widths: [8] }, { widths: [7] }, { widths: [12, 6] }, { widths: [300, 9] }])(
  'a perceptron of widths $widths with its first layer affine in the steps',
  ({ widths }) => {
    const network = networkOf(widths);

    test('has the losses of the plain computation', async () => {
      const { affine, plain, reads } = await both(network, paths);
      for (const [i, { loss, accuracy, standardError }] of affine.entries()) {
        const exact = plain[i]!;
        // Logits of size up to some hundreds, each with a few units of float32's 6e-8, averaged over 700 examples.
        expect(Math.abs(loss - exact.loss)).toBeLessThan(1e-6 * Math.max(1, exact.loss));
        expect(Math.abs(standardError - exact.standardError)).toBeLessThan(1e-6);
        // Where two logits are equal to rounding, an example may count or not.
        expect(Math.abs(accuracy - exact.accuracy)).toBeLessThan(2 / count);
      }
      expect(reads).toEqual(['a', 'b', 'c']);
    });

    test('so has one that is trained by another loss', async () => {
      const { affine, plain } = await both({ ...network, loss: { name: 'hinge' } }, paths.slice(0, 4));
      for (const [i, { loss }] of affine.entries())
        expect(Math.abs(loss - plain[i]!.loss)).toBeLessThan(1e-6 * Math.max(1, plain[i]!.loss));
    });

    test('multiplies and adds as often as it says', async () => {
      const { meter } = await both(network, paths);
      const work = affineWork(network.spec as MlpSpec, count);
      const points = paths.reduce((sum, path) => sum + work.point(path.length), 0);
      expect(meter.multiplyAdds).toBe(4 * work.once + points);
    });
  },
);

test('a curve of 41 points of 3072-128-10 takes a twentieth, a surface of 51 x 51 a hundredth', () => {
  const { once, plain, point } = affineWork(
    { name: 'mlp', inputs: 3072, widths: [128], classes: 10 },
    10_000,
  );
  expect(plain).toBe(10_000 * (3072 * 128 + 128 * 10));
  expect((41 * plain) / (2 * once + 41 * point(1))).toBeGreaterThan(19);
  expect((2601 * plain) / (3 * once + 2601 * point(2))).toBeGreaterThan(190);
});

test('where a direction alone overflows, its points are those of the plain computation', async () => {
  const network = networkOf([8]);
  const { named } = directionsOf(network);
  const huge = mapVector(named.a!, (t, i) => (t === 0 ? 1e38 * Math.sign(named.a![t]!.values[i]!) : 0));
  const path = [[{ direction: 'a', by: 1e-38 }], [{ direction: 'a', by: 1 }], [{ direction: 'b', by: 1 }]];
  const { affine, plain } = await both(network, path, { a: huge });
  expect(affine.slice(0, 2)).toEqual(plain.slice(0, 2));
  expect(Number.isFinite(affine[0]!.loss)).toBe(true);
  expect(Number.isFinite(affine[1]!.loss)).toBe(false);
  expect(affine[2]!.loss).toBeCloseTo(plain[2]!.loss, 5);
});

test('neither the number of threads nor what is measured together decides bits', async () => {
  const network = networkOf([300, 9]);
  const { theta, named } = directionsOf(network);
  const all = await Promise.all(
    [1, 2, 3].map(async (threads) => {
      const meter = new AffineMeter(network, theta, examples, 256, async (name) => named[name]!, threads);
      const found = await meter.measureAll(paths);
      const alone = [];
      for (const path of paths) alone.push(await meter.measure(path));
      expect(found).toEqual(alone);
      meter.dispose();
      return found;
    }),
  );
  expect(all[1]).toEqual(all[0]);
  expect(all[2]).toEqual(all[0]);
});
