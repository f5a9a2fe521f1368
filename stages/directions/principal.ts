import { writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { mapVector, type ParameterVector } from '../../src/network/tensors.ts';
import { principalWeights } from '../../src/spectral/principal.ts';
import { gramMatrix } from './gram.ts';
import { membersOf } from './parameters.ts';
import { between, type Context, filesOf, type Model, missingInput, type Raw } from './raw.ts';
import type { VarianceTable } from './table.ts';

/**
 * Principal components of the differences θᵢ - θ of a trajectory's checkpoints, unit vectors, by way of their float64
 * Gram matrix (Li et al. 2018, section 7; Lorch 2016). Writes the output `variance` as well.
 */
export async function principalComponents(
  context: Context,
  model: Model,
): Promise<(member: number) => Promise<Raw>> {
  const files = filesOf(context, 'trajectory');
  if (files.length === 0)
    throw missingInput(context, 'principal components need the input "trajectory", the checkpoints');
  const checkpoints: { epoch: number | null; seed: number }[] = [];
  const read = async (index: number): Promise<ParameterVector> => {
    context.signal.throwIfAborted();
    const { path, label } = files[index]!;
    const to = await readCheckpoint(path, label);
    checkpoints[index] = { epoch: to.epoch, seed: to.seed };
    return between(context, model, to, 'trajectory');
  };
  const centred = context.params.centred ?? true;
  const wanted = membersOf(context.params)!.length;
  const { weights, variances } = principalWeights(await gramMatrix(files.length, read), centred);
  if (weights.length < wanted)
    throw new UserError({
      severity: 'error',
      code: 'too-few-checkpoints',
      message: `${context.stage}: ${wanted} principal components of ${files.length} checkpoints that span ${weights.length} dimensions`,
      hint: 'keep more epochs of the training',
    });
  const total = variances.reduce((a, b) => a + b, 0);
  const explained = variances.map((variance) => variance / total);
  const table: VarianceTable = {
    format: 'orograph-variance/1',
    variances,
    explained,
    components: wanted,
    centred,
    checkpoints,
  };
  await writeFile(context.output('variance'), `${JSON.stringify(table, null, 1)}\n`);
  return async (member) => {
    const sums = model.parameters.map(({ values }) => new Float64Array(values.length));
    for (const [index, weight] of weights[member]!.entries()) {
      const vector = await read(index);
      for (const [t, sum] of sums.entries())
        for (let i = 0; i < sum.length; i++) sum[i]! += weight * vector[t]!.values[i]!;
    }
    return {
      vector: mapVector(model.parameters, (t, i) => sums[t]![i]!),
      made: { component: member + 1, explained: explained[member]!, checkpoints: files.length, centred },
      target: null,
    };
  };
}
