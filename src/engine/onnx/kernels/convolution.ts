/** Convolutions and their gradients. Maps are [n, height, width, channels] outside and lie as [n, channels, …] inside. */
import { tf } from '../../tensorflow.ts';
import type { GraphNode } from '../graph.ts';
import { type Lowering, planes } from '../lowering.ts';
import type { Value } from '../value.ts';
import { blockCorrelation, correlation } from './correlation.ts';
import { finished } from './matmul.ts';
import { inOnePass } from './one-pass.ts';
import { type Call, lowering, recording } from './registry.ts';

const { backend_util } = tf;

/** Kernels [height, width, in, out] as ONNX has them: out, in, rows, columns. */
const kernelOrder = [3, 2, 0, 1] as const;

type Pair = readonly [number, number];
type Four = [number, number, number, number];

/** Everything about a convolution's geometry that its lowering needs. Type alias: it is stored as attributes. */
export type Window = {
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Top, left, bottom, right. */
  readonly pads: Four;
  /** Rows and columns of the kernel. */
  readonly kernel: Pair;
};

type ConvInfo = ReturnType<typeof backend_util.computeConv2DInfo>;

/** The padding as it is needed: the last rows and columns may not be reached at all, which makes it negative. */
export function windowOf(info: ConvInfo): Window {
  const { strideHeight: sh, strideWidth: sw, dilationHeight: dh, dilationWidth: dw } = info;
  const reach = (out: number, stride: number, extent: number): number => (out - 1) * stride + extent;
  const rows = reach(info.outHeight, sh, (info.filterHeight - 1) * dh + 1);
  const columns = reach(info.outWidth, sw, (info.filterWidth - 1) * dw + 1);
  const { top, left } = info.padInfo;
  return {
    strides: [sh, sw],
    dilations: [dh, dw],
    pads: [top, left, rows - info.inHeight - top, columns - info.inWidth - left],
    kernel: [info.filterHeight, info.filterWidth],
  };
}

