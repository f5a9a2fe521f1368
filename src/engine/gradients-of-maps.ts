/**
 * Gradients of convolution and pooling that may be differentiated again, in place of TensorFlow.js 4.22's, which have
 * no second derivatives (and on the wasm engine, for a kernel, no first). Also of what else networks of others are made
 * of: gathering, erf, selu.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  depthwiseInputGradient,
  depthwiseKernelGradient,
  inputGradient,
  kernelGradient,
  type Window,
} from './convolution.ts';
import { averagePoolGradient, maxPoolGradient, type Pool } from './pooling.ts';

const { backend_util, registerGradient } = tf;

interface ConvolutionAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | Parameters<typeof tf.conv2d>[3];
  readonly dataFormat?: string;
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function windowOf(
  x: tf.Tensor,
  filter: tf.Tensor,
  attributes: ConvolutionAttributes,
  depthwise: boolean,
): Window {
  if (attributes.dataFormat === 'NCHW') throw new Error('gradients of convolutions are for the layout NHWC');
  const info = backend_util.computeConv2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number, number],
    attributes.strides,
    attributes.dilations ?? 1,
    attributes.pad as 'same',
    attributes.dimRoundingMode,
    depthwise,
  );
  const { top, bottom, left, right } = info.padInfo;
  return {
    strides: [info.strideHeight, info.strideWidth],
    pads: [
      [top, bottom],
      [left, right],
    ],
    dilations: [info.dilationHeight, info.dilationWidth],
  };
}

const convolutionRule = (
  kernelName: string,
  depthwise: boolean,
  byInput: typeof inputGradient,
  byKernel: typeof kernelGradient,
): tf.GradConfig => ({
  kernelName,
  inputsToSave: ['x', 'filter'],
  gradFunc: (dy, saved, attributes) => {
    const [x, filter] = saved as [tf.Tensor, tf.Tensor];
    const window = windowOf(x, filter, attributes as unknown as ConvolutionAttributes, depthwise);
    return {
      x: () => byInput(tf, dy as tf.Tensor, filter, window, x.shape),
      filter: () => byKernel(tf, x, dy as tf.Tensor, window, filter.shape),
    };
  },
});

interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

const poolRule = (
  kernelName: string,
  gradient: (dy: tf.Tensor, x: tf.Tensor, pool: Pool) => tf.Tensor,
): tf.GradConfig => ({
  kernelName,
  inputsToSave: ['x'],
  gradFunc: (dy, saved, attributes) => {
    const x = saved[0]!;
    const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as PoolAttributes;
    const shape = x.shape as [number, number, number, number];
    const info = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    const { top, bottom, left, right } = info.padInfo;
    const pool: Pool = {
      size: [info.filterHeight, info.filterWidth],
      out: [info.outHeight, info.outWidth],
      strides: [info.strideHeight, info.strideWidth],
      pads: [
        [top, bottom],
        [left, right],
      ],
      dilations: [1, 1],
    };
    return { x: () => gradient(dy as tf.Tensor, x, pool) };
  },
});

/** Rows gathered along an axis go back by a product with the one-hot indices: the wasm engine cannot scatter-add. */
const gather: tf.GradConfig = {
  kernelName: 'GatherV2',
  inputsToSave: ['x', 'indices'],
  gradFunc: (dy, saved, attributes) => {
    const [x, indices] = saved as [tf.Tensor, tf.Tensor];
    const { axis, batchDims } = attributes as unknown as { axis: number; batchDims: number };
    if (batchDims !== 0) throw new Error('no gradient of gathering within batches');
    return {
      x: () => {
        const along = tf.util.parseAxisParam(axis, x.shape)[0]!;
        const extent = x.shape[along]!;
        const [before, after] = [x.shape.slice(0, along), x.shape.slice(along + 1)];
        const size = (shape: number[]): number => tf.util.sizeFromShape(shape);
        const hot = tf.cast(tf.oneHot(tf.reshape(indices, [-1]) as tf.Tensor1D, extent), 'float32');
        const upstream = tf.reshape(dy as tf.Tensor, [size(before), indices.size, size(after)]);
        const front = tf.reshape(tf.transpose(upstream, [1, 0, 2]), [indices.size, -1]);
        const sums = tf.reshape(tf.matMul(tf.transpose(hot), front), [extent, size(before), size(after)]);
        return tf.reshape(tf.transpose(sums, [1, 0, 2]), x.shape);
      },
      indices: () => tf.zerosLike(indices),
    };
  },
};

const elementwise = (kernelName: string, derivative: (x: tf.Tensor) => tf.Tensor): tf.GradConfig => ({
  kernelName,
  inputsToSave: ['x'],
  gradFunc: (dy, saved) => ({ x: () => tf.mul(dy as tf.Tensor, derivative(saved[0]!)) }),
});

for (const rule of [
  convolutionRule('Conv2D', false, inputGradient, kernelGradient),
  convolutionRule('DepthwiseConv2dNative', true, depthwiseInputGradient, depthwiseKernelGradient),
  poolRule('MaxPool', (dy, x, pool) => maxPoolGradient(tf, dy, x, pool)),
  poolRule('AvgPool', (dy, x, pool) => averagePoolGradient(tf, dy, pool, x.shape)),
  gather,
  elementwise('Erf', (x) => tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI))),
  elementwise('Selu', (x) => {
    const { SELU_SCALE: scale, SELU_SCALEALPHA: alpha } = backend_util;
    return tf.where(tf.greater(x, 0), tf.mul(tf.step(x), scale), tf.mul(tf.exp(tf.minimum(x, 0)), alpha));
  }),
])
  registerGradient(rule);
