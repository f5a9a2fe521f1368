import type { NamedTensor, ParameterVector } from '../../src/network/tensors.ts';

/** Where the units of a group lie on an axis of a tensor. */
export interface Part {
  /** Index in `Symmetry.groups`. */
  readonly group: number;
  /** Position of each unit; all other positions of the axis belong to other parts, or stay where they are. */
  readonly at: Uint32Array;
}

/**
 * Which units of a network may change places: in any order that a group's units take, on all axes at once, the network
 * is the same function.
 */
export interface Symmetry {
  /** In the order in which inputs reach them. */
  readonly groups: readonly { readonly name: string; readonly size: number }[];
  /** Of each tensor by name, parameters and running statistics, the parts of each of its axes; others have none. */
  readonly axes: ReadonlyMap<string, readonly (readonly Part[])[]>;
}

/** Unit i of a permuted network is unit `permutation[i]` of the original. One a group. */
export type Permutations = readonly Uint32Array[];

/** The network whose units have changed places: the same function. So are its running statistics and optimiser. */
export function permuted(
  vector: ParameterVector,
  symmetry: Symmetry,
  permutations: Permutations,
): ParameterVector {
  return vector.map((tensor) => {
    const axes = symmetry.axes.get(tensor.name) ?? [];
    return axes.reduce((now, parts, axis) => reordered(now, axis, parts, permutations), tensor);
  });
}

/** Slices of a tensor along an axis in the order that permutations of its parts say. */
export function reordered(
  tensor: NamedTensor,
  axis: number,
  parts: readonly Part[],
  permutations: Permutations,
): NamedTensor {
  if (parts.length === 0) return tensor;
  const { outer, size, inner } = sides(tensor, axis);
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  for (const { group, at } of parts)
    permutations[group]!.forEach((from, i) => {
      order[at[i]!] = at[from]!;
    });
  const values = new Float32Array(tensor.values.length);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < size; i++) {
      const [to, from] = [(o * size + i) * inner, (o * size + order[i]!) * inner];
      for (let k = 0; k < inner; k++) values[to + k] = tensor.values[from + k]!;
    }
  return { ...tensor, values };
}

/** A tensor in row-major order as outer · size · inner, size being an axis' extent. */
export function sides(
  { shape, values }: NamedTensor,
  axis: number,
): { outer: number; size: number; inner: number } {
  const size = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
  return { outer: values.length / size / inner, size, inner };
}
