/**
 * Networks: architectures as functions of an ordered list of parameters, their checkpoints and directions as files,
 * loss, gradient and the optimiser. This folder knows tensors and classes; it knows no data set's files, no pipeline
 * and no memo.
 *
 * A parameter vector lives on the host as an ordered list of named float32 tensors. What is computed over it here
 * (norms, scalings, sums) is plain TypeScript in float64, rounded once, so that it has the same bits on every engine.
 */

/** One parameter tensor in row-major order. */
export interface NamedTensor {
  /** `dense1/kernel`: layer and role. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Parameters in the network's order. θ, a gradient and a direction are all of this form. */
export type ParameterVector = readonly NamedTensor[];

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Number of scalars d. */
export function dimension(vector: ParameterVector): number {
  return vector.reduce((sum, tensor) => sum + tensor.values.length, 0);
}

/** Inner product, summed in float64 in the order of the parameters. */
export function dot(a: ParameterVector, b: ParameterVector): number {
  let sum = 0;
  a.forEach((tensor, t) => {
    const x = tensor.values;
    const y = b[t]!.values;
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  });
  return sum;
}

/** Euclidean norm over the whole vector. */
export function norm(vector: ParameterVector): number {
  return Math.sqrt(dot(vector, vector));
}

/** Norm of one tensor's values, or of those at `start`, `start + step`, … */
export function normOf(values: Float32Array, start = 0, step = 1): number {
  let sum = 0;
  for (let i = start; i < values.length; i += step) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}

/** A new vector of the same form whose values are `value(tensor index, value index)`, rounded to float32. */
export function mapVector(
  form: ParameterVector,
  value: (tensor: number, index: number) => number,
): ParameterVector {
  return form.map(({ name, shape, values }, t) => {
    const result = new Float32Array(values.length);
    for (let i = 0; i < result.length; i++) result[i] = value(t, i);
    return { name, shape, values: result };
  });
}

/** θ + Σ cₖ·dₖ, summed in float64 in the order given and rounded once. */
export function moved(
  theta: ParameterVector,
  moves: readonly { readonly direction: ParameterVector; readonly by: number }[],
): ParameterVector {
  if (moves.length === 0) return theta;
  return theta.map(({ name, shape, values }, t) => {
    const result = new Float32Array(values.length);
    const parts = moves.map(({ direction }) => direction[t]!.values);
    for (let i = 0; i < result.length; i++) {
      let sum = values[i]!;
      for (let k = 0; k < parts.length; k++) sum += moves[k]!.by * parts[k]![i]!;
      result[i] = sum;
    }
    return { name, shape, values: result };
  });
}

/** Why two vectors do not have the same names and shapes in the same order, or undefined where they do. */
export function mismatch(a: ParameterVector, b: ParameterVector): string | undefined {
  if (a.length !== b.length) return `${a.length} tensors against ${b.length}`;
  for (const [t, tensor] of a.entries()) {
    const other = b[t]!;
    if (tensor.name !== other.name) return `tensor ${t + 1} is "${tensor.name}" against "${other.name}"`;
    if (tensor.shape.join() !== other.shape.join())
      return `"${tensor.name}" has the shape [${tensor.shape}] against [${other.shape}]`;
  }
  return undefined;
}
