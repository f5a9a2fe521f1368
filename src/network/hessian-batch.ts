import { tf } from '../engine/tensorflow.ts';
import { keptCurvature } from './hessian-kept.ts';
import { lossOf, meanLoss } from './loss.ts';
import type { Network } from './network.ts';
import { hessianVectorProduct } from './second-order.ts';

/** Products with the Hessian of the mean loss over one batch. */
export interface BatchCurvature {
  /** Hv for a direction of the parameters' shapes, inside a `tf.tidy`; the caller disposes of the result. */
  product(v: readonly tf.Tensor[]): tf.Tensor[];
  /** On the device, of what is kept from product to product. */
  readonly bytes: number;
  dispose(): void;
}

/**
 * Any network: the gradient of ∇L·v. Takes the inputs and targets over.
 * @param keep the loss, its gradient and all they need stay; else they are computed again for each product.
 */
export function differentiated(
  network: Network,
  parameters: readonly tf.Tensor[],
  inputs: tf.Tensor2D,
  targets: tf.Tensor2D,
  keep = false,
): BatchCurvature {
  const loss = (...tensors: tf.Tensor[]): tf.Scalar =>
    meanLoss(lossOf(network), network.forward(tf, tensors, inputs), targets);
  const own = 4 * (inputs.size + targets.size);
  if (!keep)
    return {
      bytes: own,
      product(v) {
        const { value, gradient, product } = hessianVectorProduct(loss, parameters, v);
        tf.dispose([value, gradient]);
        return product;
      },
      dispose: () => tf.dispose([inputs, targets]),
    };
  const kept = keptCurvature(loss, parameters);
  return {
    bytes: own + kept.bytes,
    product: kept.product,
    dispose() {
      kept.dispose();
      tf.dispose([inputs, targets]);
    },
  };
}
