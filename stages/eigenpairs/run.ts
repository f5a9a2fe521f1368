/**
 * Eigenpairs of a network's Hessian at both ends of its spectrum, and their vectors as directions. What is computed is
 * `src/spectral/eigenpairs.ts`; this module knows where the Hessian comes from and what is written.
 */
import { writeFile } from 'node:fs/promises';
import { threadsFor } from '../../src/engine/threads.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { encodeDirection } from '../../src/network/direction.ts';
import { shaped } from '../../src/network/hessian.ts';
import { norm } from '../../src/network/tensors.ts';
import { type Eigenpair, eigenpairs } from '../../src/spectral/eigenpairs.ts';
import { scaled } from '../directions/scaling.ts';
import { modelHessian } from './operator.ts';
import type { EigenParameters } from './parameters.ts';
import type { EigenTable } from './table.ts';

export async function run(context: StageContext<EigenParameters>): Promise<void> {
  const { params } = context;
  const hessian = await modelHessian(context);
  const wanted = params.largest + params.smallest;
  try {
    const result = await eigenpairs(
      hessian.operator,
      {
        largest: params.largest,
        smallest: params.smallest,
        basis: params.basis,
        tolerance: params.tolerance,
        maxProducts: params['max-products'],
        seed: params.seed,
        threads: threadsFor(context.engine?.threads),
      },
      (products, found) => context.progress(found, wanted, 'eigenpairs', `${products} products`),
    );
    if (!result.converged)
      context.log(
        `after ${result.products} products not all eigenpairs meet the tolerance: see their residuals${result.rounded > 0 ? `; for ${result.rounded} of them float32's rounding alone is as large` : ''}`,
      );
    const write = async (pairs: readonly Eigenpair[], output: string, kind: string): Promise<void> => {
      for (const [i, { vector, value, residual }] of pairs.entries()) {
        const { parameters } = hessian.model;
        const direction = scaled(shaped(vector, parameters), parameters, params.scaling, 'scale');
        const made = {
          eigenvalue: value,
          residual,
          rank: i + 1,
          scaling: params.scaling,
          norm: norm(direction),
        };
        await writeFile(
          context.output(output, String(i + 1)),
          encodeDirection({ vector: direction, kind, target: null, made }),
        );
      }
    };
    await write(result.largest, 'positive', 'P.E.');
    await write(result.smallest, 'negative', 'N.E.');
    const rows = (pairs: readonly Eigenpair[]) => pairs.map(({ value, residual }) => ({ value, residual }));
    const table: EigenTable = {
      format: 'orograph-eigenvalues/1',
      largest: rows(result.largest),
      smallest: rows(result.smallest),
      products: result.products,
      restarts: result.restarts,
      converged: result.converged,
      rounded: result.rounded,
      subject: hessian.subject,
    };
    await writeFile(context.output('values'), `${JSON.stringify(table, null, 1)}\n`);
  } finally {
    hessian.dispose();
  }
}
