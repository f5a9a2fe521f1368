import { UserError } from '../diagnostics/diagnostic.ts';
import type { Initialisation, Network } from './network.ts';
import type { Slots } from './optimiser.ts';
import { initialState } from './running-statistics.ts';
import type { ParameterVector } from './tensors.ts';

/** What a training starts from. */
export interface Beginning {
  readonly parameters: ParameterVector;
  /** Running statistics of batch norm. */
  readonly statistics: ParameterVector;
  /** Steps that were taken before, and what the optimiser remembers of them. */
  readonly optimiser?: { readonly step: number; readonly slots: Slots<ParameterVector> };
}

/** The parameters of a network's last layer with any: its classifier. */
export function classifierOf({ parameters }: Pick<Network, 'parameters'>): ReadonlySet<string> {
  const layer = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1);
  const last = layer(parameters.at(-1)!.name);
  return new Set(parameters.map(({ name }) => name).filter((name) => layer(name) === last));
}

/**
 * The beginning of a fine-tuning: another checkpoint's parameters and running statistics by name; the classifier, where
 * it is to be new or does not fit, initialised from the seed as in a training of its own.
 * @param label what to call the checkpoint in messages.
 * @throws UserError where anything else of the network is missing in the checkpoint or has another shape.
 */
export function transplanted(
  network: Network,
  from: { readonly parameters: ParameterVector; readonly state: ParameterVector },
  { init, seed, classifier }: { init: Initialisation; seed: number; classifier: 'keep' | 'new' },
  label: string,
): Beginning {
  const there = new Map([...from.parameters, ...from.state].map((tensor) => [tensor.name, tensor]));
  const own = classifierOf(network);
  const problems: string[] = [];
  const take = (fresh: ParameterVector[number]): ParameterVector[number] => {
    const given = there.get(fresh.name);
    const fits = given?.shape.join() === fresh.shape.join();
    if (own.has(fresh.name) && (classifier === 'new' || !fits)) return fresh;
    if (fits) return given!;
    problems.push(
      given
        ? `"${fresh.name}" has the shape [${given.shape}] there and [${fresh.shape}] in the network`
        : `"${fresh.name}" is not there`,
    );
    return fresh;
  };
  const parameters = network.initialise(init, seed).map(take);
  const statistics = initialState(network).map(take);
  if (problems.length === 0) return { parameters, statistics };
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  throw new UserError({
    severity: 'error',
    code: 'wrong-parameters',
    message: `the network cannot start from ${label}: ${problems.slice(0, 5).join('; ')}${more}`,
    hint: 'only the last layer may differ: it starts anew',
  });
}
