import { mapVector, norm, normOf, type ParameterVector } from '../../src/network/tensors.ts';
import type { OneDimensionalRule, Scaling } from './parameters.ts';

/** Keeps a division by the norm of a zero filter finite, as Li et al. (2018) do. */
const tiny = 1e-10;

/**
 * Scales a direction to a model, after Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural
 * nets" (2018), generalised: each group of values d becomes d·‖w‖/(‖d‖ + 1e-10), w being the model's values there.
 * The groups: the whole vector (`norm`), each tensor (`layer`), each output unit of a kernel (`filter`: its last
 * axis, because kernels are stored [in, out] and [height, width, in, out]), or none. `norm-of` scales the whole to a
 * given norm, `unit` to 1.
 *
 * One-dimensional parameters follow `oneDimensional`: `zero` sets them to 0 before anything is scaled; `scale` treats
 * them as one more group (under `filter`, a tensor is a group); `raw` leaves them as they are, whatever happens to
 * the kernels; `copy` puts the model's values there. Under `norm` the whole vector, with what `zero`, `scale` and
 * `copy` put there, gets the model's norm; under `raw` only the kernels do.
 */
export function scaled(
  direction: ParameterVector,
  model: ParameterVector,
  scaling: Scaling,
  oneDimensional: OneDimensionalRule,
  targetNorm?: number,
): ParameterVector {
  const flat = model.map(({ shape }) => shape.length <= 1);
  const prepared = mapVector(direction, (t, i) => {
    if (flat[t] && oneDimensional === 'zero') return 0;
    if (flat[t] && oneDimensional === 'copy') return model[t]!.values[i]!;
    return direction[t]!.values[i]!;
  });
  const leave = (t: number): boolean => flat[t]! && (oneDimensional === 'raw' || oneDimensional === 'copy');
  switch (scaling) {
    case 'none':
      return prepared;
    case 'norm':
    case 'norm-of':
    case 'unit': {
      const target = { norm: undefined, 'norm-of': targetNorm!, unit: 1 }[scaling];
      return scaledWhole(prepared, model, flat, oneDimensional, target);
    }
    case 'layer':
    case 'filter':
      return prepared.map((tensor, t) => {
        if (leave(t)) return tensor;
        const units = scaling === 'filter' && !flat[t] ? tensor.shape.at(-1)! : 1;
        const factors = Float64Array.from(
          { length: units },
          (_, unit) => normOf(model[t]!.values, unit, units) / (normOf(tensor.values, unit, units) + tiny),
        );
        return { ...tensor, values: tensor.values.map((value, i) => value * factors[i % units]!) };
      });
  }
}

function scaledWhole(
  direction: ParameterVector,
  model: ParameterVector,
  flat: readonly boolean[],
  oneDimensional: OneDimensionalRule,
  targetNorm: number | undefined,
): ParameterVector {
  const counted = (vector: ParameterVector): ParameterVector =>
    oneDimensional === 'raw' ? vector.filter((_, t) => !flat[t]) : vector;
  const factor = (targetNorm ?? norm(counted(model))) / (norm(counted(direction)) + tiny);
  return mapVector(
    direction,
    (t, i) => direction[t]!.values[i]! * (flat[t] && oneDimensional === 'raw' ? 1 : factor),
  );
}
