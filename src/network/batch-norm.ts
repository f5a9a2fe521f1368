import { exact } from '../engine/exact.ts';
import type { tf as TensorFlow } from '../engine/tensorflow.ts';
import { channelSum, scaledChannels, shiftedChannels } from './convolution.ts';
import type { BatchNormMode, Moments, Network } from './network.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;

/** Added to variances, PyTorch's default. */
export const epsilon = 1e-5;

/** The network with batch norm's mode bound, for everything that computes with plain networks. */
export function normalisedBy(network: Network, norm: BatchNormMode): Network {
  if (norm.statistics === 'fixed' && norm.tensors.length !== network.state.length)
    throw new Error(
      `${norm.tensors.length} running statistics for a network that has ${network.state.length}`,
    );
  if (network.state.length === 0) return network;
  return { ...network, forward: (tf, parameters, inputs) => network.forward(tf, parameters, inputs, norm) };
}

/**
 * Scale and shift that evaluation-mode batch norm amounts to: y = x·factor + shift.
 * @param scale,offset,mean,variance [c]
 * @param added to variances
 */
export function affineOf(
  tf: Tf,
  scale: Tensor,
  offset: Tensor,
  mean: Tensor,
  variance: Tensor,
  added = epsilon,
): { readonly factor: Tensor; readonly shift: Tensor } {
  const factor = tf.mul(scale, tf.rsqrt(tf.add(variance, added)));
  return { factor, shift: tf.sub(offset, tf.mul(mean, factor)) };
}

/** Mean and biased variance of each channel, two passes. Differentiable in any order. */
function momentsOf(tf: Tf, x: Tensor): { mean: Tensor; variance: Tensor; centred: Tensor; count: number } {
  const count = x.size / x.shape.at(-1)!;
  const mean = tf.div(channelSum(tf, x), count);
  const centred = shiftedChannels(tf, x, tf.neg(mean));
  const variance = tf.div(
    tf.tidy(() => channelSum(tf, tf.square(centred))),
    count,
  );
  return { mean, variance, centred, count };
}

/**
 * Training-mode batch norm of maps [n, height, width, c]: normalised by the batch's mean and biased variance, then
 * scaled and shifted. Only x is kept for the gradient; what else it needs is computed again from x there, by
 * differentiable steps, so that gradients of the gradient see all of it.
 */
export function batchNormalised(
  tf: Tf,
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  observe?: (moments: Moments) => void,
  added = epsilon,
): TensorFlow.Tensor4D {
  return exact(
    tf,
    (...given) => {
      const [a, s, o] = given as Tensor[];
      (given[3] as (tensors: Tensor[]) => void)([a!, s!]);
      const { mean, variance, centred, count } = momentsOf(tf, a!);
      const factor = tf.mul(s!, tf.rsqrt(tf.add(variance, added)));
      const value = tf.add(tf.mul(centred, factor), o!);
      // Last: the observer may dispose of them at once.
      observe?.({ mean: tf.keep(mean), variance: tf.keep(variance), count });
      return {
        value,
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [x, scale] = saved;
          const { variance, centred, count } = momentsOf(tf, x!);
          const inverse = tf.rsqrt(tf.add(variance, added));
          const byOffset = channelSum(tf, dy);
          const along = tf.tidy(() => channelSum(tf, tf.mul(dy, centred)));
          // dx = a·dy + b·(x - mean) + c, channel by channel.
          const a = tf.mul(scale!, inverse);
          const b = tf.neg(tf.div(tf.mul(a, tf.mul(tf.square(inverse), along)), count));
          const c = tf.neg(tf.div(tf.mul(a, byOffset), count));
          // Each of these is as large as x: what is read goes at once.
          const own = tf.tidy(() => shiftedChannels(tf, scaledChannels(tf, centred, b), c));
          centred.dispose();
          return [tf.add(scaledChannels(tf, dy, a), own), tf.mul(along, inverse), byOffset];
        },
      };
    },
    x,
    scale,
    offset,
  );
}
