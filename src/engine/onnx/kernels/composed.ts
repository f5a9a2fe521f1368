/** Kernels of attention and normalisation layers that are made of other operations, and sums by Einstein's convention. */

import { einsumShape } from '../../einsum.ts';
import { tf } from '../../tensorflow.ts';
import { inOrder } from '../lowering.ts';
import { sizeOf, type Value } from '../value.ts';
import { type Call, lowering, recording } from './registry.ts';

const { util } = tf;

recording('Einsum', ({ list, make, attributes: { equation } }) =>
  make(
    'Einsum',
    list,
    einsumShape(
      equation,
      list.map(({ shape }) => shape),
    ),
    list[0]!.dtype,
    { equation },
  ),
);
lowering('Einsum', (g, node) => {
  const names = node.inputs.map((input) => g.as(input));
  g.give(node, g.node('Einsum', names, { equation: node.attributes.equation as string }));
});

/** Sums over the channels (the last axis) that are no further away than `radius`. */
function windowSum({ make }: Call, x: Value, radius: number): Value {
  const channels = x.shape.at(-1)!;
  const near = Math.min(radius, channels - 1);
  const axis = x.shape.length - 1;
  const paddings = x.shape.map((_, i) => (i === axis ? [near, near] : [0, 0]));
  const wide = make('Pad', [x], x.shape.with(axis, channels + 2 * near), x.dtype, {
    paddings,
    value: 0,
    mode: 'constant',
  });
  const from = (start: number): number[] => x.shape.map((_, i) => (i === axis ? start : 0));
  const part = (start: number): Value =>
    make('Slice', [wide], x.shape, x.dtype, {
      from: from(start),
      to: x.shape.map((extent, i) => (i === axis ? start + extent : extent)),
      steps: x.shape.map(() => 1),
    });
  return inOrder(2 * near + 1)
    .map(part)
    .reduce((sum, next) => make('Add', [sum, next], x.shape));
}

/** bias + alpha · Σ x² over neighbouring channels. */
function localNorm(call: Call, x: Value): Value {
  const { make, constant, attributes } = call;
  const { depthRadius, bias, alpha } = attributes as { depthRadius: number; bias: number; alpha: number };
  const sums = windowSum(call, make('Square', [x], x.shape), depthRadius);
  const scaled = make('Multiply', [sums, constant([alpha], [], 'float32')], x.shape);
  return make('Add', [scaled, constant([bias], [], 'float32')], x.shape);
}

recording('LRN', (call) => {
  const { x } = call.inputs;
  const power = call.constant([-call.attributes.beta], [], 'float32');
  const factor = call.make('Pow', [localNorm(call, x!), power], x!.shape);
  return call.make('Multiply', [x!, factor], x!.shape);
});
// dx = dy·n^-β - 2αβ·x·Σ dy·y/n over the same neighbours.
recording('LRNGrad', (call) => {
  const { make, constant, attributes } = call;
  const { x, y, dy } = call.inputs as Record<'x' | 'y' | 'dy', Value>;
  const { depthRadius, alpha, beta } = attributes as Record<'depthRadius' | 'alpha' | 'beta', number>;
  const of = (name: string, a: Value, b: Value): Value => make(name, [a, b], x.shape);
  const norm = localNorm(call, x);
  const straight = of('Multiply', dy, of('Pow', norm, constant([-beta], [], 'float32')));
  const others = windowSum(call, of('RealDiv', of('Multiply', dy, y), norm), depthRadius);
  const scaled = of('Multiply', others, constant([2 * alpha * beta], [], 'float32'));
  return of('Sub', straight, of('Multiply', x, scaled));
});

// A number and n zeros after it, n times, without the last n zeros: the diagonal of a matrix.
recording('Diag', ({ inputs: { x }, make }) => {
  const n = x!.size;
  const shape = [...x!.shape, ...x!.shape];
  if (n === 0) return make('Fill', [], shape, x!.dtype, { value: 0 });
  const column = make('Reshape', [x!], [n, 1], x!.dtype);
  const wide = make('Pad', [column], [n, n + 1], x!.dtype, {
    paddings: [
      [0, 0],
      [0, n],
    ],
    value: 0,
    mode: 'constant',
  });
  const flat = make('Reshape', [wide], [n * (n + 1)], x!.dtype);
  const cut = make('Slice', [flat], [n * n], x!.dtype, { from: [0], to: [n * n], steps: [1] });
  return make('Reshape', [cut], shape, x!.dtype);
});

recording('FlipLeftRight', ({ inputs: { image }, make }) =>
  make('Slice', [image!], image!.shape, image!.dtype, {
    from: image!.shape.map((extent, axis) => (axis === 2 ? extent - 1 : 0)),
    to: image!.shape.map((extent, axis) => (axis === 2 ? -(2 ** 31) : extent)),
    steps: image!.shape.map((_, axis) => (axis === 2 ? -1 : 1)),
  }),
);

/** Rows written over those of an array; indices are told once each. */
recording('TensorScatterUpdate', ({ inputs: { tensor, indices, updates }, make }) =>
  make('ScatterInto', [tensor!, indices!, updates!], tensor!.shape, tensor!.dtype),
);
recording('SparseToDense', ({ inputs, make, attributes: { outputShape } }) => {
  const { sparseIndices: at, sparseValues: values, defaultValue: rest } = inputs as Record<string, Value>;
  const shape = outputShape as number[];
  const count = at!.shape.length === 0 ? 1 : at!.shape[0]!;
  util.assert(at!.size === count * shape.length, () => 'sparseToDense: indices and shape do not fit');
  const indices = make('Reshape', [at!], [count, shape.length], 'int32');
  const one = values!.shape.length === 0 ? make('Reshape', [values!], [1], values!.dtype) : values!;
  const updates = one.size === count ? one : make('BroadcastTo', [one], [count], one.dtype);
  const filled = make('BroadcastTo', [rest!], shape, rest!.dtype);
  return make('ScatterInto', [filled, indices, updates], shape, values!.dtype);
});
lowering('ScatterInto', (g, node) => {
  const [base, indices, updates] = node.inputs.map((input) => g.as(input)) as [string, string, string];
  if (sizeOf(node.inputs[1]!.shape) === 0) return g.share(node, node.inputs[0]!, (axis) => axis);
  g.give(node, g.node('ScatterND', [base, g.cast(indices, 'int64'), updates]));
});
