/** Operations that make one number of many. */
import { tf } from '../../tensorflow.ts';
import type { GraphNode } from '../graph.ts';
import { inOrder, type Lowering, planes } from '../lowering.ts';
import { sizeOf, type ValueType } from '../value.ts';
import { lowering, recording } from './registry.ts';
import { expanded } from './shape.ts';

const { util } = tf;

type Reduction = 'Sum' | 'Mean' | 'Max' | 'Min' | 'Prod' | 'All' | 'Any';

/** Of no numbers. */
const empty: Readonly<Record<Reduction, number>> = {
  Sum: 0,
  Mean: Number.NaN,
  Max: Number.NEGATIVE_INFINITY,
  Min: Number.POSITIVE_INFINITY,
  Prod: 1,
  All: 1,
  Any: 0,
};

const types: Partial<Record<Reduction, ValueType>> = { Mean: 'float32', All: 'bool', Any: 'bool' };

for (const name of Object.keys(empty) as Reduction[]) {
  recording(name, ({ inputs: { x }, make, attributes }) => {
    // Max and Min call their axes by another name.
    const axes = util.parseAxisParam(attributes.axis ?? attributes.reductionIndices, [...x!.shape]);
    const kept = x!.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const shape = attributes.keepDims ? kept : x!.shape.filter((_, axis) => !axes.includes(axis));
    const dtype = types[name] ?? (x!.dtype === 'bool' ? 'int32' : x!.dtype);
    if (x!.size === 0) return make('Fill', [], shape, dtype, { value: empty[name] });
    const numbers =
      x!.dtype === dtype && dtype !== 'bool'
        ? x!
        : make('Cast', [x!], x!.shape, dtype === 'bool' ? 'int32' : dtype);
    if (axes.length === 0) return make('Cast', [numbers], shape, dtype);
    const reduced = make(name, [numbers], kept, numbers.dtype, { axes: [...axes].sort((a, b) => a - b) });
    const typed = numbers.dtype === dtype ? reduced : make('Cast', [reduced], kept, dtype);
    return attributes.keepDims ? typed : make('Reshape', [typed], shape, dtype);
  });
}

const reducers: Readonly<Record<Reduction, string>> = {
  Sum: 'ReduceSum',
  Mean: 'ReduceMean',
  Max: 'ReduceMax',
  Min: 'ReduceMin',
  Prod: 'ReduceProd',
  All: 'ReduceMin',
  Any: 'ReduceMax',
};

/** Reduces in whatever order the axes are; the reduced ones stay with extent 1. */
export function reduced(g: Lowering, op: string, node: GraphNode, over: readonly number[]): void {
  const x = node.inputs[0]!;
  const reduce = (name: string, at: readonly number[]): string =>
    op === 'ReduceSum'
      ? g.node(op, [name, g.ints(at)], { keepdims: 1 })
      : g.node(op, [name], { axes: at, keepdims: 1 });
  if (g.blockable(x) && g.inBlocks(x) && over.includes(1) && over.includes(2) && !over.includes(3)) {
    const [n, rows, columns, channels] = x.shape as [number, number, number, number];
    const each = reduce(g.reshape(g.asBlocks(x), [n, channels / g.block, rows * columns, g.block]), [2]);
    const maps = g.reshape(each, [n, channels, 1, 1]);
    g.give(node, over.includes(0) ? reduce(maps, [0]) : maps, planes);
    return;
  }
  const { name, axes } = g.form(x);
  const at = over.map((axis) => axes.indexOf(axis)).sort((a, b) => a - b);
  g.give(node, reduce(name, at), axes);
}

for (const [name, op] of Object.entries(reducers))
  lowering(name, (g, node) => reduced(g, op, node, node.attributes.axes as number[]));

for (const name of ['ArgMax', 'ArgMin']) {
  recording(name, ({ inputs: { x }, make, attributes: { axis } }) => {
    const at = util.parseAxisParam(axis, [...x!.shape])[0]!;
    return make(name, [x!], x!.shape.toSpliced(at, 1), 'int32', { axis: at });
  });
  lowering(name, (g, node) => {
    const found = g.node(name, [g.as(node.inputs[0]!)], {
      axis: node.attributes.axis as number,
      keepdims: 0,
    });
    g.give(node, g.cast(found, 'int32'));
  });
}