interface ConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof backend_util.computeConv2DInfo>[4];
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function geometry(
  x: readonly number[],
  kernel: readonly number[],
  { strides, pad, dilations, dimRoundingMode, dataFormat }: ConvAttributes,
  depthwise: boolean,
): ConvInfo {
  if (dataFormat === 'NCHW') throw new Error('the engine "onnx" takes maps as NHWC');
  return backend_util.computeConv2DInfo(
    x as Four,
    kernel as Four,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

function convolved(call: Call, x: Value, filter: Value, depthwise: boolean): Value {
  const info = geometry(x.shape, filter.shape, call.attributes, depthwise);
  const name = depthwise ? 'DepthwiseConv' : 'Conv';
  return call.make(name, [x, filter], info.outShape, 'float32', windowOf(info));
}

recording('Conv2D', (call) => convolved(call, call.inputs.x!, call.inputs.filter!, false));
recording('DepthwiseConv2dNative', (call) => convolved(call, call.inputs.x!, call.inputs.filter!, true));
recording('FusedConv2D', (call) => {
  const { x, filter, bias, preluActivationWeights } = call.inputs;
  return finished(call, convolved(call, x!, filter!, false), bias, preluActivationWeights);
});
recording('FusedDepthwiseConv2D', (call) => {
  const { x, filter, bias, preluActivationWeights } = call.inputs;
  return finished(call, convolved(call, x!, filter!, true), bias, preluActivationWeights);
});

/** Crops where a padding is negative. @returns the maps and what remains to be padded. */
function cropped(g: Lowering, x: string, node: GraphNode, pads: Four): { x: string; pads: Four } {
  const [top, left, bottom, right] = pads;
  if (Math.min(...pads) >= 0) return { x, pads };
  const [, h, w] = node.shape as Four;
  const from = [Math.max(0, -top), Math.max(0, -left)];
  const to = [h - Math.max(0, -bottom), w - Math.max(0, -right)];
  return {
    x: g.node('Slice', [x, g.ints(from), g.ints(to), g.ints([2, 3])]),
    pads: pads.map((pad) => Math.max(0, pad)) as Four,
  };
}

lowering('Conv', (g, node) => {
  const [x, filter] = node.inputs as [GraphNode, GraphNode];
  const { strides, dilations, pads: reached, kernel } = node.attributes as Window;
  const pads = tidied(reached, strides);
  const [, rows, columns] = node.shape as Four;
  // A kernel larger than what comes out: the gradient by a kernel, written as a convolution.
  if (kernel[0] * kernel[1] > rows * columns && strides[0] === 1 && strides[1] === 1) {
    const direct = blockCorrelation(g, node);
    if (direct) {
      g.give(node, direct);
      return;
    }
    const sum = correlation(g, {
      // What is summed over are the channels here.
      x: { node: x, examples: 3, channels: 0 },
      dy: { node: filter, examples: 2, channels: 3, rows: 0, columns: 1 },
      pads,
      steps: dilations,
      taps: [rows, columns],
    });
    g.give(node, sum);
    return;
  }
  const few = x.shape[3]! < g.block;
  if ((few || g.blockable(x)) && g.blockable(node) && Math.min(...pads) >= 0) {
    const settings = { strides, dilations, pads, kernel_shape: kernel, group: 1 };
    const operands = (): [string, string] =>
      few ? [g.as(x, planes), outBlockedKernel(g, filter)] : [g.asBlocks(x), blockedKernel(g, filter)];
    inOnePass(g, node, operands, settings);
    return;
  }
  const inner = cropped(g, g.as(x, planes), x, pads);
  g.give(
    node,
    g.node('Conv', [inner.x, g.as(filter, kernelOrder)], {
      strides,
      dilations,
      pads: inner.pads,
      kernel_shape: kernel,
      group: 1,
    }),
    planes,
  );
});

/** Last rows and columns that the next step would go beyond are left out anyway: they need not be taken away. */
function tidied([top, left, bottom, right]: Four, [sh, sw]: Pair): Four {
  const rest = (pad: number, stride: number): number => (pad < 0 && pad > -stride ? 0 : pad);
  return [top, left, rest(bottom, sh), rest(right, sw)];
}

/** A kernel [rows, columns, in, out] as convolutions in blocks want it: out, in, rows, columns, in of a block, out of one. */
function blockedKernel(g: Lowering, filter: GraphNode): string {
  const [rows, columns, into, out] = filter.shape as Four;
  const b = g.block;
  const parts = g.reshape(g.as(filter), [rows * columns, into / b, b, out / b, b]);
  return g.reshape(g.node('Transpose', [parts], { perm: [3, 1, 0, 2, 4] }), [out, into, rows, columns]);
}

/** The same for maps of fewer channels than a block has, which are not in blocks: out, in, rows, columns, out of a block. */
function outBlockedKernel(g: Lowering, filter: GraphNode): string {
  const [rows, columns, into, out] = filter.shape as Four;
  const b = g.block;
  const parts = g.reshape(g.as(filter), [rows * columns, into, out / b, b]);
  return g.reshape(g.node('Transpose', [parts], { perm: [2, 1, 0, 3] }), [out, into, rows, columns]);
}

lowering('DepthwiseConv', (g, node) => {
  const [x, filter] = node.inputs as [GraphNode, GraphNode];
  const { strides, dilations, pads: reached, kernel } = node.attributes as Window;
  const pads = tidied(reached, strides);
  if (g.blockable(x) && g.blockable(node) && filter.shape[3] === 1 && Math.min(...pads) >= 0) {
    const settings = { strides, dilations, pads, kernel_shape: kernel, group: x.shape[3]! };
    inOnePass(g, node, () => [g.asBlocks(x), blockedDepthwiseKernel(g, filter)], settings);
    return;
  }
  const inner = cropped(g, g.as(x, planes), x, pads);
  g.give(
    node,
    g.node('Conv', [inner.x, depthwiseKernel(g, filter)], {
      strides,
      dilations,
      pads: inner.pads,
      kernel_shape: kernel,
      group: x.shape[3]!,
    }),
    planes,
  );
});

/** A kernel [rows, columns, channels, 1] as convolutions in blocks want it: channels, rows, columns, those of a block. */
function blockedDepthwiseKernel(g: Lowering, filter: GraphNode): string {
  const [rows, columns, channels] = filter.shape as Four;
  const parts = g.reshape(g.as(filter), [rows * columns, channels / g.block, g.block]);
  return g.reshape(g.node('Transpose', [parts], { perm: [1, 0, 2] }), [channels, 1, rows, columns]);
}

/** [height, width, in, multiplier] as [in·multiplier, 1, height, width]. */
function depthwiseKernel(g: Lowering, filter: GraphNode): string {
  const [h, w, channels, multiplier] = filter.shape as Four;
  return g.reshape(g.as(filter, [2, 3, 0, 1]), [channels * multiplier, 1, h, w]);
}

for (const [kernelName, name, depthwise] of [
  ['Conv2DBackpropInput', 'ConvByInput', false],
  ['DepthwiseConv2dNativeBackpropInput', 'DepthwiseConvByInput', true],
] as const) {
  recording(kernelName, ({ inputs: { dy, filter }, make, attributes }) => {
    const { inputShape } = attributes as { inputShape: Four };
    const info = geometry(inputShape, filter!.shape, attributes, depthwise);
    return make(name, [dy!, filter!], inputShape, 'float32', windowOf(info));
  });
  lowering(name, (g, node) => {
    const [dy, filter] = node.inputs as [GraphNode, GraphNode];
    const { strides, dilations, pads, kernel } = node.attributes as Window;
    // Rows and columns that no window reached get zeros, windows over the padding lose what they bring there.
    const whole = g.node(
      'ConvTranspose',
      [g.as(dy, planes), depthwise ? depthwiseKernel(g, filter) : g.as(filter, kernelOrder)],
      {
        strides,
        dilations,
        pads: pads.map((pad) => Math.max(0, pad)),
        kernel_shape: kernel,
        group: depthwise ? filter.shape[2]! : 1,
      },
    );
    const missing = pads.map((pad) => Math.max(0, -pad));
    const [top, left, bottom, right] = missing as Four;
    const filled = missing.some((rows) => rows > 0)
      ? g.node('Pad', [whole, g.ints([0, 0, top, left, 0, 0, bottom, right]), g.scalar(0)])
      : whole;
    g.give(node, filled, planes);
  });
}

for (const [kernelName, name, depthwise] of [
  ['Conv2DBackpropFilter', 'ConvByFilter', false],
  ['DepthwiseConv2dNativeBackpropFilter', 'DepthwiseConvByFilter', true],
] as const)
  recording(kernelName, ({ inputs: { x, dy }, make, attributes }) => {
    const { filterShape } = attributes as { filterShape: Four };
    const info = geometry(x!.shape, filterShape, attributes, depthwise);
    return make(name, [x!, dy!], filterShape, 'float32', windowOf(info));
  });

lowering('ConvByFilter', (g, node) => {
  const [x, dy] = node.inputs as [GraphNode, GraphNode];
  const { strides, dilations, pads, kernel } = node.attributes as Window;
  const sum = correlation(g, {
    x: { node: x, examples: 0, channels: 3 },
    dy: { node: dy, examples: 0, channels: 3, rows: 1, columns: 2 },
    pads,
    steps: strides,
    spacing: dilations,
    taps: kernel,
  });
  g.give(node, sum, [2, 0, 1, 3]);
});

/** Tap by tap: the maps under that tap times the gradient, summed over examples and pixels. */
lowering('DepthwiseConvByFilter', (g, node) => {
  const [x, dy] = node.inputs as [GraphNode, GraphNode];
  const { strides, dilations, pads, kernel } = node.attributes as Window;
  const [, , channels, multiplier] = node.shape as Four;
  const [n, oh, ow] = dy.shape as Four;
  const inner = cropped(g, g.as(x, planes), x, pads);
  const [top, left, bottom, right] = inner.pads;
  const padded = g.node('Pad', [inner.x, g.ints([0, 0, top, left, 0, 0, bottom, right]), g.scalar(0)]);
  const upstream = g.reshape(g.as(dy, planes), [n, channels, multiplier, oh, ow]);
  const taps: string[] = [];
  for (let row = 0; row < kernel[0]; row++)
    for (let column = 0; column < kernel[1]; column++) {
      const from = [row * dilations[0], column * dilations[1]] as const;
      const to = [from[0] + (oh - 1) * strides[0] + 1, from[1] + (ow - 1) * strides[1] + 1];
      const under = g.node('Slice', [padded, g.ints(from), g.ints(to), g.ints([2, 3]), g.ints(strides)]);
      const product = g.node('Mul', [g.reshape(under, [n, channels, 1, oh, ow]), upstream]);
      taps.push(
        g.reshape(g.node('ReduceSum', [product, g.ints([0, 3, 4])], { keepdims: 0 }), [
          1,
          channels,
          multiplier,
        ]),
      );
    }
  g.give(node, g.reshape(g.node('Concat', taps, { axis: 0 }), node.shape));
});
