import { describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { Hessian } from '../../src/network/hessian.ts';
import { evaluationMode } from '../../src/network/loss.ts';
import { eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { startTestEngine, testEngine } from '../support/engine.ts';
import { expected, oracleImages, oracleMissing, trainedWeights } from '../support/oracle.ts';

const missing =
  oracleMissing ??
  (testEngine().name === 'wasm' ? 'skipped: with the engine wasm it takes half an hour' : undefined);
const title = `the ends of the ResNet-20’s spectrum against SciPy in float64${missing ? ` (${missing})` : ''}`;

describe.skipIf(missing !== undefined)(title, () => {
  test('three largest and three smallest eigenvalues on 64 images', async () => {
    await startTestEngine();
    const before = tf.memory().numTensors;
    const network = buildNetwork({ name: 'resnet', depth: 20, shortcut: 'A', inputs: 3072, classes: 10 });
    const { parameters, state } = trainedWeights('akamaster_resnet20-12fca82f_cifar10', network);
    const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
    const images = oracleImages('test_batch.bin', 64, imagenet);
    const fixed = evaluationMode(network, state);
    const hessian = new Hessian(fixed.network, parameters, images, { batch: 64 });
    const found = await eigenpairs(hessian, {
      largest: 3,
      smallest: 3,
      basis: 40,
      tolerance: 1e-3,
      maxProducts: 400,
      seed: 1,
    });
    hessian.dispose();
    fixed.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const { LA, SA } = expected('rn20_eig64');
    // SciPy needed 40 products for one end and 76 for the other.
    expect(found.products).toBeLessThan(200);
    // A value is off by residual²/gap, 3e-5 of the smallest ones, and by the rounding of products, 2e-6 of the largest.
    for (const [pairs, { values }] of [
      [found.largest, LA],
      [found.smallest, SA],
    ])
      for (const [i, { value, residual }] of pairs.entries()) {
        expect.soft(Math.abs(value / values[i] - 1), `of ${values[i]}`).toBeLessThan(1e-4);
        expect.soft(residual / Math.abs(value), `of ${values[i]}`).toBeLessThan(1.2e-3);
      }
  }, 600_000);
});
