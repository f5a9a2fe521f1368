import { tf } from '../engine/tensorflow.ts';
import { lossOf, meanLoss } from './loss.ts';
import type { Network } from './network.ts';
import { hessianVectorProduct } from './second-order.ts';

/** Products with the Hessian of the mean loss over one batch. */
export interface BatchCurvature {
  /** Hv for a direction of the parameters' shapes, inside a `tf.tidy`; the caller disposes of the result. */
  product(v: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/** Any network: the gradient of ∇L·v, everything computed again for each product. Takes the tensors over. */
export function differentiated(
  network: Network,
  parameters: readonly tf.Tensor[],
  inputs: tf.Tensor2D,
  targets: tf.Tensor2D,
): BatchCurvature {
  return {
    product(v) {
      const loss = (...tensors: tf.Tensor[]): tf.Scalar =>
        meanLoss(lossOf(network), network.forward(tf, tensors, inputs), targets);
      const { value, gradient, product } = hessianVectorProduct(loss, parameters, v);
      tf.dispose([value, gradient]);
      return product;
    },
    dispose: () => tf.dispose([inputs, targets]),
  };
}
