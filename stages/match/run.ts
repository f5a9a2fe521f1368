/** Matches one network's units to another's. It knows checkpoints and permutations, no data and no losses. */
import { writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { encodeCheckpoint, readCheckpoint } from '../../src/network/checkpoint.ts';
import { mapVector, mismatch, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { matchWeights } from './matching.ts';
import { symmetryOf } from './symmetries.ts';
import { permuted } from './symmetry.ts';
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
  const symmetry = symmetryOf(model.network);
  if (!symmetry || symmetry.groups.length === 0)
    throw new UserError({
      severity: 'error',
      code: 'no-symmetry',
      message: `${stage}: which units of a ${networkTitle(model.network)} may change places is not known`,
      expected: 'a multilayer perceptron, a ResNet, a MobileNetV2, or a layers model',
    });
  const { permutations, sweeps } = matchWeights(
    model.parameters,
    to.parameters,
    symmetry,
    context.params.seed,
    (sweep, changed) => {
      context.signal.throwIfAborted();
      context.progress(symmetry.groups.length - changed, symmetry.groups.length, 'groups', `sweep ${sweep}`);
    },
  );
  const turned = (vector: ParameterVector): ParameterVector => permuted(vector, symmetry, permutations);
  const parameters = turned(to.parameters);
  const { optimiser } = to;
  const distance = (other: ParameterVector): number =>
    norm(mapVector(other, (t, i) => other[t]!.values[i]! - model.parameters[t]!.values[i]!));
  await writeFile(
    context.output('checkpoint'),
    encodeCheckpoint({
      ...to,
      parameters,
      state: turned(to.state),
      // Training may go on from it: what the optimiser remembers belongs to the units.
      ...(optimiser && {
        optimiser: {
          ...optimiser,
          slots: Object.fromEntries(
            Object.entries(optimiser.slots).map(([slot, vector]) => [slot, turned(vector)]),
          ),
        },
      }),
    }),
  );
  const table: MatchTable = {
    format: 'orograph-matching/1',
    groups: symmetry.groups.map(({ name }, g) => ({ name, permutation: [...permutations[g]!] })),
    sweeps,
    distance: { before: distance(to.parameters), after: distance(parameters) },
    subject: { network: networkTitle(model.network), epoch: to.epoch, seed: to.seed },
  };
  await writeFile(context.output('matching'), `${JSON.stringify(table)}\n`);
}
