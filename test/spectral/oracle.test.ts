import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { flattened, Hessian } from '../../src/network/hessian.ts';
import { type HessianOperator, hessianOperator } from '../../src/network/hessian-operator.ts';
import { inner, length } from '../../src/spectral/basis.ts';
import { eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { lanczosQuadrature } from '../../src/spectral/quadrature.ts';
import { startTestEngine } from '../support/engine.ts';
import { expected, oracleImages, oracleMissing, oracleSigns, oracleVector } from '../support/oracle.ts';

const network = buildNetwork({ name: 'mlp', widths: [128], inputs: 3072, classes: 10 });
const title = `the spectrum of the 3072-128-10 MLP against SciPy in float64${oracleMissing ? ` (${oracleMissing})` : ''}`;

describe.skipIf(oracleMissing !== undefined)(title, () => {
  let tensors: number;
  beforeAll(async () => {
    await startTestEngine();
    tensors = tf.memory().numTensors;
  });
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(tensors);
  });

  const hessianAt = (point: string): Hessian =>
    new Hessian(network, oracleVector(`mlp_${point}_a`), oracleImages('data_batch_1.bin', 1000), {
      batch: 1000,
    });

  const operatorAt = (point: string): HessianOperator =>
    hessianOperator(network, oracleVector(`mlp_${point}_a`), oracleImages('data_batch_1.bin', 1000), {
      batch: 1000,
    });

  test('the ten largest and ten smallest eigenvalues, trained, and the first eigenvectors', async () => {
    const reference = expected('mlp_curvature_trained');
    const hessian = operatorAt('trained');
    // A thousand images of 3,072 numbers span a thousand dimensions.
    expect((await hessian.reduced())!.dimension).toBe(1000 * 128 + 128 + 128 * 10 + 10 + 1);
    const found = await eigenpairs(hessian, {
      largest: 10,
      smallest: 10,
      basis: 60,
      tolerance: 1e-3,
      maxProducts: 1000,
      seed: 1,
    });
    hessian.dispose();
    const worst = (pairs: readonly { value: number }[], values: readonly number[]): number =>
      Math.max(...pairs.map(({ value }, i) => Math.abs(value - values[i]!)));
    const measured = {
      converged: found.converged,
      products: found.products,
      largest: worst(found.largest, reference.eig_LA.values),
      smallest: worst(found.smallest, reference.eig_SA.values),
      residual: Math.max(...[...found.largest, ...found.smallest].map(({ residual }) => residual)),
      angles: [[found.largest[0]!, 'PE1'] as const, [found.smallest[0]!, 'NE1'] as const].map(
        ([{ vector }, name]) => {
          const reference = flattened(oracleVector(`mlp_trained_${name}`));
          return Math.abs(inner(vector, reference)) / length(reference);
        },
      ),
    };
    expect(measured.converged).toBe(true);
    expect(measured.largest).toBeLessThan(2e-5);
    expect(measured.smallest).toBeLessThan(2e-5);
    // SciPy needed 60 products for one end and 319 for the other.
    expect(measured.products).toBeLessThan(300);
    for (const cosine of measured.angles) expect(cosine).toBeGreaterThan(1 - 1e-5);
  }, 400_000);

  test.each(['init', 'trained'])(
    'thirty steps of Lanczos from v, and the terms of the trace, at %s',
    async (point) => {
      const reference = expected(`mlp_curvature_${point}`);
      const hessian = hessianAt(point);
      const operator = operatorAt(point);
      const start = flattened(oracleVector('mlp_v'));
      const { alphas, betas, nodes, weights } = await lanczosQuadrature(operator, start, 30);
      operator.dispose();
      const worst = (found: readonly number[], values: readonly number[]): number =>
        Math.max(...values.map((value, i) => Math.abs(found[i]! - value)));
      const { slq30_from_v: slq, hutchinson, torch_float32: torch } = reference;
      // Lanczos amplifies rounding: float32 PyTorch deviates by 4e-5 to 9e-5 and 7e-6 to 9e-6.
      expect(worst(alphas, slq.alphas)).toBeLessThan(5 * torch.slq_alphas_maxabs);
      expect(worst(betas, slq.betas)).toBeLessThan(20 * torch.slq_betas_maxabs);
      expect(worst(nodes, slq.ritz)).toBeLessThan(5e-4);
      expect(worst(weights, slq.weights)).toBeLessThan(1e-5);
      const form = oracleVector(`mlp_${point}_a`);
      for (const [i, signs] of oracleSigns('mlp_rademacher', form).entries()) {
        const term = inner(signs, await hessian.product(signs));
        expect(Math.abs(term / hutchinson.per_vector[i]! - 1)).toBeLessThan(2e-6);
      }
      hessian.dispose();
    },
    200_000,
  );
});
