/**
 * The spectrum of a network's Hessian as a whole: its density by stochastic Lanczos quadrature, its trace and its
 * Frobenius norm by Hutchinson's estimator. What is computed is `src/spectral/quadrature.ts`.
 */
import { writeFile } from 'node:fs/promises';
import { threadsFor } from '../../src/engine/threads.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import {
  type Estimate,
  hutchinson,
  lanczosQuadrature,
  type Quadrature,
  spectralDensity,
} from '../../src/spectral/quadrature.ts';
import { rademacher } from '../../src/spectral/rademacher.ts';
import { modelHessian } from '../eigenpairs/operator.ts';
import type { SpectrumParameters } from './parameters.ts';
import type { SpectrumTable } from './table.ts';

export async function run(context: StageContext<SpectrumParameters>): Promise<void> {
  const { params } = context;
  const hessian = await modelHessian(context);
  const { operator } = hessian;
  let products = 0;
  try {
    const total = params.probes * params.iterations;
    const quadratures: Quadrature[] = [];
    for (let probe = 0; probe < params.probes; probe++)
      quadratures.push(
        await lanczosQuadrature(
          operator,
          rademacher(params.seed, probe, operator.dimension),
          params.iterations,
          () => context.progress(++products, total, 'products', 'density'),
          threadsFor(context.engine?.threads),
        ),
      );
    const maxProbes = params['trace-probes'];
    const traced =
      maxProbes === 0
        ? null
        : await hutchinson(
            operator,
            { seed: params.seed, tolerance: params['trace-tolerance'], maxProbes },
            (probes) => {
              products++;
              context.progress(probes, maxProbes, 'probes', 'trace');
            },
          );
    const table: SpectrumTable = {
      format: 'orograph-spectrum/1',
      probes: quadratures.map(({ nodes, weights }) => ({ nodes, weights })),
      ...spectralDensity(quadratures, { points: params.points, variance: params.variance }),
      trace: traced && { ...traced.trace, probes: traced.terms.length },
      frobenius: traced && root(traced.squaredFrobenius),
      products,
      subject: hessian.subject,
    };
    await writeFile(context.output('spectrum'), `${JSON.stringify(table)}\n`);
  } finally {
    hessian.dispose();
  }
}

/** Of the square root of an estimate: σ/(2√x). */
function root({ value, standardError }: Estimate): Estimate {
  const size = Math.sqrt(value);
  return {
    value: size,
    standardError: standardError && size > 0 ? standardError / (2 * size) : standardError,
  };
}
