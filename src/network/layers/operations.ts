import { explicit, type Window } from '../../engine/convolution.ts';
import type { tf as TensorFlow } from '../../engine/tensorflow.ts';
import { groupedConvolution, scaledChannels, shiftedChannels } from '../convolution.ts';
import type { ActivationName, Operation } from './layer.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;
type Map = TensorFlow.Tensor4D;
export type ConvolutionOperation = Extract<Operation, { kind: 'convolution' }>;

/** Every operation used here has a proven second derivative. */
export function activated(tf: Tf, x: Tensor, name: ActivationName, slope = 0.3): Tensor {
  switch (name) {
    case 'relu':
      return tf.relu(x);
    case 'relu6':
      return tf.relu6(x);
    case 'leaky-relu':
      return tf.leakyRelu(x, slope);
    case 'elu':
      return tf.elu(x);
    case 'selu':
      return tf.selu(x);
    case 'sigmoid':
      return tf.sigmoid(x);
    case 'hard-sigmoid':
      return tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1);
    case 'tanh':
      return tf.tanh(x);
    case 'softplus':
      return tf.softplus(x);
    case 'softsign':
      return tf.div(x, tf.add(tf.abs(x), 1));
    case 'swish':
      return tf.mul(x, tf.sigmoid(x));
    case 'mish':
      return tf.mul(x, tf.tanh(tf.softplus(x)));
    case 'gelu':
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    case 'gelu-tanh': {
      const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
    }
    case 'exponential':
      return tf.exp(x);
    case 'softmax':
      return tf.softmax(x);
  }
}

export function windowOf({ strides, pads, dilations }: ConvolutionOperation): Window {
  return { strides, pads, dilations };
}

/** Whether each channel has filters of its own. */
export function isDepthwise({ groups }: ConvolutionOperation, kernel: Tensor): boolean {
  return groups > 1 && kernel.shape[2] === 1;
}

/** A depthwise kernel [h, w, 1, channels·multiplier] as the engine wants it: [h, w, channels, multiplier]. */
export function depthwiseKernel(tf: Tf, kernel: Tensor, channels: number): Map {
  const [h, w, , out] = kernel.shape as [number, number, number, number];
  return tf.reshape(kernel, [h, w, channels, out / channels]);
}

/** Without the bias. */
export function convolved(tf: Tf, x: Tensor, kernel: Tensor, does: ConvolutionOperation): Map {
  const { strides, pads, dilations, groups } = does;
  if (!isDepthwise(does, kernel)) return groupedConvolution(tf, x, kernel, windowOf(does), groups);
  const own = depthwiseKernel(tf, kernel, groups);
  return tf.depthwiseConv2d(x as Map, own, [...strides], explicit(pads), 'NHWC', [...dilations]);
}

/** x·factor + shift, one of each a channel. */
export function affine(tf: Tf, x: Tensor, factor: Tensor, shift: Tensor): Tensor {
  if (x.shape.length === 4) return shiftedChannels(tf, scaledChannels(tf, x, factor), shift);
  return tf.add(tf.mul(x, factor), shift);
}

/** Normalised over the last axis, as torch.nn.LayerNorm and Keras' LayerNormalization. */
export function layerNormalised(tf: Tf, x: Tensor, epsilon: number): Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
}

/** Of the last axis of vectors or maps. */
export function dense(tf: Tf, x: Tensor, kernel: Tensor): Tensor {
  const rows = tf.reshape(x, [-1, kernel.shape[0]!]) as TensorFlow.Tensor2D;
  const sums = tf.matMul(rows, kernel as TensorFlow.Tensor2D);
  return x.shape.length === 2 ? sums : tf.reshape(sums, [...x.shape.slice(0, -1), kernel.shape[1]!]);
}

/** Operations without parameters. @param inputs with the batch's axis first. */
export function plain(tf: Tf, does: Operation, inputs: readonly Tensor[]): Tensor {
  const [x] = inputs as [Tensor];
  switch (does.kind) {
    case 'activation':
      return activated(tf, x, does.name, does.slope);
    case 'max-pool':
      return tf.maxPool(x as Map, [...does.size], [...does.strides], explicit(does.pads));
    case 'average-pool':
      return tf.avgPool(x as Map, [...does.size], [...does.strides], explicit(does.pads));
    case 'global-average': {
      const [n, h, w, c] = x.shape as [number, number, number, number];
      return tf.mean(tf.reshape(x, [n, h * w, c]), 1);
    }
    case 'global-max': {
      const [n, h, w, c] = x.shape as [number, number, number, number];
      return tf.max(tf.reshape(x, [n, h * w, c]), 1);
    }
    case 'flatten':
      return tf.reshape(x, [x.shape[0]!, -1]);
    case 'reshape':
      return tf.reshape(x, [x.shape[0]!, ...does.shape]);
    case 'pad':
      return tf.pad(x, explicit(does.pads));
    case 'resize':
      return tf.image.resizeBilinear(x as Map, [...does.size], false, true);
    case 'add':
      return tf.addN([...inputs]);
    case 'average':
      return tf.div(tf.addN([...inputs]), inputs.length);
    case 'multiply':
      return inputs.slice(1).reduce((product, other) => tf.mul(product, other), x);
    case 'maximum':
      return inputs.slice(1).reduce((largest, other) => tf.maximum(largest, other), x);
    case 'concatenate':
      return tf.concat([...inputs], x.shape.length - 1);
    default:
      throw new Error(`${does.kind} has parameters`);
  }
}
