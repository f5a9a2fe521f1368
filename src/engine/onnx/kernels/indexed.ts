/** Operations that take or put numbers where indices say. */
import { tf } from '../../tensorflow.ts';
import { inOrder } from '../lowering.ts';
import { sizeOf } from '../value.ts';
import { lowering, recording } from './registry.ts';

const { backend_util, util } = tf;

recording('GatherV2', ({ inputs: { x, indices }, make, attributes: { axis, batchDims } }) => {
  const at = util.parseAxisParam(axis, [...x!.shape])[0]!;
  const batch = batchDims < 0 ? batchDims + indices!.shape.length : batchDims;
  const shape = [...x!.shape.slice(0, at), ...indices!.shape.slice(batch), ...x!.shape.slice(at + 1)];
  if (batch === 0) return make('Gather', [x!, indices!], shape, x!.dtype, { axis: at });
  return make('GatherBatched', [x!, indices!], shape, x!.dtype, { axis: at, batch });
});
lowering('Gather', (g, node) => {
  const [x, indices] = node.inputs.map((input) => g.as(input)) as [string, string];
  g.give(node, g.node('Gather', [x, indices], { axis: node.attributes.axis as number }));
});
// Each batch's rows start at a multiple of the axis' extent of the flattened array.
lowering('GatherBatched', (g, node) => {
  const [x, indices] = node.inputs as [(typeof node.inputs)[0], (typeof node.inputs)[0]];
  const { axis, batch } = node.attributes as { axis: number; batch: number };
  const outer = sizeOf(x.shape.slice(0, batch));
  const middle = sizeOf(x.shape.slice(batch, axis));
  const extent = x.shape[axis]!;
  const inner = sizeOf(x.shape.slice(axis + 1));
  const picked = indices.size / outer;
  const base = Array.from({ length: outer * middle }, (_, row) => row * extent);
  const offsets = g.constant('int32', [outer, middle, 1], base);
  const at = g.node('Add', [g.reshape(g.as(indices), [outer, 1, picked]), offsets]);
  const rows = g.reshape(g.as(x), [outer * middle * extent, inner]);
  g.give(node, g.reshape(g.node('Gather', [rows, at], { axis: 0 }), node.shape));
});

recording('GatherNd', ({ inputs: { params: x, indices }, make }) => {
  const [shape] = backend_util.prepareAndValidate(x as never, indices as never);
  return make('GatherNd', [x!, indices!], shape, x!.dtype);
});
lowering('GatherNd', (g, node) => {
  const [x, indices] = node.inputs.map((input) => g.as(input)) as [string, string];
  g.give(node, g.node('GatherND', [x, g.cast(indices, 'int64')]));
});

recording('ScatterNd', ({ inputs: { indices, updates }, make, attributes: { shape } }) =>
  make('ScatterNd', [indices!, updates!], shape, updates!.dtype),
);
lowering('ScatterNd', (g, node) => {
  const [indices, updates] = node.inputs.map((input) => g.as(input)) as [string, string];
  const zeros = g.node('Expand', [g.scalar(0, node.dtype), g.ints(node.shape)]);
  g.give(node, g.node('ScatterND', [zeros, g.cast(indices, 'int64'), updates], { reduction: 'add' }));
});

recording('OneHot', ({ inputs: { indices }, make, attributes: { depth, onValue, offValue, dtype } }) =>
  make('OneHot', [indices!], [...indices!.shape, depth], dtype ?? 'int32', {
    depth,
    on: onValue,
    off: offValue,
  }),
);
lowering('OneHot', (g, node) => {
  const { depth, on, off } = node.attributes as Record<'depth' | 'on' | 'off', number>;
  const indices = g.reshape(g.as(node.inputs[0]!), [...node.shape.slice(0, -1), 1]);
  const classes = g.constant('int32', [depth], inOrder(depth));
  const hit = g.node('Equal', [indices, classes]);
  const numbers = node.dtype === 'bool' ? 'int32' : node.dtype;
  const chosen = g.node('Where', [hit, g.scalar(on, numbers), g.scalar(off, numbers)]);
  g.give(node, node.dtype === 'bool' ? g.cast(chosen, 'bool') : chosen);
});
