import { bestAssignment } from '../../src/landscape/assignment.ts';
import type { NamedTensor, ParameterVector } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';
import { type Part, type Permutations, reordered, type Symmetry, sides } from './symmetry.ts';

/** What was found: b's units in an order for which ⟨a, permuted b⟩ is large. */
export interface Matching {
  readonly permutations: Permutations;
  /** Of the descent that ended higher, the last one without a change included. */
  readonly sweeps: number;
}

/**
 * Weight matching (Ainsworth, Hayase and Srinivasa, "Git Re-Basin" 2023, Algorithm 1): the order of b's units for which
 * ‖a - permuted b‖ is small, found by coordinate descent. One group at a time, in random order, gets its best
 * permutation given the others', an exact linear assignment, until a whole sweep changes nothing; ⟨a, permuted b⟩ never
 * falls.
 *
 * The descent finds a local maximum, so it is made twice, and the higher counts: once from b as it is, as in the paper,
 * and once from what is found by going through the network with the inputs, where each group is matched by those
 * parameters only whose other axes are matched already. From there, a network whose units were shuffled is put back in
 * order.
 */
export function matchWeights(
  a: ParameterVector,
  b: ParameterVector,
  symmetry: Symmetry,
  seed: number,
  onSweep: (sweep: number, changed: number) => void = () => {},
): Matching {
  const identity = symmetry.groups.map(({ size }) => Uint32Array.from({ length: size }, (_, i) => i));
  const [plain, forward] = [identity, throughTheNetwork(a, b, symmetry, identity)].map((start) =>
    descended(a, b, symmetry, start, seed, onSweep),
  ) as [Matching & { product: number }, Matching & { product: number }];
  const { permutations, sweeps } = forward.product > plain.product ? forward : plain;
  return { permutations, sweeps };
}

function throughTheNetwork(
  a: ParameterVector,
  b: ParameterVector,
  symmetry: Symmetry,
  identity: Permutations,
): Permutations {
  const permutations = [...identity];
  const known = new Set<number>();
  symmetry.groups.forEach(({ size }, group) => {
    permutations[group] = bestAssignment(gainsOf(a, b, symmetry, permutations, group, known), size);
    known.add(group);
  });
  return permutations;
}

function descended(
  a: ParameterVector,
  b: ParameterVector,
  symmetry: Symmetry,
  start: Permutations,
  seed: number,
  onSweep: (sweep: number, changed: number) => void,
): Matching & { product: number } {
  const permutations = [...start];
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
    if (changed === 0) return { permutations, sweeps: sweep, product: product(a, b, symmetry, permutations) };
  }
}

/** ⟨a, permuted b⟩ over the tensors that the symmetry knows. */
function product(
  a: ParameterVector,
  b: ParameterVector,
  { axes }: Symmetry,
  permutations: Permutations,
): number {
  let sum = 0;
  b.forEach((tensor, t) => {
    const own = axes.get(tensor.name) ?? [];
    const { values } = own.reduce<NamedTensor>(
      (now, parts, axis) => reordered(now, axis, parts, permutations),
      tensor,
    );
    const other = a[t]!.values;
    for (let i = 0; i < other.length; i++) sum += other[i]! * values[i]!;
  });
  return sum;
}

/**
 * What ⟨a, permuted b⟩ gains when unit i of the group is unit j of b: size·size numbers.
 * @param known where given, only tensors count whose other axes hold none but these groups' units.
 */
function gainsOf(
  a: ParameterVector,
  b: ParameterVector,
  { groups, axes }: Symmetry,
  permutations: Permutations,
  group: number,
  known?: ReadonlySet<number>,
): Float64Array {
  const n = groups[group]!.size;
  const gains = new Float64Array(n * n);
  b.forEach((tensor, t) => {
    const own = axes.get(tensor.name) ?? [];
    own.forEach((parts, axis) => {
      const mine = parts.filter((part) => part.group === group);
      if (mine.length === 0) return;
      const others = own.filter((_, k) => k !== axis).flat();
      if (known && !others.every((part) => known.has(part.group))) return;
      const other = own.reduce<NamedTensor>(
        (now, list, k) => (k === axis ? now : reordered(now, k, list, permutations)),
        tensor,
      );
      for (const part of mine) addProducts(gains, a[t]!, other, axis, part);
    });
  });
  return gains;
}

/** Adds, for units i of a and j of b, the inner product of their slices. */
function addProducts(gains: Float64Array, a: NamedTensor, b: NamedTensor, axis: number, { at }: Part): void {
  const { outer, size, inner } = sides(b, axis);
  const [x, y] = [a.values, b.values];
  const n = at.length;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < n; i++) {
      const from = (o * size + at[i]!) * inner;
      for (let j = 0; j < n; j++) {
        const to = (o * size + at[j]!) * inner;
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += x[from + k]! * y[to + k]!;
        gains[i * n + j]! += sum;
      }
    }
}