for (const name of ['Cumsum', 'Cumprod']) {
  recording(name, ({ inputs: { x }, make, attributes: { axis, exclusive, reverse } }) => {
    const at = axis < 0 ? axis + x!.shape.length : axis;
    return make(name, [x!], x!.shape, x!.dtype, { axis: at, exclusive, reverse });
  });
}
lowering('Cumsum', (g, node) => {
  const { axis, exclusive, reverse } = node.attributes as {
    axis: number;
    exclusive: boolean;
    reverse: boolean;
  };
  const x = g.as(node.inputs[0]!);
  const settings = { exclusive: Number(exclusive), reverse: Number(reverse) };
  g.give(node, g.node('CumSum', [x, g.scalar(axis, 'int32')], settings));
});
// ONNX has none: products of ever larger runs, doubling their length each time.
lowering('Cumprod', (g, node) => {
  const { axis, exclusive, reverse } = node.attributes as {
    axis: number;
    exclusive: boolean;
    reverse: boolean;
  };
  const extent = node.shape[axis]!;
  const shifted = (x: string, by: number): string => {
    const part = node.shape.with(axis, extent - by);
    const ones = expanded(g, 1, node.shape.with(axis, by), node.dtype);
    const start = reverse ? by : 0;
    const kept = g.node('Slice', [x, g.ints([start]), g.ints([start + part[axis]!]), g.ints([axis])]);
    return g.node('Concat', reverse ? [kept, ones] : [ones, kept], { axis });
  };
  let x = g.as(node.inputs[0]!);
  if (exclusive) x = extent > 0 ? shifted(x, Math.min(1, extent)) : x;
  for (let length = 1; length < extent; length *= 2) x = g.node('Mul', [x, shifted(x, length)]);
  g.give(node, x);
});

recording('TopK', ({ inputs: { x }, make, attributes: { k, sorted } }) => {
  const shape = [...x!.shape.slice(0, -1), k];
  return [
    make('TopKValues', [x!], shape, x!.dtype, { k, sorted }),
    make('TopKIndices', [x!], shape, 'int32', { k, sorted }),
  ];
});
const largest = (g: Lowering, node: GraphNode): string[] =>
  g.outputsOf('TopK', [g.as(node.inputs[0]!), g.ints([node.attributes.k as number])], 2, {
    axis: -1,
    sorted: 1,
  });
lowering('TopKValues', (g, node) => g.give(node, largest(g, node)[0]!));
lowering('TopKIndices', (g, node) => g.give(node, g.cast(largest(g, node)[1]!, 'int32')));

recording('UnsortedSegmentSum', ({ inputs: { x, segmentIds }, make, attributes: { numSegments } }) =>
  make('SegmentSum', [x!, segmentIds!], [numSegments, ...x!.shape.slice(segmentIds!.shape.length)], x!.dtype),
);
// As a scatter of rows; ids below 0 belong to no segment: they go into one that is cut off.
lowering('SegmentSum', (g, node) => {
  const [x, ids] = node.inputs as [GraphNode, GraphNode];
  const [segments] = node.shape as [number];
  const at = g.reshape(g.as(ids), [ids.size, 1]);
  const spare = g.node('Where', [
    g.node('Less', [at, g.scalar(0, 'int32')]),
    g.scalar(segments, 'int32'),
    at,
  ]);
  const rows = [segments + 1, ...node.shape.slice(1)];
  const updates = g.reshape(g.as(x), [ids.size, ...node.shape.slice(1)]);
  const zeros = expanded(g, 0, rows, node.dtype);
  const sums = g.node('ScatterND', [zeros, g.cast(spare, 'int64'), updates], { reduction: 'add' });
  g.give(node, g.node('Slice', [sums, g.ints([0]), g.ints([segments]), g.ints([0])]));
});

recording('Bincount', ({ inputs: { x, weights }, make, attributes: { size } }) =>
  counted(make, x!, weights!, size),
);
recording('DenseBincount', ({ inputs: { x, weights }, make, attributes: { size, binaryOutput } }) => {
  if (x!.shape.length !== 1 || binaryOutput) throw new Error('denseBincount of rows or without counts');
  return counted(make, x!, weights!, size);
});

type Make = Parameters<Parameters<typeof recording>[1]>[0]['make'];
type Recorded = ReturnType<Make>;

function counted(make: Make, x: Recorded, weights: Recorded, size: number): Recorded {
  const each = weights.size > 0 ? weights : make('Fill', [], [sizeOf(x.shape)], 'int32', { value: 1 });
  return make('SegmentSum', [each, x], [size], each.dtype);
}

/** Softmax and its logarithm over the last axis. */
for (const name of ['Softmax', 'LogSoftmax']) {
  recording(name, ({ inputs: { logits }, make }) => make(name, [logits!], logits!.shape));
  lowering(name, (g, node) => {
    const x = g.as(node.inputs[0]!, inOrder(node.shape.length));
    g.give(node, g.node(name, [x], { axis: -1 }));
  });
}
