import type { Examples } from '../../src/network/examples.ts';
import { toTensors } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { descend, type Objective } from '../../stages/mine/descent.ts';
import { peakObjective } from '../../stages/mine/objective.ts';
import { oracleUnits } from '../../test/support/oracle.ts';

/** The first of ten epochs of Algorithm 1 as the stage `mine` takes it, with the oracle's λ; each call begins anew. */
export function miningOf(
  network: Network,
  parameters: ParameterVector,
  examples: Examples,
): () => Promise<ParameterVector> {
  const theta = toTensors(parameters);
  const objective = peakObjective(network, theta, parameters, { epochs: 10, reach: 1 });
  const settings = {
    epochs: 1,
    batch: 128,
    shuffle: false,
    seed: 1,
    momentum: 0,
    'learning-rate': 0.05,
    schedule: 'constant',
  } as const;
  const units = oracleUnits('wpeak_u', 1);
  // Nothing is remembered, nothing told.
  const context = {
    signal: new AbortController().signal,
    progress: () => {},
    log: () => {},
    memo: { get: async () => undefined, put: async () => {} },
  } as unknown as Parameters<typeof descend>[0];
  return async () => {
    let [batch, found] = [0, parameters];
    const known: Objective = {
      ...objective,
      step: (point, given) => objective.step(point, { ...given, unit: units[batch++]! }),
    };
    await descend(
      context,
      settings,
      examples,
      known,
      [1],
      () => null,
      async (_, epsilon) => {
        found = epsilon;
      },
    );
    return found;
  };
}
