/** Operations that move numbers without changing them. */
import { tf } from '../../tensorflow.ts';
import { inOrder, type Lowering } from '../lowering.ts';
import { sizeOf, type Value, type ValueType } from '../value.ts';
import { lowering, recording } from './registry.ts';

const { slice_util, backend_util, util } = tf;

recording('Reshape', ({ inputs: { x }, make, attributes: { shape } }) => {
  const size = sizeOf(x!.shape);
  const target = util.inferFromImplicitShape(shape as number[], size);
  return make('Reshape', [x!], target, x!.dtype);
});
recording('ExpandDims', ({ inputs: { input: x }, make, attributes: { dim } }) => {
  const shape = [...x!.shape];
  shape.splice(dim < 0 ? dim + shape.length + 1 : dim, 0, 1);
  return make('Reshape', [x!], shape, x!.dtype);
});

/** Pairs of runs of axes, before and after, with the same number of elements each: as short as can be. */
function runs(
  before: readonly number[],
  after: readonly number[],
): { from: number[]; to: number[] }[] | undefined {
  const pairs: { from: number[]; to: number[] }[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const pair = { from: [] as number[], to: [] as number[] };
    let [left, right] = [1, 1];
    do {
      if (i < before.length && (left <= right || j >= after.length)) {
        left *= before[i]!;
        pair.from.push(i++);
      } else if (j < after.length) {
        right *= after[j]!;
        pair.to.push(j++);
      } else return undefined;
    } while (left !== right);
    pairs.push(pair);
  }
  return pairs;
}

lowering('Reshape', (g, node) => {
  const x = node.inputs[0]!;
  const pairs = node.size > 0 ? runs(x.shape, node.shape) : undefined;
  // Runs of axes that lie together in memory can be merged and split there, whatever the order of the runs is.
  for (const { name, axes } of pairs ? g.forms(x) : []) {
    const order: number[] = [];
    let fits = true;
    for (let at = 0; at < axes.length && fits; ) {
      const pair = pairs!.find(({ from }) => from[0] === axes[at]);
      fits = pair?.from.every((axis, k) => axes[at + k] === axis) ?? false;
      if (fits) {
        order.push(...pair!.to);
        at += pair!.from.length;
      }
    }
    // Runs without an axis before are new axes of extent 1.
    for (const { from, to } of pairs!) if (from.length === 0) order.push(...to);
    if (!fits || order.length !== node.shape.length) continue;
    g.give(node, g.reshape(name, g.extents(node, order)), order);
    return;
  }
  g.give(node, g.reshape(g.as(x), node.shape));
});

recording('Transpose', ({ inputs: { x }, make, attributes: { perm } }) =>
  make(
    'Transpose',
    [x!],
    (perm as number[]).map((axis) => x!.shape[axis]!),
    x!.dtype,
    { perm },
  ),
);
lowering('Transpose', (g, node) => {
  const perm = node.attributes.perm as number[];
  g.share(node, node.inputs[0]!, (axis) => perm.indexOf(axis));
});

recording('Slice', ({ inputs: { x }, make, attributes: { begin, size } }) => {
  const [from, extents] = slice_util.parseSliceParams(x as never, begin, size) as [number[], number[]];
  slice_util.assertParamsValid(x as never, from, extents);
  return make('Slice', [x!], extents, x!.dtype, {
    from,
    to: from.map((start, axis) => start + extents[axis]!),
    steps: from.map(() => 1),
  });
});
lowering('Slice', (g, node) => {
  const { from, to, steps } = node.attributes as Record<'from' | 'to' | 'steps', number[]>;
  const x = node.inputs[0]!;
  const { name, axes } = g.form(x);
  const cut = axes.flatMap((axis, at) =>
    from[axis] === 0 && to[axis] === x.shape[axis] && steps[axis] === 1 ? [] : [{ axis, at }],
  );
  if (cut.length === 0) return g.share(node, x, (axis) => axis);
  const list = (values: readonly number[]): string => g.ints(cut.map(({ axis }) => values[axis]!));
  const result = g.node('Slice', [name, list(from), list(to), g.ints(cut.map(({ at }) => at)), list(steps)]);
  g.give(node, result, axes);
});

