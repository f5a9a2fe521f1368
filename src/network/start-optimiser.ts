import { Adam } from './adam.ts';
import { toTensors } from './loss.ts';
import type { Optimiser, OptimiserSpec, Slots } from './optimiser.ts';
import { Sgd } from './sgd.ts';
import type { ParameterVector } from './tensors.ts';

/**
 * An optimiser at a point of its way.
 * @param weightDecay one each parameter.
 * @param steps taken so far, of which the slots are what is remembered.
 */
export function startOptimiser(
  spec: OptimiserSpec,
  weightDecay: readonly number[],
  theta: ParameterVector,
  steps = 0,
  slots: Slots<ParameterVector> = {},
): Optimiser {
  const parameters = toTensors(theta);
  if (spec.name === 'sgd')
    return new Sgd({ ...spec, weightDecay }, parameters, slots.momentum && toTensors(slots.momentum));
  const settings = { ...spec, weightDecay, decoupled: spec.name === 'adamw' };
  const [first, second] = [slots['first-moment'], slots['second-moment']];
  return first && second
    ? new Adam(settings, parameters, steps, [toTensors(first), toTensors(second)])
    : new Adam(settings, parameters);
}
