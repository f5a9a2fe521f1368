import type { tf } from '../engine/tensorflow.ts';
import type { ParameterVector } from './tensors.ts';

/** An architecture for inputs and classes of given numbers: plain JSON, stored in every checkpoint. */
export interface NetworkSpec {
  readonly name: 'mlp';
  /** Units of the hidden layers, from input to output. */
  readonly widths: readonly number[];
  /** Features of an example. */
  readonly inputs: number;
  readonly classes: number;
}

/** What a parameter is for. Scalings and weight decay treat kernels and one-dimensional parameters differently. */
export interface ParameterForm {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * An architecture: the form of its parameters and the function from parameters and inputs to logits. It holds no
 * parameters itself, because a landscape evaluates the same network at many of them.
 */
export interface Network {
  readonly spec: NetworkSpec;
  readonly parameters: readonly ParameterForm[];
  /** Logits [n, classes] of inputs [n, inputs]. Differentiable in both; tensors in between are the caller's to tidy. */
  forward(tensorflow: typeof tf, parameters: readonly tf.Tensor[], inputs: tf.Tensor): tf.Tensor2D;
  /** Initial parameters from the stream of the seed. */
  initialise(init: Initialisation, seed: number): ParameterVector;
}

/** How kernels and biases start; see `mlp.ts`. */
export const initialisations = ['pytorch', 'he', 'glorot'] as const;
export type Initialisation = (typeof initialisations)[number];
