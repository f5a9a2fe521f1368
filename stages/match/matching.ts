import { bestAssignment } from '../../src/landscape/assignment.ts';
import type { NamedTensor, ParameterVector } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';

/** Which axes of which parameters the units of a hidden layer lie on: they may change places together. */
export interface Symmetry {
  /** Units that change places. */
  readonly groups: readonly { readonly name: string; readonly size: number }[];
  /** For each parameter and each of its axes the group's index, or null where the order is fixed. */
  readonly axes: readonly (readonly (number | null)[])[];
}

/** Unit i of a permuted network is unit `permutation[i]` of the original. One a group. */
export type Permutations = readonly Uint32Array[];

/** Of a multilayer perceptron: each hidden layer's units, on its own kernel and bias and on the next kernel's inputs. */
export function mlpSymmetry(parameters: ParameterVector): Symmetry {
  const layers = parameters.length / 2;
  const groups = Array.from({ length: layers - 1 }, (_, l) => ({
    name: `dense${l + 1}`,
    size: parameters[2 * l + 1]!.values.length,
  }));
  const axes = Array.from({ length: layers }, (_, l) => {
    const own = l < layers - 1 ? l : null;
    return [[l > 0 ? l - 1 : null, own], [own]];
  }).flat();
  return { groups, axes };
}

/** The network whose units have changed places: the same function. */
export function permuted(
  vector: ParameterVector,
  { axes }: Symmetry,
  permutations: Permutations,
): ParameterVector {
  return vector.map((tensor, t) =>
    axes[t]!.reduce<NamedTensor>(
      (now, group, axis) => (group === null ? now : taken(now, axis, permutations[group]!)),
      tensor,
    ),
  );
}

/** Slices of a tensor along an axis in another order. */
function taken(tensor: NamedTensor, axis: number, order: Uint32Array): NamedTensor {
  const { outer, size, inner } = sides(tensor, axis);
  const values = new Float32Array(tensor.values.length);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < size; i++) {
      const from = (o * size + order[i]!) * inner;
      values.set(tensor.values.subarray(from, from + inner), (o * size + i) * inner);
    }
  return { ...tensor, values };
}

function sides({ shape, values }: NamedTensor, axis: number): { outer: number; size: number; inner: number } {
  const size = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  return { outer: values.length / size / inner, size, inner };
}

/**
 * Weight matching (Ainsworth, Hayase and Srinivasa, "Git Re-Basin" 2023, Algorithm 1): the order of b's units for which
 * ‖a - permuted b‖ is small, found by coordinate descent. One group at a time, in random order, gets its best
 * permutation given the others', an exact linear assignment, until a whole sweep changes nothing; ⟨a, permuted b⟩ never
 * falls.
 */
export function matchWeights(
  a: ParameterVector,
  b: ParameterVector,
  symmetry: Symmetry,
  seed: number,
  onSweep: (sweep: number, changed: number) => void = () => {},
): { permutations: Permutations; sweeps: number } {
  const permutations: Uint32Array[] = symmetry.groups.map(({ size }) =>
    Uint32Array.from({ length: size }, (_, i) => i),
  );
  for (let sweep = 1; ; sweep++) {
    let changed = 0;
    for (const group of new Random([seed, 'match', sweep]).permutation(symmetry.groups.length)) {
      const { size } = symmetry.groups[group]!;
      const gains = gainsOf(a, b, symmetry, permutations, group);
      const best = bestAssignment(gains, size);
      const total = (order: Uint32Array): number =>
        order.reduce((sum, from, i) => sum + gains[i * size + from]!, 0);
      const [now, then] = [total(permutations[group]!), total(best)];
      // More than rounding: otherwise two equal orders could take turns for ever.
      if (then > now + 1e-9 * Math.abs(now)) {
        permutations[group] = best;
        changed++;
      }
    }
    onSweep(sweep, changed);
    if (changed === 0) return { permutations, sweeps: sweep };
  }
}

/** What ⟨a, permuted b⟩ gains when unit i of the group is unit j of b: size·size numbers. */
function gainsOf(
  a: ParameterVector,
  b: ParameterVector,
  { groups, axes }: Symmetry,
  permutations: Permutations,
  group: number,
): Float64Array {
  const n = groups[group]!.size;
  const gains = new Float64Array(n * n);
  axes.forEach((own, t) => {
    own.forEach((at, axis) => {
      if (at !== group) return;
      const other = own.reduce<NamedTensor>(
        (now, g, k) => (g === null || k === axis ? now : taken(now, k, permutations[g]!)),
        b[t]!,
      );
      const { outer, inner } = sides(other, axis);
      const [x, y] = [a[t]!.values, other.values];
      for (let o = 0; o < outer; o++)
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) {
            const [from, to] = [(o * n + i) * inner, (o * n + j) * inner];
            let sum = 0;
            for (let k = 0; k < inner; k++) sum += x[from + k]! * y[to + k]!;
            gains[i * n + j]! += sum;
          }
    });
  });
  return gains;
}
