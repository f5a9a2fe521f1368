import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { flattened, Hessian } from '../../src/network/hessian.ts';
import { type HessianOperator, hessianOperator } from '../../src/network/hessian-operator.ts';
import { inner, length } from '../../src/spectral/basis.ts';
import { type Eigenpair, type Eigenpairs, eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { hutchinson, lanczosQuadrature } from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
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

  const points: { point: string; mined: [string, string][]; known: string[] }[] = [
    { point: 'init', mined: [['wpeak_init_10ep', 'mlp_wpeak_init_eps']], known: [] },
    {
      point: 'trained',
      mined: [
        ['wpeak_trained_10ep', 'mlp_wpeak_trained_eps'],
        ['vvv_alpha0.0_gamma0.1', 'mlp_vvv_a0_g0.1_eps'],
      ],
      known: ['PE1', 'NE1'],
    },
  ];
  describe.each(points)('ten eigenpairs of each end at $point', ({ point, mined, known }) => {
    let found: Eigenpairs;
    beforeAll(async () => {
      const hessian = operatorAt(point);
      const reduced = await hessian.reduced(rademacher(1, 0, hessian.dimension));
      expect(reduced!.dimension).toBe(1000 * 10 + 128 * 10 + 128 + 128 * 10 + 10 + 1);
      const ends = { largest: 10, smallest: 10 };
      found = await eigenpairs(hessian, { ...ends, basis: 60, tolerance: 1e-4, maxProducts: 1000, seed: 1 });
      hessian.dispose();
    }, 400_000);
    const cosines = (pairs: readonly Eigenpair[], name: string): number[] => {
      const other = flattened(oracleVector(name));
      return pairs.map(({ vector }) => Math.abs(inner(vector, other)) / length(other));
    };

    test('have the values of the reference', () => {
      const { eig_LA: LA, eig_SA: SA } = expected(`mlp_curvature_${point}`);
      const worst = (pairs: readonly Eigenpair[], values: readonly number[]): number =>
        Math.max(...pairs.map(({ value }, i) => Math.abs(value - values[i]!)));
      expect([found.largest.length, found.smallest.length]).toEqual([10, 10]);
      expect(found.converged).toBe(true);
      // The tail is a dense cluster, gaps 0.006: values are off by residual²/gap, 1e-5, and by products' rounding.
      expect(worst(found.largest, LA.values)).toBeLessThan(2e-5);
      expect(worst(found.smallest, SA.values)).toBeLessThan(2e-5);
      expect(found.products).toBeLessThan(LA.matvecs + SA.matvecs);
    });

    test.each(known)('%s is the stored one', (name) => {
      const pairs = name === 'PE1' ? found.largest : found.smallest;
      expect(cosines(pairs, `mlp_trained_${name}`)[0]).toBeGreaterThan(1 - 1e-5);
    });

    test.each(mined)('%s has the reference’s cosines with all twenty', (name, stored) => {
      const { PE, NE } = expected('mlp_mining')[name].abs_cosine;
      const off = (pairs: readonly Eigenpair[], wanted: readonly number[]): number =>
        Math.max(...cosines(pairs, stored).map((cosine, i) => Math.abs(cosine - wanted[i]!)));
      expect([PE.length, NE.length]).toEqual([10, 10]);
      // A vector leans on its neighbours by residual/gap: up to 5 % in the tail, which changes its cosine, of a few
      // hundredths, by as much of theirs.
      expect(off(found.largest, PE)).toBeLessThan(1e-5);
      expect(off(found.smallest, NE)).toBeLessThan(5e-4);
    });
  });

  test.each(['init', 'trained'])(
    'the trace at %s is the exact one within three standard errors',
    async (point) => {
      const { exact_trace: exact } = expected(`mlp_curvature_${point}`).hutchinson;
      const hessian = hessianAt(point);
      const { trace } = await hutchinson(hessian, { seed: 1, tolerance: 0, maxProbes: 100 });
      hessian.dispose();
      expect(Math.abs(trace.value - exact)).toBeLessThan(3 * trace.standardError!);
      expect(trace.standardError! / exact).toBeLessThan(0.03);
    },
  );

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
