/** Operations on feature maps beyond TensorFlow.js' own, differentiable in any order and fast on the wasm engine. */
import {
  depthwiseInputGradient,
  depthwiseKernelGradient,
  explicit,
  framed,
  inputGradient,
  kernelGradient,
  spread,
  thinned,
  type Window,
} from '../engine/convolution.ts';
import { bilinear, exact } from '../engine/exact.ts';
import type { tf as TensorFlow } from '../engine/tensorflow.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;
type Map = TensorFlow.Tensor4D;

/** What follows a convolution in the same pass. */
export type Rectifier = 'linear' | 'relu' | 'relu6';

/** 3x3 windows one pixel beyond the edge: PyTorch's padding; TensorFlow's `same` pads strided ones differently. */
export function around(stride: number): Window {
  const one = [1, 1] as const;
  return { strides: [stride, stride], pads: [one, one], dilations: one };
}

/**
 * activation(convolution + bias) in one pass over the maps [n, height, width, channels].
 * @param kernel [height, width, in, out]; [height, width, in, multiplier] where `depthwise`.
 * @param bias one number for each channel that comes out.
 */
export function biasedConvolution(
  tf: Tf,
  x: Tensor,
  kernel: Tensor,
  bias: Tensor,
  window: Window,
  activation: Rectifier,
  depthwise = false,
): Map {
  const fused = depthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
  const [byInput, byKernel] = depthwise
    ? [depthwiseInputGradient, depthwiseKernelGradient]
    : [inputGradient, kernelGradient];
  return exact(
    tf,
    (...given) => {
      const [a, k, b] = given as Tensor[];
      const save = given[3] as (tensors: Tensor[]) => void;
      const y = fused({
        x: a as Map,
        filter: k as Map,
        strides: [...window.strides],
        // The declaration of the depthwise one leaves this out; the kernel takes it.
        pad: explicit(window.pads) as never,
        dilations: [...window.dilations],
        bias: b!,
        activation,
      });
      save([a!, k!, y]);
      return {
        value: y,
        gradFunc: (upstream: Tensor, saved: Tensor[]) => {
          const [x, kernel, y] = saved as [Tensor, Tensor, Tensor];
          const dy = tf.mul(upstream, slopes(tf, y, activation));
          return [
            byInput(tf, dy, kernel, window, x.shape),
            byKernel(tf, x, dy, window, kernel.shape),
            channelSum(tf, dy),
          ];
        },
      };
    },
    x,
    kernel,
    bias,
  );
}

/** The derivative of an activation by its input, told from its output. Constant almost everywhere. */
function slopes(tf: Tf, y: Tensor, activation: Rectifier): Tensor {
  if (activation === 'linear') return tf.onesLike(y);
  const rising = tf.step(y);
  return activation === 'relu' ? rising : tf.mul(rising, tf.step(tf.sub(6, y)));
}

/** Channels that a convolution of a group should have, for the engine to be busy. */
const worthwhile = 32;

/** What is added to each channel of a convolution, and what follows in the same pass. */
export interface Bias {
  readonly values: Tensor;
  readonly activation: Rectifier;
}

/**
 * A convolution in groups: channel g·out … of what comes out sees channels g·in … of the maps only (PyTorch's `groups`).
 * Narrow groups are computed in bundles, with zeros in the kernel where channels do not see each other.
 * @param kernel [height, width, channels / groups, out channels]
 * @param bias see `biasedConvolution`; null for none.
 * @param bundled groups in one convolution, a divisor of `groups`; decides the speed and the last bits.
 */
export function groupedConvolution(
  tf: Tf,
  x: Tensor,
  kernel: Tensor,
  window: Window,
  groups: number,
  bias: Bias | null = null,
  bundled = bundleOf(groups, kernel.shape[2]!),
): Map {
  const [into, out] = kernel.shape.slice(2) as [number, number];
  const { strides, pads, dilations } = window;
  const convolved = (a: Tensor, k: Tensor, b?: Tensor): Map =>
    b && bias
      ? biasedConvolution(tf, a, k, b, window, bias.activation)
      : tf.conv2d(a as Map, k as Map, [...strides], explicit(pads), 'NHWC', [...dilations]);
  if (groups === 1) return convolved(x, kernel, bias?.values);
  const bundles = groups / bundled;
  const wide = out / bundles;
  const sees = Array.from({ length: bundled * into * wide }, (_, i) => {
    const [from, to] = [Math.floor(i / wide), i % wide];
    return Math.floor(from / into) === Math.floor(to / (out / groups)) ? 1 : 0;
  });
  const mask = tf.tensor(sees, [1, 1, bundled * into, wide]);
  const split = (whole: Tensor, axis: number): Tensor[] =>
    bundles === 1 ? [whole] : tf.split(whole, bundles, axis);
  const kernels = split(kernel, 3);
  const biases = bias ? split(bias.values, 0) : [];
  const parts = split(x, 3).map((a, b) => {
    const own = kernels[b]!;
    return convolved(a, bundled === 1 ? own : tf.mul(tf.tile(own, [1, 1, bundled, 1]), mask), biases[b]);
  });
  return bundles === 1 ? parts[0]! : tf.concat(parts, 3);
}

