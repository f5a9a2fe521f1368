/** Matches one network's units to another's. It knows checkpoints and permutations, no data and no losses. */
import { writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { encodeCheckpoint, readCheckpoint } from '../../src/network/checkpoint.ts';
import { mapVector, mismatch, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { matchWeights, mlpSymmetry, permuted } from './matching.ts';
import type { MatchTable } from './table.ts';

export async function run(context: StageContext<{ seed: number }>): Promise<void> {
  const { stage } = context;
  const model = await readCheckpoint(context.input('model').path!, `${stage}: the input model`);
  const to = await readCheckpoint(context.input('to').path!, `${stage}: the input to`);
  const problem = mismatch(model.parameters, to.parameters);
  if (problem)
    throw new UserError({
      severity: 'error',
      code: 'wrong-parameters',
      message: `${stage}: the inputs model and to are not of one network: ${problem}`,
    });
  if (model.network.name !== 'mlp')
    throw new UserError({
      severity: 'error',
      code: 'no-symmetry',
      message: `${stage}: which units of a ${networkTitle(model.network)} may change places is not known`,
      expected: 'a multilayer perceptron',
    });
  const symmetry = mlpSymmetry(model.parameters);
  const { permutations, sweeps } = matchWeights(
    model.parameters,
    to.parameters,
    symmetry,
    context.params.seed,
    (sweep, changed) => {
      context.signal.throwIfAborted();
      context.progress(symmetry.groups.length - changed, symmetry.groups.length, 'layers', `sweep ${sweep}`);
    },
  );
  const parameters = permuted(to.parameters, symmetry, permutations);
  const distance = (other: ParameterVector): number =>
    norm(mapVector(other, (t, i) => other[t]!.values[i]! - model.parameters[t]!.values[i]!));
  await writeFile(context.output('checkpoint'), encodeCheckpoint({ ...to, parameters }));
  const table: MatchTable = {
    format: 'orograph-matching/1',
    groups: symmetry.groups.map(({ name }, g) => ({ name, permutation: [...permutations[g]!] })),
    sweeps,
    distance: { before: distance(to.parameters), after: distance(parameters) },
    subject: { network: networkTitle(model.network), epoch: to.epoch, seed: to.seed },
  };
  await writeFile(context.output('matching'), `${JSON.stringify(table)}\n`);
}
