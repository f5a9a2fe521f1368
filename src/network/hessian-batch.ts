import { tf } from '../engine/tensorflow.ts';
import type { BatchCurvature } from './batch-curvature.ts';
import { keptCurvature } from './hessian-kept.ts';
import { lossOf, meanLoss, toTensors } from './loss.ts';
import type { Network } from './network.ts';
import { hessianVectorProduct } from './second-order.ts';
import { dimension, type ParameterVector } from './tensors.ts';

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

/**
 * How many examples a micro-batch may have so that products with it, everything computed anew, stay within a memory
 * budget: TensorFlow.js' own count of bytes for one and for two examples, continued. The same on every engine.
 * @param bytes on the device, parameters and a product included. @returns at least 1.
 */
export async function microBatch(network: Network, theta: ParameterVector, bytes: number): Promise<number> {
  const { inputs: features, classes } = network.spec;
  const parameters = toTensors(theta);
  const v = toTensors(theta);
  const peak = async (examples: number): Promise<number> => {
    const inputs = tf.zeros([examples, features]) as tf.Tensor2D;
    const curvature = differentiated(network, parameters, inputs, tf.zeros([examples, classes]));
    const before = tf.memory().numBytes;
    const { peakBytes } = await tf.profile(() => tf.dispose(tf.tidy(() => curvature.product(v))));
    curvature.dispose();
    return peakBytes - before;
  };
  try {
    const [one, two] = [await peak(1), await peak(2)];
    const each = Math.max(1, two - one);
    const fixed = 3 * 4 * dimension(theta) + (one - each);
    const most = Math.floor((bytes - fixed) / each);
    // Few sizes: the number of examples decides the last bits.
    return most < 8 ? Math.max(1, most) : Math.floor(most / 8) * 8;
  } finally {
    tf.dispose([...parameters, ...v]);
  }
}
