import { tf } from '../engine/tensorflow.ts';
import type { BatchCurvature } from './batch-curvature.ts';

/** What of one dense layer does not depend on v. n examples, `in` and `out` units. */
type Layer = {
  readonly kernel: tf.Tensor2D;
  /** [out, in]; the first layer needs none. */
  readonly turnedKernel?: tf.Tensor2D;
  /** The layer's inputs [n, in], and [in, n]. */
  readonly inputs: tf.Tensor2D;
  readonly turnedInputs: tf.Tensor2D;
  /** ∂L/∂(the layer's sums) [n, out]. */
  readonly delta: tf.Tensor2D;
  /** 1 where the layer below is active, [n, in]; the first layer has none. */
  readonly active?: tf.Tensor2D;
};

/** What of a multilayer perceptron's second derivatives does not depend on v. */
export type Primal = {
  readonly layers: Layer[];
  readonly probabilities: tf.Tensor2D;
};

/**
 * Hessian-vector products of a multilayer perceptron of dense layers and ReLU, mean cross entropy, by hand: Pearlmutter,
 * "Fast exact multiplication by the Hessian" (1994), with everything that does not depend on v computed once. With
 * z = aW + b, δ = ∂L/∂z and the dot for the derivative along v = (V, c):
 *
 *     ż = ȧW + aV + c,  ȧ' = 1[z > 0]·ż,  δ̇ at the top = p·(ż - Σ p·ż)/n,  (Hv)_W = ȧᵀδ + aᵀδ̇,  (Hv)_b = Σ δ̇,
 *     δ̇ below = 1[z > 0]·(δ̇Wᵀ + δVᵀ)
 *
 * The inputs do not move, so the first layer costs two products and nothing else does much: 1.57 GFLOP for
 * 3072-128-10 and 1,000 examples.
 *
 * @param parameters kernel and bias of each layer; they stay the caller's and must outlive the result.
 * @param inputs,targets taken over.
 */
export function mlpCurvature(
  parameters: readonly tf.Tensor[],
  inputs: tf.Tensor2D,
  targets: tf.Tensor2D,
): BatchCurvature {
  const primal = tf.tidy(() => primalOf(parameters, inputs, targets));
  targets.dispose();
  const first = primal.layers[0]!;
  return {
    bytes: mlpCurvatureBytes(parameters, inputs.shape[0]),
    product(v) {
      const sums = tf.add(tf.matMul(first.inputs, v[0] as tf.Tensor2D), v[1]!) as tf.Tensor2D;
      const { deltas, rest } = tangent(primal, sums, v);
      return [tf.matMul(first.turnedInputs, deltas[0]!), ...rest];
    },
    dispose: () => disposePrimal(primal),
  };
}

/**
 * From ż of the first layer: δ̇ of each, and the product but for the first kernel's.
 * @param v of which the first kernel's and bias's are not looked at.
 */
export function tangent(
  { layers, probabilities }: Primal,
  first: tf.Tensor2D,
  v: readonly tf.Tensor[],
): { readonly deltas: readonly tf.Tensor2D[]; readonly rest: readonly tf.Tensor[] } {
  const kernelAt = (l: number): tf.Tensor2D => v[2 * l] as tf.Tensor2D;
  const moved: tf.Tensor2D[] = [];
  let sums = first;
  for (let l = 1; l < layers.length; l++) {
    const { kernel, inputs, active } = layers[l]!;
    moved[l] = tf.mul(sums, active!) as tf.Tensor2D;
    const own = tf.add(tf.matMul(inputs, kernelAt(l)), v[2 * l + 1]!);
    sums = tf.add(own, tf.matMul(moved[l]!, kernel)) as tf.Tensor2D;
  }
  const mean = tf.sum(tf.mul(probabilities, sums), 1, true);
  let delta = tf.div(tf.mul(probabilities, tf.sub(sums, mean)), probabilities.shape[0]) as tf.Tensor2D;
  const deltas: tf.Tensor2D[] = [delta];
  const rest: tf.Tensor[] = [tf.sum(delta, 0)];
  for (let l = layers.length - 1; l > 0; l--) {
    const { turnedInputs, delta: given } = layers[l]!;
    rest.unshift(tf.add(tf.matMul(turnedInputs, delta), tf.matMul(tf.transpose(moved[l]!), given)));
    delta = backwards(layers[l]!, delta, kernelAt(l));
    deltas.unshift(delta);
    rest.unshift(tf.sum(delta, 0));
  }
  return { deltas, rest };
}

/** δ̇ of the layer below: 1[z > 0]·(δ̇Wᵀ + δVᵀ). */
export function backwards({ delta, turnedKernel, active }: Layer, moved: tf.Tensor2D, kernel: tf.Tensor2D) {
  const sums = tf.add(tf.matMul(moved, turnedKernel!), tf.matMul(delta, tf.transpose(kernel)));
  return tf.mul(sums, active!) as tf.Tensor2D;
}

/** Forward and backward pass of the mean cross entropy, inside a `tf.tidy`. */
export function primalOf(
  parameters: readonly tf.Tensor[],
  inputs: tf.Tensor2D,
  targets: tf.Tensor2D,
): Primal {
  const kernels = parameters.filter((_, p) => p % 2 === 0) as tf.Tensor2D[];
  const activations = [inputs];
  const active: (tf.Tensor2D | undefined)[] = [undefined];
  let sums!: tf.Tensor2D;
  kernels.forEach((kernel, l) => {
    sums = tf.add(tf.matMul(activations[l]!, kernel), parameters[2 * l + 1]!);
    if (l + 1 === kernels.length) return;
    activations.push(tf.relu(sums));
    active.push(tf.step(sums));
  });
  const probabilities = tf.softmax(sums);
  let delta = tf.div(tf.sub(probabilities, targets), inputs.shape[0]) as tf.Tensor2D;
  const layers: Layer[] = [];
  for (let l = kernels.length - 1; l >= 0; l--) {
    const turnedKernel = l === 0 ? undefined : (tf.transpose(kernels[l]!) as tf.Tensor2D);
    layers.unshift({
      kernel: kernels[l]!,
      inputs: activations[l]!,
      turnedInputs: tf.transpose(activations[l]!) as tf.Tensor2D,
      delta,
      ...(turnedKernel ? { turnedKernel, active: active[l]! } : {}),
    });
    if (turnedKernel) delta = tf.mul(tf.matMul(delta, turnedKernel), active[l]!);
  }
  return { layers, probabilities };
}

/** The parameters stay. */
export function disposePrimal({ layers, probabilities }: Primal): void {
  for (const { turnedKernel, inputs, turnedInputs, delta, active } of layers)
    tf.dispose([turnedKernel, inputs, turnedInputs, delta, active].filter((tensor) => tensor !== undefined));
  probabilities.dispose();
}

/** Bytes that `mlpCurvature` keeps for a batch. @param theta kernel and bias of each layer. */
export function mlpCurvatureBytes(
  theta: readonly { readonly shape: readonly number[] }[],
  examples: number,
): number {
  const kernels = theta
    .filter(({ shape }) => shape.length === 2)
    .map(({ shape }) => shape as [number, number]);
  const numbers = kernels.reduce((sum, [into, out], l) => {
    const below = l === 0 ? 2 * examples * into : 3 * examples * into + into * out;
    return sum + below + examples * out;
  }, 0);
  return 4 * (numbers + examples * kernels.at(-1)![1]);
}
