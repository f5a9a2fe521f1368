/** Products of matrices. */
import { tf } from '../../tensorflow.ts';
import type { GraphNode } from '../graph.ts';
import { inOrder, type Lowering } from '../lowering.ts';
import type { Value } from '../value.ts';
import { type Call, lowering, recording } from './registry.ts';

const { assertAndGetBroadcastShape } = tf.broadcast_util;

recording('BatchMatMul', (call) => {
  const { a, b } = call.inputs;
  return product(call, a!, b!);
});
recording('_FusedMatMul', (call) => {
  const { a, b, bias, preluActivationWeights } = call.inputs;
  const plain = product(call, a!, b!);
  return finished(call, plain, bias, preluActivationWeights);
});

function product({ make, attributes }: Call, a: Value, b: Value): Value {
  const { transposeA, transposeB } = attributes as { transposeA: boolean; transposeB: boolean };
  const rank = Math.max(a.shape.length, b.shape.length);
  const extended = (shape: readonly number[]): number[] => [
    ...Array<number>(rank - shape.length).fill(1),
    ...shape,
  ];
  const [left, right] = [extended(a.shape), extended(b.shape)];
  const outer = assertAndGetBroadcastShape(left.slice(0, -2), right.slice(0, -2));
  const rows = left.at(transposeA ? -1 : -2)!;
  const columns = right.at(transposeB ? -2 : -1)!;
  const shape = [...outer, rows, columns];
  const inner = left.at(transposeA ? -2 : -1)!;
  const other = right.at(transposeB ? -1 : -2)!;
  // onnxruntime would say it too, but long after the line that multiplies.
  tf.util.assert(
    inner === other,
    () => `matMul of [${a.shape}] and [${b.shape}]: ${inner} and ${other} should be equal`,
  );
  if (inner === 0) return make('Fill', [], shape, a.dtype, { value: 0 });
  return make('MatMul', [a, b], shape, a.dtype, { transposeA, transposeB });
}

/** Bias and activation of the kernels that bring them along. */
export function finished(
  call: Call,
  plain: Value,
  bias: Value | undefined,
  slopes: Value | undefined,
): Value {
  const { make, attributes } = call;
  const { activation, leakyreluAlpha } = attributes as { activation: string; leakyreluAlpha?: number };
  const sum = bias ? make('Add', [plain, bias], plain.shape) : plain;
  switch (activation) {
    case undefined:
    case null:
    case 'linear':
      return sum;
    case 'relu':
      return make('Relu', [sum], sum.shape);
    case 'relu6':
      return make('Relu6', [sum], sum.shape);
    case 'elu':
      return make('Elu', [sum], sum.shape);
    case 'sigmoid':
      return make('Sigmoid', [sum], sum.shape);
    case 'prelu':
      return make('Prelu', [sum, slopes!], sum.shape);
    case 'leakyrelu':
      return make('LeakyRelu', [sum], sum.shape, 'float32', { alpha: leakyreluAlpha ?? 0.2 });
    default:
      throw new Error(`the engine "onnx" has no fused activation "${activation}"`);
  }
}

lowering('MatMul', (g, node) => {
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const { transposeA, transposeB } = node.attributes as { transposeA: boolean; transposeB: boolean };
  if (node.dtype === 'int32') {
    const whole = (x: GraphNode, turned: boolean): string => {
      const order = inOrder(x.shape.length);
      if (turned) order.push(...order.splice(-2, 1));
      return g.cast(g.as(x, order), 'float32');
    };
    const product = g.node('MatMul', [whole(a, transposeA), whole(b, transposeB)]);
    return g.give(node, g.cast(product, 'int32'));
  }
  const left = side(g, a, transposeA);
  const right = side(g, b, transposeB);
  const turned = { transA: Number(left.turned), transB: Number(right.turned) };
  if (a.shape.length === 2 && b.shape.length === 2 && (left.turned || right.turned))
    return g.give(node, g.node('Gemm', [left.name, right.name], turned));
  if (!left.turned && !right.turned) return g.give(node, g.node('MatMul', [left.name, right.name]));
  g.give(node, g.node('FusedMatMul', [left.name, right.name], turned, 'com.microsoft'));
});

/** A factor as it lies in memory, and whether that is transposed. */
function side(g: Lowering, x: GraphNode, transposed: boolean): { name: string; turned: boolean } {
  const straight = inOrder(x.shape.length);
  const swapped = [...straight.slice(0, -2), straight.at(-1)!, straight.at(-2)!];
  for (const { name, axes } of g.forms(x)) {
    if (String(axes) === String(straight)) return { name, turned: transposed };
    if (String(axes) === String(swapped)) return { name, turned: !transposed };
  }
  return { name: g.as(x, straight), turned: transposed };
}
