import type { tf } from '../engine/tensorflow.ts';

/** Products with the Hessian of the mean loss over one batch. */
export interface BatchCurvature {
  /** Hv for a direction of the parameters' shapes, inside a `tf.tidy`; the caller disposes of the result. */
  product(v: readonly tf.Tensor[]): tf.Tensor[];
  /** On the device, of what is kept from product to product. */
  readonly bytes: number;
  dispose(): void;
}
