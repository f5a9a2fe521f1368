/**
 * Convolutions of feature maps [n, height, width, channels], their gradient by the maps and their gradient by the
 * kernel. All three are bilinear, and the derivatives of each are the other two; so each is stated here as a
 * differentiable function, and any order of derivative is exact. Their forward passes are what the wasm engine computes
 * fast: it has no kernel for the gradient by the filter and a slow one for that by the input, so both are convolutions
 * of rearranged maps.
 *
 * `gradients-of-maps.ts` registers them as the gradients of TensorFlow.js' own kernels.
 */

import type * as TensorFlow from '@tensorflow/tfjs-core';
import { bilinear } from './exact.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;
type Map = TensorFlow.Tensor4D;
type Pair = readonly [number, number];
type Quad = [number, number, number, number];

/** Where a window goes: steps, zeros around the maps, and distances between the window's pixels; rows, then columns. */
export interface Window {
  readonly strides: Pair;
  readonly pads: readonly [Pair, Pair];
  readonly dilations: Pair;
}

type ExplicitPads = [[number, number], [number, number], [number, number], [number, number]];

/**
 * As TensorFlow.js wants them. Always given one by one: from a single number 4.22 takes kernels and maps to be square.
 */
export function explicit([[top, bottom], [left, right]]: Window['pads']): ExplicitPads {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** Extent of a window whose pixels lie a distance apart. */
const reach = (size: number, dilation: number): number => (size - 1) * dilation + 1;

/** Zeros after each row and each column: [n, h, w, c] becomes [n, sh·h, sw·w, c]. Differentiable. */
export function spread(tf: Tf, x: Map, [sh, sw]: Pair): Map {
  if (sh === 1 && sw === 1) return x;
  const [n, h, w, c] = x.shape;
  const columns = tf.pad(tf.reshape(x, [n * h * w, c]), [
    [0, 0],
    [0, (sw - 1) * c],
  ]);
  const rows = tf.pad(tf.reshape(columns, [n * h, sw * w * c]), [
    [0, 0],
    [0, (sh - 1) * sw * w * c],
  ]);
  return tf.reshape(rows, [n, sh * h, sw * w, c]);
}

/** Every sh-th row and sw-th column from given ones on; the sides must be multiples. Differentiable. */
export function thinned(tf: Tf, x: Map, [sh, sw]: Pair, [row, column]: Pair): Map {
  if (sh === 1 && sw === 1) return x;
  const [n, h, w, c] = x.shape;
  const rows = tf.slice(tf.reshape(x, [(n * h) / sh, sh * w * c]), [0, row * w * c], [(n * h) / sh, w * c]);
  const pixels = (n * h * w) / (sh * sw);
  const kept = tf.slice(tf.reshape(rows, [pixels, sw * c]), [0, column * c], [pixels, c]);
  return tf.reshape(kept, [n, h / sh, w / sw, c]);
}

/** Takes pixels away where a number is negative; what is left of the numbers is not. Differentiable. */
function cropped(tf: Tf, x: Map, pads: Window['pads']): { map: Map; pads: Window['pads'] } {
  if (pads.flat().every((pad) => pad >= 0)) return { map: x, pads };
  const [n, h, w, c] = x.shape;
  const cut = (pad: number): number => Math.max(0, -pad);
  const kept = (pad: number): number => Math.max(0, pad);
  const [[top, bottom], [left, right]] = pads;
  return {
    map: tf.slice(
      x,
      [0, cut(top), cut(left), 0],
      [n, h - cut(top) - cut(bottom), w - cut(left) - cut(right), c],
    ),
    pads: [
      [kept(top), kept(bottom)],
      [kept(left), kept(right)],
    ],
  };
}

/** Zeros around maps where a number is positive, pixels fewer where it is negative. Differentiable. */
export function framed(tf: Tf, x: Map, pads: Window['pads']): Map {
  const { map, pads: left } = cropped(tf, x, pads);
  return left.flat().every((pad) => pad === 0) ? map : tf.pad(map, explicit(left));
}

/**
 * dy, with zeros between where strided, framed so that the turned kernel's window over it gives maps of the inputs'
 * size: the gradient by the input of any convolution.
 */
function backwards(
  tf: Tf,
  dy: Tensor,
  [, h, w]: readonly number[],
  [kh, kw]: readonly number[],
  { strides, pads, dilations }: Window,
): { map: Map; window: Window } {
  const wide = spread(tf, dy as Map, strides);
  const side = (size: number, spreadSize: number, k: number, d: number, [before]: Pair): Pair => {
    const first = reach(k, d) - 1 - before;
    return [first, size + reach(k, d) - 1 - spreadSize - first];
  };
  const { map, pads: around } = cropped(tf, wide, [
    side(h!, wide.shape[1], kh!, dilations[0], pads[0]),
    side(w!, wide.shape[2], kw!, dilations[1], pads[1]),
  ]);
  return { map, window: { strides: [1, 1], pads: around, dilations } };
}

function conv2d(tf: Tf, x: Tensor, kernel: Tensor, { strides, pads, dilations }: Window): Map {
  return tf.conv2d(x as Map, kernel as Map, [...strides], explicit(pads), 'NHWC', [...dilations]);
}

/** ∂/∂x of Σ dy·conv(x, kernel), for x of a shape: dy convolved with the turned kernel. */
export function inputGradient(
  tf: Tf,
  dy: Tensor,
  kernel: Tensor,
  window: Window,
  shape: readonly number[],
): Map {
  return bilinear(
    tf,
    [dy, kernel],
    (d, k) => {
      const { map, window: turned } = backwards(tf, d, shape, k.shape, window);
      return conv2d(tf, map, tf.transpose(tf.reverse(k as Map, [0, 1]), [0, 1, 3, 2]), turned);
    },
    (ddx, d, k) => [conv2d(tf, ddx, k, window), kernelGradient(tf, ddx, d, window, k.shape)],
  );
}

/**
 * ∂/∂kernel of Σ dy·conv(x, kernel), for a kernel of a shape: a convolution in which examples play the channels, x's
 * channels the examples, and dy the kernel, its pixels a stride apart.
 */
export function kernelGradient(tf: Tf, x: Tensor, dy: Tensor, window: Window, shape: readonly number[]): Map {
  const { strides, dilations } = window;
  return bilinear(
    tf,
    [x, dy],
    (a, d) => {
      const [kh, kw, into, out] = shape as Quad;
      if (isPlain(window, shape)) {
        const pixels = a.size / into;
        const turned = tf.transpose(tf.reshape(a, [pixels, into]));
        return tf.reshape(tf.matMul(turned, tf.reshape(d, [pixels, out])), shape as Quad);
      }
      const maps = tf.transpose(a as Map, [3, 1, 2, 0]);
      const filter = tf.transpose(d as Map, [1, 2, 0, 3]);
      const seen = cropped(tf, maps, padsFor(window, maps.shape, filter.shape, [kh, kw]));
      const turned = { strides: dilations, pads: seen.pads, dilations: strides };
      return tf.transpose(conv2d(tf, seen.map, filter, turned), [1, 2, 0, 3]);
    },
    (ddk, a, d) => [inputGradient(tf, d, ddk, window, a.shape), conv2d(tf, a, ddk, window)],
  );
}

/** Whether a convolution is a matrix product over channels. */
function isPlain({ strides, pads }: Window, [kh, kw]: readonly number[]): boolean {
  return kh === 1 && kw === 1 && [...strides, ...pads.flat()].join('') === '110000';
}

/**
 * Pads with which a convolution by dy, strides and dilations exchanged, gives as many rows and columns as the kernel
 * has: where it was strided, its window may not have reached the last ones.
 */
function padsFor(
  { strides, pads, dilations }: Window,
  [, h, w]: readonly number[],
  [rows, columns]: readonly number[],
  [kh, kw]: readonly [number, number],
): Window['pads'] {
  const after = (axis: 0 | 1, size: number, k: number, out: number): number =>
    reach(k, dilations[axis]) + (out - 1) * strides[axis] - size - pads[axis][0];
  return [
    [pads[0][0], after(0, h!, kh, rows!)],
    [pads[1][0], after(1, w!, kw, columns!)],
  ];
}

function depthwise(tf: Tf, x: Tensor, kernel: Tensor, { strides, pads, dilations }: Window): Map {
  return tf.depthwiseConv2d(x as Map, kernel as Map, [...strides], explicit(pads), 'NHWC', [...dilations]);
}

/**
 * ∂/∂x of Σ dy·depthwise(x, kernel), for x of a shape and a kernel [kh, kw, channels, multiplier]; of each channel of x
 * come `multiplier` neighbouring ones of dy.
 */
export function depthwiseInputGradient(
  tf: Tf,
  dy: Tensor,
  kernel: Tensor,
  window: Window,
  shape: readonly number[],
): Map {
  return bilinear(
    tf,
    [dy, kernel],
    (d, k) => {
      const [kh, kw, channels, multiplier] = k.shape as Quad;
      const [n, h, w] = d.shape as [number, number, number];
      const turned = tf.reverse(k as Map, [0, 1]);
      const parts = Array.from({ length: multiplier }, (_, m) => {
        const own =
          multiplier === 1
            ? (d as Map)
            : tf.reshape(tf.slice(tf.reshape(d, [n * h * w * channels, multiplier]), [0, m], [-1, 1]), [
                n,
                h,
                w,
                channels,
              ]);
        const filter = tf.slice(turned, [0, 0, 0, m], [kh, kw, channels, 1]);
        const { map, window: back } = backwards(tf, own, shape, k.shape, window);
        return depthwise(tf, map, filter, back);
      });
      return parts.length === 1 ? parts[0]! : tf.addN(parts);
    },
    (ddx, d, k) => [depthwise(tf, ddx, k, window), depthwiseKernelGradient(tf, ddx, d, window, k.shape)],
  );
}

/**
 * ∂/∂kernel of Σ dy·depthwise(x, kernel): a depthwise convolution of one example whose channels are the examples'
 * channels, with dy as its kernel, summed over the examples.
 */
export function depthwiseKernelGradient(
  tf: Tf,
  x: Tensor,
  dy: Tensor,
  window: Window,
  shape: readonly number[],
): Map {
  const { strides, dilations } = window;
  return bilinear(
    tf,
    [x, dy],
    (a, d) => {
      const [kh, kw, channels, multiplier] = shape as Quad;
      const [n, h, w] = a.shape as [number, number, number];
      const [, oh, ow] = d.shape as [number, number, number];
      const maps = tf.reshape(tf.transpose(a as Map, [1, 2, 0, 3]), [1, h, w, n * channels]);
      const filter = tf.reshape(tf.transpose(d as Map, [1, 2, 0, 3]), [oh, ow, n * channels, multiplier]);
      const seen = cropped(tf, maps as Map, padsFor(window, maps.shape, filter.shape, [kh, kw]));
      const turned = { strides: dilations, pads: seen.pads, dilations: strides };
      const sums = depthwise(tf, seen.map, filter, turned);
      const perExample = tf.reshape(sums, [kh * kw, n, channels * multiplier]);
      return tf.reshape(tf.sum(perExample, 1), shape as Quad);
    },
    (ddk, a, d) => [depthwiseInputGradient(tf, d, ddk, window, a.shape), depthwise(tf, a, ddk, window)],
  );
}
