import type { tf as TensorFlow } from '../engine/tensorflow.ts';
import { provenScope } from './proven-scope.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;
type Map = TensorFlow.Tensor4D;

/** One pixel. A plain 1 would do for square maps only: TensorFlow.js 4.22 then takes kernels to be square. */
const border: [[number, number], [number, number], [number, number], [number, number]] = [
  [0, 0],
  [1, 1],
  [1, 1],
  [0, 0],
];

type CustomGradient = Parameters<Tf['customGrad']>[0];

/**
 * Applies a function with a custom gradient that may be differentiated again (see `proven-scope.ts`). What it saves of its
 * output may enter the gradient through `step` alone, which is constant.
 */
export function exact(tf: Tf, f: CustomGradient, ...inputs: Tensor[]): TensorFlow.Tensor4D {
  // What a gradient function leaves behind would live until the whole gradient is done.
  const tidied: CustomGradient = (...given) => {
    const { value, gradFunc } = f(...given);
    return { value, gradFunc: (dy, saved) => tf.tidy(() => gradFunc(dy, saved)) };
  };
  return tf.tidy(provenScope('feature maps'), () => tf.customGrad(tidied)(...inputs)) as TensorFlow.Tensor4D;
}

/**
 * Convolutions of feature maps [n, height, width, channels] with kernels 3x3 [3, 3, in, out], padded by one pixel on
 * every side, stride 1 or 2 (PyTorch's padding; TensorFlow's `same` pads strided ones differently). With stride 2 the
 * sides must be even.
 *
 * The convolution, its gradient by the maps and its gradient by the kernel are bilinear, and the derivatives of each
 * are the other two. So all three are stated here as differentiable functions and any order of derivative is exact.
 * Their forward passes are what the wasm engine computes fast: it has no kernel for the gradient by the filter and a
 * slow one for that by the input, so both are convolutions of rearranged maps.
 */
export function convolution(tf: Tf, x: Tensor, kernel: Tensor, stride: 1 | 2): Map {
  return differentiable(
    tf,
    [x, kernel],
    ([a, k]) => tf.conv2d(a as Map, k as Map, stride, border),
    (dy, [a, k]) => [inputGradient(tf, dy, k!, stride), kernelGradient(tf, a!, dy, stride)],
  );
}

/**
 * relu(convolution + bias) or convolution + bias in one pass over the maps.
 * @param bias [out]
 */
export function biasedConvolution(
  tf: Tf,
  x: Tensor,
  kernel: Tensor,
  bias: Tensor,
  stride: 1 | 2,
  relu: boolean,
): Map {
  const value = (a: Tensor, k: Tensor, b: Tensor): Map =>
    tf.fused.conv2d({
      x: a as Map,
      filter: k as Map,
      strides: stride,
      pad: border,
      bias: b,
      activation: relu ? 'relu' : 'linear',
    });
  return exact(
    tf,
    (...given) => {
      const [a, k, b] = given as Tensor[];
      const save = given[3] as (tensors: Tensor[]) => void;
      const y = value(a!, k!, b!);
      save([a!, k!, y]);
      return {
        value: y,
        gradFunc: (upstream: Tensor, saved: Tensor[]) => {
          const [x, kernel, y] = saved;
          const dy = relu ? tf.mul(upstream, tf.step(y!)) : upstream;
          return [
            inputGradient(tf, dy, kernel!, stride),
            kernelGradient(tf, x!, dy, stride),
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

/** ∂/∂x of Σ dy·convolution(x, kernel): dy, with zeros between where strided, convolved with the turned kernel. */
export function inputGradient(tf: Tf, dy: Tensor, kernel: Tensor, stride: 1 | 2): Map {
  return differentiable(
    tf,
    [dy, kernel],
    ([d, k]) =>
      tf.conv2d(
        (stride === 1 ? d : spread(tf, d as Map)) as Map,
        tf.transpose(tf.reverse(k as Map, [0, 1]), [0, 1, 3, 2]),
        1,
        border,
      ),
    (ddx, [d, k]) => [convolution(tf, ddx, k!, stride), kernelGradient(tf, ddx, d!, stride)],
  );
}

/**
 * ∂/∂kernel of Σ dy·convolution(x, kernel): a convolution in which examples play the channels, x's channels the
 * examples, and dy the kernel, its pixels a stride apart.
 */
export function kernelGradient(tf: Tf, x: Tensor, dy: Tensor, stride: 1 | 2): Map {
  return differentiable(
    tf,
    [x, dy],
    ([a, d]) => {
      const maps = tf.transpose(a as Map, [3, 1, 2, 0]);
      const filter = tf.transpose(d as Map, [1, 2, 0, 3]);
      const sums = tf.conv2d(maps, filter, 1, border, 'NHWC', stride);
      const [channels, , , outputs] = sums.shape;
      // Strided, one row and one column more come out than the kernel has.
      const own = stride === 1 ? sums : tf.slice(sums, [0, 0, 0, 0], [channels, 3, 3, outputs]);
      return tf.transpose(own, [1, 2, 0, 3]);
    },
    (ddk, [a, d]) => [inputGradient(tf, d!, ddk, stride), convolution(tf, a!, ddk, stride)],
  );
}

/** A bilinear function of two tensors with its two derivatives. */
function differentiable(
  tf: Tf,
  inputs: readonly [Tensor, Tensor],
  value: (inputs: readonly Tensor[]) => Tensor,
  gradients: (dy: Tensor, inputs: readonly Tensor[]) => Tensor[],
): Map {
  return exact(
    tf,
    (...given) => {
      const pair = given.slice(0, 2) as Tensor[];
      (given[2] as (tensors: Tensor[]) => void)(pair);
      return { value: value(pair), gradFunc: (dy: Tensor, saved: Tensor[]) => gradients(dy, saved) };
    },
    ...inputs,
  );
}

/** Zeros after each row and each column: [n, h, w, c] becomes [n, 2h, 2w, c]. */
function spread(tf: Tf, x: Map): Map {
  const [n, h, w, c] = x.shape;
  const columns = tf.pad(tf.reshape(x, [n * h * w, c]), [
    [0, 0],
    [0, c],
  ]);
  const rows = tf.pad(tf.reshape(columns, [n * h, 2 * w * c]), [
    [0, 0],
    [0, 2 * w * c],
  ]);
  return tf.reshape(rows, [n, 2 * h, 2 * w, c]);
}

/** Every other pixel, from the first: [n, h, w, c] becomes [n, h/2, w/2, c]. Differentiable. */
export function everyOther(tf: Tf, x: Tensor): Map {
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const rows = tf.slice(tf.reshape(x, [(n * h) / 2, 2 * w * c]), [0, 0], [(n * h) / 2, w * c]);
  const pixels = (n * h * w) / 4;
  return tf.reshape(tf.slice(tf.reshape(rows, [pixels, 2 * c]), [0, 0], [pixels, c]), [n, h / 2, w / 2, c]);
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
      value: tf.add(tf.zeros(shape), given[0] as Tensor),
      gradFunc: (dy: Tensor) => channelSum(tf, dy),
    }),
    channels,
  );
}

/** x·factors, one factor [c] a channel. Differentiable in any order. */
export function scaledChannels(tf: Tf, x: Tensor, factors: Tensor): Map {
  return differentiable(
    tf,
    [x, factors],
    ([a, f]) => tf.mul(a!, f!),
    (dy, [a, f]) => [scaledChannels(tf, dy, f!), channelSum(tf, tf.mul(dy, a!))],
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