/** The fewest groups that make a convolution wide enough. */
function bundleOf(groups: number, into: number): number {
  for (let count = 1; count < groups; count++)
    if (groups % count === 0 && count * into >= worthwhile) return count;
  return groups;
}

/** Every other pixel, from the first: [n, h, w, c] becomes [n, ⌈h/2⌉, ⌈w/2⌉, c]. Differentiable. */
export function everyOther(tf: Tf, x: Tensor): Map {
  const [, h, w] = x.shape as [number, number, number];
  const even = framed(tf, x as Map, [
    [0, h % 2],
    [0, w % 2],
  ]);
  return thinned(tf, even, [2, 2], [0, 0]);
}

/**
 * A 1x1 convolution of stride 2 over maps [n, h, w, c] of even sides, which engines compute together with what follows
 * it. Its gradients are products of matrices. Differentiable in any order.
 * @param kernel [1, 1, c, out]
 */
export function halved(tf: Tf, x: Tensor, kernel: Tensor): Map {
  return bilinear(
    tf,
    [x, kernel],
    (a, k) => tf.conv2d(a as Map, k as Map, 2, 'valid'),
    (dy, a, k) => {
      const [n, h, w, into] = a.shape as [number, number, number, number];
      const out = k.shape[3]!;
      const upstream = tf.reshape(dy, [-1, out]) as TensorFlow.Tensor2D;
      const byPixel = tf.matMul(upstream, tf.transpose(tf.reshape(k, [into, out])));
      const seen = tf.transpose(tf.reshape(everyOther(tf, a), [-1, into]));
      return [
        spread(tf, tf.reshape(byPixel, [n, h / 2, w / 2, into]), [2, 2]),
        tf.reshape(tf.matMul(seen, upstream), k.shape),
      ];
    },
  );
}

/**
 * Every other pixel of maps [n, h, w, c] of even sides, and as many zero channels on either side as make `to`. The
 * zeros are those of a kernel, for the sake of speed as in `halved`; the gradient only moves numbers. Differentiable.
 */
export function widened(tf: Tf, x: Tensor, to: number): Map {
  const into = x.shape[3]!;
  const before = (to - into) / 2;
  const kernel = new Float32Array(into * to);
  for (let channel = 0; channel < into; channel++) kernel[channel * to + before + channel] = 1;
  return exact(
    tf,
    (...given) => ({
      value: tf.conv2d(given[0] as Map, tf.tensor4d(kernel, [1, 1, into, to]), 2, 'valid'),
      gradFunc: (dy: Tensor) =>
        spread(tf, tf.slice(dy as Map, [0, 0, 0, before], [-1, -1, -1, into]), [2, 2]),
    }),
    x,
  );
}

/**
 * Sums over all but the last axis, [n, height, width, c] to [c], differentiable in any order. Pooling comes first:
 * sums of a map and then of the maps lose less in float32 than one long sum, and are faster.
 */
export function channelSum(tf: Tf, x: Tensor): TensorFlow.Tensor1D {
  return exact(
    tf,
    (...given) => {
      const [n, h, w, c] = (given[0] as Tensor).shape as [number, number, number, number];
      const means = tf.reshape(tf.avgPool(given[0] as Map, [h, w], 1, 'valid'), [n, c]);
      return {
        value: tf.mul(tf.sum(means, 0), h * w),
        gradFunc: (dy: Tensor) => onMaps(tf, dy, [n, h, w, c]),
      };
    },
    x,
  ) as Tensor as TensorFlow.Tensor1D;
}

/** The same channel values [c] in every pixel of maps of a shape. Differentiable in any order. */
function onMaps(tf: Tf, channels: Tensor, shape: [number, number, number, number]): Map {
  return exact(
    tf,
    (...given) => ({
      value: tf.add(tf.fill(shape, 0), given[0] as Tensor),
      gradFunc: (dy: Tensor) => channelSum(tf, dy),
    }),
    channels,
  );
}

/** x·factors, one factor [c] a channel. Differentiable in any order. */
export function scaledChannels(tf: Tf, x: Tensor, factors: Tensor): Map {
  return bilinear(
    tf,
    [x, factors],
    (a, f) => tf.mul(a, f),
    (dy, a, f) => [scaledChannels(tf, dy, f), channelSum(tf, tf.mul(dy, a))],
  );
}

/** x + offsets, one offset [c] a channel. Differentiable in any order. */
export function shiftedChannels(tf: Tf, x: Tensor, offsets: Tensor): Map {
  return exact(
    tf,
    (...given) => ({
      value: tf.add(given[0] as Tensor, given[1] as Tensor),
      gradFunc: (dy: Tensor) => [tf.clone(dy), channelSum(tf, dy)],
    }),
    x,
    offsets,
  );
}
