/** Pooling and its gradients. */
import { tf } from '../../tensorflow.ts';
import type { GraphNode } from '../graph.ts';
import { blocks, nchwc, planes } from '../lowering.ts';
import { type Window, windowOf } from './convolution.ts';
import { lowering, recording } from './registry.ts';
import { expanded } from './shape.ts';

const { backend_util } = tf;
const { assertAndGetBroadcastShape } = tf.broadcast_util;

type Four = [number, number, number, number];

interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: Parameters<typeof backend_util.computePool2DInfo>[4];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function geometry(shape: readonly number[], attributes: PoolAttributes) {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  return backend_util.computePool2DInfo(shape as Four, filterSize, strides, 1, pad, dimRoundingMode);
}

for (const name of ['AvgPool', 'MaxPool'] as const) {
  recording(name, ({ inputs: { x }, make, attributes }) => {
    const info = geometry(x!.shape, attributes);
    const window = windowOf(info);
    // The mean over whole maps is a plain reduction.
    const whole = info.outHeight === 1 && info.outWidth === 1 && window.pads.every((pad) => pad === 0);
    if (whole)
      return make(name === 'AvgPool' ? 'Mean' : 'Max', [x!], info.outShape, 'float32', { axes: [1, 2] });
    return make(name, [x!], info.outShape, 'float32', window);
  });
  recording(`${name}Grad`, ({ inputs: { dy, input }, make, attributes }) => {
    const window = windowOf(geometry(input!.shape, attributes));
    const from = name === 'AvgPool' ? [dy!] : [dy!, input!];
    return make(`${name}Grad`, from, input!.shape, 'float32', window);
  });
}

function settings({ strides, pads, kernel }: Window) {
  return { strides, pads: pads.map((pad) => Math.max(0, pad)), kernel_shape: kernel };
}

/** Negative paddings are rows that no window reaches: ONNX leaves them out by itself. */
for (const [name, op] of [
  ['AvgPool', 'AveragePool'],
  ['MaxPool', 'MaxPool'],
] as const)
  lowering(name, (g, node) => {
    const x = node.inputs[0]!;
    const windows = settings(node.attributes as Window);
    if (g.blockable(x) && g.inBlocks(x)) g.give(node, g.node(op, [g.asBlocks(x)], windows, nchwc), blocks);
    else g.give(node, g.node(op, [g.as(x, planes)], windows), planes);
  });

/** Each window's gradient divided by how many pixels it has seen, spread over them. */
lowering('AvgPoolGrad', (g, node) => {
  const window = node.attributes as Window;
  const dy = node.inputs[0]!;
  const [, oh, ow] = dy.shape as Four;
  const [, h, w, channels] = node.shape as Four;
  const shares = seen(window, [h, w], [oh, ow]).map((count) => 1 / count);
  const scaled = g.node('Mul', [g.as(dy, planes), g.constant('float32', [1, 1, oh, ow], shares)]);
  const [kh, kw] = window.kernel;
  const whole = g.node('ConvTranspose', [scaled, expanded(g, 1, [channels, 1, kh, kw], 'float32')], {
    ...settings(window),
    group: channels,
  });
  const [top, left, bottom, right] = window.pads.map((pad) => Math.max(0, -pad)) as Four;
  const rest = top + left + bottom + right > 0;
  g.give(
    node,
    rest ? g.node('Pad', [whole, g.ints([0, 0, top, left, 0, 0, bottom, right]), g.scalar(0)]) : whole,
    planes,
  );
});

/** How many pixels of the maps each window covers. */
function seen(window: Window, inside: readonly number[], out: readonly number[]): number[] {
  const along = (axis: 0 | 1): number[] =>
    Array.from({ length: out[axis]! }, (_, i) => {
      const start = i * window.strides[axis] - window.pads[axis];
      return Math.min(start + window.kernel[axis], inside[axis]!) - Math.max(start, 0);
    });
  const [rows, columns] = [along(0), along(1)];
  return rows.flatMap((row) => columns.map((column) => row * column));
}

/** The gradient goes to each window's largest pixel, the first of equal ones. */
lowering('MaxPoolGrad', (g, node) => {
  const [dy, x] = node.inputs as [GraphNode, GraphNode];
  const [, places] = g.outputsOf('MaxPool', [g.as(x, planes)], 2, settings(node.attributes as Window));
  const flat = g.reshape(places!, [dy.size]);
  const zeros = expanded(g, 0, [node.size], 'float32');
  const sum = g.node('ScatterElements', [zeros, flat, g.reshape(g.as(dy, planes), [dy.size])], {
    axis: 0,
    reduction: 'add',
  });
  g.give(node, g.reshape(sum, g.extents(node, planes)), planes);
});

/** Batch norm in evaluation mode, in its parts. */
recording('FusedBatchNorm', ({ inputs: { x, mean, variance, offset, scale }, make, attributes }) => {
  const { varianceEpsilon = 0.001 } = attributes as { varianceEpsilon?: number };
  for (const own of [mean!, variance!, offset, scale])
    if (own) assertAndGetBroadcastShape([...x!.shape], [...own.shape]);
  const epsilon = make('Fill', [], variance!.shape, 'float32', { value: varianceEpsilon });
  const spread = make('Rsqrt', [make('Add', [variance!, epsilon], variance!.shape)], variance!.shape);
  const factor = scale ? make('Multiply', [spread, scale], variance!.shape) : spread;
  const centred = make('Sub', [x!, mean!], x!.shape);
  const normal = make('Multiply', [centred, factor], x!.shape);
  return offset ? make('Add', [normal, offset], x!.shape) : normal;
});