recording('StridedSlice', ({ inputs: { x }, make, attributes }) => {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
  const info = slice_util.sliceInfo(
    [...x!.shape],
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  const extents = slice_util.computeOutShape(info.begin, info.end, info.strides);
  if (extents.includes(0)) return make('Fill', [], info.finalShape, x!.dtype, { value: 0 });
  // A step backwards past the first element has no number for its end: the smallest one stands for it.
  const to = info.end.map((end, axis) => (info.strides[axis]! < 0 && end < 0 ? -(2 ** 31) : end));
  const cut = make('Slice', [x!], extents, x!.dtype, { from: info.begin, to, steps: info.strides });
  return make('Reshape', [cut], info.finalShape, x!.dtype);
});

recording('Reverse', ({ inputs: { x }, make, attributes: { dims } }) => {
  const axes = util.parseAxisParam(dims, [...x!.shape]);
  const turned = (axis: number): boolean => axes.includes(axis);
  return make('Slice', [x!], x!.shape, x!.dtype, {
    from: x!.shape.map((extent, axis) => (turned(axis) ? extent - 1 : 0)),
    to: x!.shape.map((extent, axis) => (turned(axis) ? -(2 ** 31) : extent)),
    steps: x!.shape.map((_, axis) => (turned(axis) ? -1 : 1)),
  });
});

recording('Concat', ({ list, make, attributes: { axis } }) => {
  const at = util.parseAxisParam(axis, [...list[0]!.shape])[0]!;
  const parts = list.filter(({ size }) => size > 0);
  const shape = backend_util.computeOutShape(
    list.map((x) => [...x.shape]),
    at,
  );
  if (parts.length === 0) return make('Fill', [], shape, list[0]!.dtype, { value: 0 });
  backend_util.assertParamsConsistent(
    parts.map((x) => [...x.shape]),
    at,
  );
  return make('Concat', parts, shape, list[0]!.dtype, { axis: at });
});
lowering('Concat', (g, node) => {
  const largest = node.inputs.reduce((a, b) => (b.size > a.size ? b : a));
  const { axes } = g.form(largest);
  const axis = axes.indexOf(node.attributes.axis as number);
  g.give(
    node,
    g.node(
      'Concat',
      node.inputs.map((input) => g.as(input, axes)),
      { axis },
    ),
    axes,
  );
});

recording('Pack', ({ list, make, attributes: { axis } }) => {
  const rank = list[0]!.shape.length;
  const at = axis < 0 ? axis + rank + 1 : axis;
  const one = [...list[0]!.shape];
  one.splice(at, 0, 1);
  for (const { shape } of list)
    util.assertShapesMatch([...shape], [...list[0]!.shape], 'stack takes tensors of one shape: ');
  const parts = list.map((x) => make('Reshape', [x], one, x.dtype));
  return make('Concat', parts, one.with(at, list.length), list[0]!.dtype, { axis: at });
});

/** Consecutive parts along an axis. */
function split(
  make: Parameters<Parameters<typeof recording>[1]>[0]['make'],
  x: Value,
  axis: number,
  sizes: readonly number[],
): Value[] {
  let start = 0;
  return sizes.map((size) => {
    const from = x.shape.map((_, i) => (i === axis ? start : 0));
    start += size;
    const to = x.shape.map((extent, i) => (i === axis ? start : extent));
    return make('Slice', [x], x.shape.with(axis, size), x.dtype, { from, to, steps: from.map(() => 1) });
  });
}

recording('SplitV', ({ inputs: { x }, make, attributes: { numOrSizeSplits, axis } }) => {
  const at = util.parseAxisParam(axis, [...x!.shape])[0]!;
  return split(make, x!, at, backend_util.prepareSplitSize(x as never, numOrSizeSplits, at));
});
recording('Unpack', ({ inputs: { value: x }, make, attributes: { axis } }) => {
  const at = axis < 0 ? axis + x!.shape.length : axis;
  const shape = x!.shape.toSpliced(at, 1);
  return split(make, x!, at, Array(x!.shape[at]!).fill(1)).map((part) =>
    make('Reshape', [part], shape, x!.dtype),
  );
});

recording('PadV2', ({ inputs: { x }, make, attributes: { paddings, constantValue } }) => {
  const shape = x!.shape.map((extent, axis) => extent + paddings[axis][0] + paddings[axis][1]);
  if (x!.size === 0) return make('Fill', [], shape, x!.dtype, { value: constantValue });
  return make('Pad', [x!], shape, x!.dtype, { paddings, value: constantValue, mode: 'constant' });
});
recording('MirrorPad', ({ inputs: { x }, make, attributes: { paddings, mode } }) => {
  const shape = x!.shape.map((extent, axis) => extent + paddings[axis][0] + paddings[axis][1]);
  return make('MirrorPad', [x!], shape, x!.dtype, { paddings, mode });
});
lowering('Pad', (g, node) => {
  const x = node.inputs[0]!;
  const { name, axes } = g.form(x);
  const paddings = node.attributes.paddings as [number, number][];
  const pads = [...axes.map((axis) => paddings[axis]![0]), ...axes.map((axis) => paddings[axis]![1])];
  const value = node.attributes.value as number;
  if (node.dtype !== 'bool') {
    g.give(node, g.node('Pad', [name, g.ints(pads), g.scalar(value, node.dtype)]), axes);
    return;
  }
  const padded = g.node('Pad', [g.cast(name, 'int32'), g.ints(pads), g.scalar(value, 'int32')]);
  g.give(node, g.cast(padded, 'bool'), axes);
});
// As gathers, axis by axis: the symmetric mode repeats the edge, which ONNX's does not.
lowering('MirrorPad', (g, node) => {
  const x = node.inputs[0]!;
  const paddings = node.attributes.paddings as [number, number][];
  const repeat = node.attributes.mode === 'symmetric' ? 1 : 0;
  let name = g.as(x);
  paddings.forEach(([before, after], axis) => {
    if (before + after === 0) return;
    const extent = x.shape[axis]!;
    const indices = Array.from({ length: before + extent + after }, (_, i) => {
      const at = i - before;
      if (at < 0) return -at - repeat;
      return at < extent ? at : 2 * extent - 2 - at + repeat;
    });
    name = g.node('Gather', [name, g.ints(indices)], { axis });
  });
  g.give(node, name);
});

recording('Tile', ({ inputs: { x }, make, attributes: { reps } }) =>
  make(
    'Tile',
    [x!],
    x!.shape.map((extent, axis) => extent * reps[axis]),
    x!.dtype,
    { reps },
  ),
);
lowering('Tile', (g, node) => {
  const { name, axes } = g.form(node.inputs[0]!);
  const reps = node.attributes.reps as number[];
  g.give(node, g.node('Tile', [name, g.ints(axes.map((axis) => reps[axis]!))]), axes);
});

recording('BroadcastTo', ({ inputs: { x }, make, attributes: { shape } }) =>
  make('BroadcastTo', [x!], shape, x!.dtype),
);
lowering('BroadcastTo', (g, node) => {
  const straight = inOrder(node.shape.length);
  const x = g.padded(node.inputs[0]!, node.shape.length, straight);
  g.give(node, g.node('Expand', [x, g.ints(node.shape)]));
});

/** Numbers that the host counts out. */
recording('Range', ({ constant, attributes: { start, stop, step, dtype } }) => {
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const rising = start === stop || (start < stop ? step > 0 : step < 0);
  const values = Array.from({ length: rising ? count : 0 }, (_, i) => start + i * step);
  return constant(values, [values.length], dtype ?? 'float32');
});
recording('LinSpace', ({ constant, attributes: { start, stop, num } }) => {
  const values = Array.from({ length: num }, (_, i) =>
    num === 1 ? start : start + ((stop - start) * i) / (num - 1),
  );
  return constant(values, [num], 'float32');
});

recording('SpaceToBatchND', ({ inputs: { x }, make, attributes: { blockShape, paddings } }) => {
  const block = sizeOf(blockShape);
  const complete = [[0, 0], ...paddings] as [number, number][];
  while (complete.length < x!.shape.length) complete.push([0, 0]);
  const padded = x!.shape.map((extent, axis) => extent + complete[axis]![0] + complete[axis]![1]);
  const roomy = make('Pad', [x!], padded, x!.dtype, { paddings: complete, value: 0, mode: 'constant' });
  const apart = backend_util.getReshaped(padded, blockShape, block, false);
  const order = backend_util.getPermuted(apart.length, blockShape.length, false);
  const turned = make(
    'Transpose',
    [make('Reshape', [roomy], apart, x!.dtype)],
    order.map((a) => apart[a]!),
    x!.dtype,
    {
      perm: order,
    },
  );
  const shape = backend_util.getReshapedPermuted(padded, blockShape, block, false);
  return make('Reshape', [turned], shape, x!.dtype);
});
recording('BatchToSpaceND', ({ inputs: { x }, make, attributes: { blockShape, crops } }) => {
  const block = sizeOf(blockShape);
  const apart = backend_util.getReshaped([...x!.shape], blockShape, block);
  const order = backend_util.getPermuted(apart.length, blockShape.length);
  const whole = backend_util.getReshapedPermuted([...x!.shape], blockShape, block);
  // Both speak of the leading axes only.
  const cropped = backend_util.getSliceBeginCoords(crops, blockShape.length);
  const begin = whole.map((_, axis) => cropped[axis] ?? 0);
  const kept = backend_util.getSliceSize(whole, crops, blockShape.length);
  const size = whole.map((extent, axis) => kept[axis] ?? extent);
  const turned = make(
    'Transpose',
    [make('Reshape', [x!], apart, x!.dtype)],
    order.map((a) => apart[a]!),
    x!.dtype,
    {
      perm: order,
    },
  );
  const joined = make('Reshape', [turned], whole, x!.dtype);
  return make('Slice', [joined], size, x!.dtype, {
    from: begin,
    to: begin.map((start, axis) => start + size[axis]!),
    steps: begin.map(() => 1),
  });
});
recording('DepthToSpace', ({ inputs: { x }, make, attributes: { blockSize: b, dataFormat } }) => {
  if (dataFormat !== 'NHWC') throw new Error(`depthToSpace of ${dataFormat}`);
  const [n, h, w, c] = x!.shape as [number, number, number, number];
  const depth = c / (b * b);
  const apart = make('Reshape', [x!], [n, h, w, b, b, depth], x!.dtype);
  const turned = make('Transpose', [apart], [n, h, b, w, b, depth], x!.dtype, { perm: [0, 1, 3, 2, 4, 5] });
  return make('Reshape', [turned], [n, h * b, w * b, depth], x!.dtype);
});

/** What operations of other families need too. */
export function expanded(g: Lowering, value: number, shape: readonly number[], dtype: ValueType): string {
  return g.node('Expand', [g.scalar(value, dtype), g.ints(shape)]);
}
