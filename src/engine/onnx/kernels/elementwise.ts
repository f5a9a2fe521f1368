/** Operations on each element by itself, with NumPy's broadcasting. */
import { tf } from '../../tensorflow.ts';
import type { GraphNode } from '../graph.ts';
import { blocks, inOrder, type Lowering, planes, same } from '../lowering.ts';
import type { Attributes } from '../model.ts';
import type { Value, ValueType } from '../value.ts';
import { scaledInOnePass, stepInOnePass } from './one-pass.ts';
import { type Call, lowering, recording } from './registry.ts';

const { assertAndGetBroadcastShape } = tf.broadcast_util;

/** The order of axes in which most of the full-sized inputs are there already. */
export function bestOrder(g: Lowering, node: GraphNode): readonly number[] {
  const rank = node.shape.length;
  const straight = inOrder(rank);
  const votes = new Map<string, { axes: readonly number[]; count: number }>();
  for (const input of node.inputs) {
    if (input.name === 'Fill' || !same(input.shape, node.shape)) continue;
    for (const { axes } of g.forms(input)) {
      const vote = votes.get(String(axes)) ?? { axes, count: 0 };
      // Between equals the order that is not the plain one wins: it is the one of maps inside a network.
      vote.count += same(axes, straight) ? 1 : 1.5;
      votes.set(String(axes), vote);
    }
  }
  let best: { axes: readonly number[]; count: number } | undefined;
  for (const vote of votes.values()) if (!best || vote.count > best.count) best = vote;
  return best?.axes ?? straight;
}

/** The node that an input only repeats, where the other inputs give the result its shape anyway. */
function unrepeated(node: GraphNode, input: GraphNode): GraphNode {
  const full = node.inputs.some(
    (other) => other !== input && other.name !== 'BroadcastTo' && same(other.shape, node.shape),
  );
  return input.name === 'BroadcastTo' && full ? input.inputs[0]! : input;
}

/** Whether an array that is repeated over maps in blocks has one number for each channel, example, or both. */
function repeatable({ shape, size }: GraphNode, channels: number): boolean {
  if (size === 1) return true;
  const [, rows = 1, columns = 1, own = 1] = [...Array<number>(4 - shape.length).fill(1), ...shape];
  return rows === 1 && columns === 1 && (own === 1 || own === channels);
}

/** Whether at least half of the full-sized inputs are in blocks, and the others can be. */
function suitsBlocks(g: Lowering, node: GraphNode): boolean {
  if (!g.blockable(node)) return false;
  let balance = 0;
  let some = false;
  for (const input of node.inputs.map((one) => unrepeated(node, one))) {
    if (input.name === 'Fill') continue;
    if (!same(input.shape, node.shape)) {
      if (input.shape.length > 4 || !repeatable(input, node.shape[3]!)) return false;
    } else if (!g.blockable(input)) return false;
    else if (g.inBlocks(input)) {
      balance++;
      some = true;
    } else balance--;
  }
  return some && balance >= 0;
}

/** The same for maps in blocks. */
function inBlocks(g: Lowering, node: GraphNode, body: (names: readonly string[]) => string): void {
  const [n, rows, columns, channels] = node.shape as [number, number, number, number];
  const split = [channels / g.block, rows, columns, g.block];
  const inputs = node.inputs.map((input) => (input.name === 'Fill' ? input : unrepeated(node, input)));
  const full = (input: GraphNode): boolean => same(input.shape, node.shape);
  const perChannel = inputs.some((one) => one.name !== 'Fill' && !full(one) && one.shape.at(-1) === channels);
  const names = inputs.map((input) => {
    if (input.name === 'Fill') return g.scalar(input.attributes.value as number, input.dtype);
    if (full(input)) {
      const name = g.asBlocks(input);
      return perChannel ? g.reshape(name, [n, ...split]) : name;
    }
    const name = g.padded(input, 4, planes);
    if (!perChannel || input.size === 1) return name;
    const shape = [...Array<number>(4 - input.shape.length).fill(1), ...input.shape];
    if (shape[3] === 1) return g.reshape(name, [shape[0]!, 1, 1, 1, 1]);
    const each = g.reshape(name, [shape[0]!, channels / g.block, 1, 1, g.block]);
    // Repeated along a row: a run of one block would be too short to be fast.
    return g.node('Expand', [each, g.ints([shape[0]!, channels / g.block, 1, columns, g.block])]);
  });
  const made = body(names);
  g.give(node, perChannel ? g.reshape(made, [n, channels, rows, columns]) : made, blocks);
}

/** Lowers an elementwise operation: its inputs come in the same order of axes, the result is in that order. */
export function elementwise(g: Lowering, node: GraphNode, body: (names: readonly string[]) => string): void {
  if (suitsBlocks(g, node)) {
    inBlocks(g, node, body);
    return;
  }
  const axes = bestOrder(g, node);
  const rank = node.shape.length;
  const shaped = node.inputs.some(({ name, shape }) => name !== 'Fill' && same(shape, node.shape));
  const names = node.inputs.map((input) =>
    input.name === 'Fill' && shaped
      ? g.scalar(input.attributes.value as number, input.dtype)
      : g.padded(unrepeated(node, input), rank, axes),
  );
  g.give(node, body(names), axes);
}

type Unary = (g: Lowering, x: string, node: GraphNode) => string;

const direct =
  (op: string, attributes: Attributes = {}): Unary =>
  (g, x) =>
    g.node(op, [x], attributes);

/** Kernels of one input whose result has its shape and type. */
const unary: Readonly<Record<string, Unary>> = {
  Abs: direct('Abs'),
  Acos: direct('Acos'),
  Acosh: direct('Acosh'),
  Asin: direct('Asin'),
  Asinh: direct('Asinh'),
  Atan: direct('Atan'),
  Atanh: direct('Atanh'),
  Ceil: direct('Ceil'),
  Cos: direct('Cos'),
  Cosh: direct('Cosh'),
  Elu: direct('Elu'),
  Erf: direct('Erf'),
  Exp: direct('Exp'),
  // tanh(x/2)·(e^x + 1) = e^x - 1 without cancellation near 0.
  Expm1: (g, x) =>
    g.node('Mul', [
      g.node('Tanh', [g.node('Mul', [x, g.scalar(0.5)])]),
      g.node('Add', [g.node('Exp', [x]), g.scalar(1)]),
    ]),
  Floor: direct('Floor'),
  LeakyRelu: (g, x, { attributes }) =>
    g.node('LeakyRelu', [x], { alpha: { float: attributes.alpha as number } }),
  Log: direct('Log'),
  // x·log(u)/(u - 1) with u = 1 + x as rounded: the error of u cancels.
  Log1p: (g, x) => {
    const u = g.node('Add', [x, g.scalar(1)]);
    const log = g.node('Log', [u]);
    const corrected = g.node('Div', [g.node('Mul', [x, log]), g.node('Sub', [u, g.scalar(1)])]);
    const tiny = g.node('Equal', [u, g.scalar(1)]);
    const large = g.node('Greater', [x, g.scalar(1e6)]);
    return g.node('Where', [tiny, x, g.node('Where', [large, log, corrected])]);
  },
  Neg: direct('Neg'),
  Reciprocal: direct('Reciprocal'),
  Relu: (g, x, { dtype }) =>
    dtype === 'float32' ? g.node('Relu', [x]) : g.node('Max', [x, g.scalar(0, dtype)]),
  Relu6: (g, x) => g.node('Clip', [x, g.scalar(0), g.scalar(6)]),
  Round: direct('Round'),
  Rsqrt: (g, x) => g.node('Reciprocal', [g.node('Sqrt', [x])]),
  Selu: direct('Selu'),
  Sigmoid: direct('Sigmoid'),
  Sign: direct('Sign'),
  Sin: direct('Sin'),
  Sinh: direct('Sinh'),
  Softplus: direct('Softplus'),
  Sqrt: direct('Sqrt'),
  Square: (g, x) => g.node('Mul', [x, x]),
  Step: (g, x, { attributes }) => {
    const positive = g.node('Greater', [x, g.scalar(0)]);
    const alpha = attributes.alpha as number;
    return alpha === 0
      ? g.cast(positive, 'float32')
      : g.node('Where', [positive, g.scalar(1), g.scalar(alpha)]);
  },
  Tan: direct('Tan'),
  Tanh: direct('Tanh'),
};

for (const [name, lower] of Object.entries(unary)) {
  recording(name, ({ inputs: { x }, make, attributes }) =>
    make(name, [x!], x!.shape, x!.dtype, attributes?.alpha === undefined ? {} : { alpha: attributes.alpha }),
  );
  lowering(name, (g, node) => {
    if (name === 'Step' && stepInOnePass(g, node)) return;
    elementwise(g, node, ([x]) => lower(g, x!, node));
  });
}

recording('ClipByValue', ({ inputs: { x }, make, attributes: { clipValueMin, clipValueMax } }) =>
  make('ClipByValue', [x!], x!.shape, x!.dtype, { from: clipValueMin, to: clipValueMax }),
);
lowering('ClipByValue', (g, node) =>
  elementwise(g, node, ([x]) => {
    const { from, to } = node.attributes as { from: number; to: number };
    return g.node('Clip', [x!, g.scalar(from, node.dtype), g.scalar(to, node.dtype)]);
  }),
);

/** Kernels that ask something of a number. */
const questions: Readonly<Record<string, Unary>> = {
  IsNan: direct('IsNaN'),
  IsInf: direct('IsInf'),
  IsFinite: (g, x) => g.node('Not', [g.node('Or', [g.node('IsNaN', [x]), g.node('IsInf', [x])])]),
  LogicalNot: direct('Not'),
};
for (const [name, lower] of Object.entries(questions)) {
  recording(name, ({ inputs: { x }, make }) => make(name, [x!], x!.shape, 'bool'));
  lowering(name, (g, node) => elementwise(g, node, ([x]) => lower(g, x!, node)));
}

recording('Cast', ({ inputs: { x }, make, attributes: { dtype } }) =>
  x!.dtype === dtype ? make('Copy', [x!], x!.shape, dtype) : make('Cast', [x!], x!.shape, dtype as ValueType),
);
lowering('Cast', (g, node) => elementwise(g, node, ([x]) => g.cast(x!, node.dtype)));

recording('ZerosLike', ({ inputs: { x }, make }) => make('Fill', [], x!.shape, x!.dtype, { value: 0 }));
recording('OnesLike', ({ inputs: { x }, make }) => make('Fill', [], x!.shape, x!.dtype, { value: 1 }));
recording('Fill', ({ make, attributes: { shape, value, dtype } }) =>
  make('Fill', [], shape, dtype ?? 'float32', { value: Number(value) }),
);
lowering('Fill', (g, node) => {
  // Only where it is asked for as an array: elementwise operations take the number alone.
  const scalar = g.scalar(Number(node.attributes.value), node.dtype);
  g.give(node, node.shape.length === 0 ? scalar : g.node('Expand', [scalar, g.ints(node.shape)]));
});

type Binary = (g: Lowering, a: string, b: string, node: GraphNode) => string;

const pair =
  (op: string): Binary =>
  (g, a, b) =>
    g.node(op, [a, b]);

/** a - floor(a/b)·b: the remainder has the divisor's sign. */
const floorMod: Binary = (g, a, b, { dtype }) => {
  if (dtype === 'int32') return g.node('Mod', [a, b]);
  const rest = g.node('Mod', [a, b], { fmod: 1 });
  const wrong = g.node('Less', [g.node('Mul', [rest, b]), g.scalar(0)]);
  return g.node('Where', [wrong, g.node('Add', [rest, b]), rest]);
};

const atan2: Binary = (g, y, x) => {
  const zero = g.scalar(0);
  const plain = g.node('Atan', [g.node('Div', [y, x])]);
  const negative = g.node('Less', [y, zero]);
  const turn = g.node('Where', [negative, g.scalar(-Math.PI), g.scalar(Math.PI)]);
  const left = g.node('Where', [g.node('Less', [x, zero]), g.node('Add', [plain, turn]), plain]);
  const origin = g.node('And', [g.node('Equal', [x, zero]), g.node('Equal', [y, zero])]);
  return g.node('Where', [origin, zero, left]);
};

/** Kernels of two inputs of one type, whose result has that type. */
const binary: Readonly<Record<string, Binary>> = {
  Add: pair('Add'),
  Sub: pair('Sub'),
  Multiply: pair('Mul'),
  RealDiv: pair('Div'),
  FloorDiv: (g, a, b, { dtype }) => {
    if (dtype === 'float32') return g.node('Floor', [g.node('Div', [a, b])]);
    // Whole numbers are divided towards zero.
    const rest = g.node('Mod', [a, b]);
    return g.node('Div', [g.node('Sub', [a, rest]), b]);
  },
  Maximum: pair('Max'),
  Minimum: pair('Min'),
  Mod: floorMod,
  Pow: pair('Pow'),
  Atan2: atan2,
  SquaredDifference: (g, a, b) => {
    const difference = g.node('Sub', [a, b]);
    return g.node('Mul', [difference, difference]);
  },
  EluGrad: (g, dy, y) =>
    g.node('Where', [
      g.node('GreaterOrEqual', [y, g.scalar(0)]),
      dy,
      g.node('Mul', [dy, g.node('Add', [y, g.scalar(1)])]),
    ]),
  Prelu: (g, x, alpha) => g.node('Where', [g.node('Less', [x, g.scalar(0)]), g.node('Mul', [x, alpha]), x]),
};

/** Kernels that compare, or combine truth values. */
const comparisons: Readonly<Record<string, Binary>> = {
  Equal: pair('Equal'),
  NotEqual: (g, a, b) => g.node('Not', [g.node('Equal', [a, b])]),
  Greater: pair('Greater'),
  GreaterEqual: pair('GreaterOrEqual'),
  Less: pair('Less'),
  LessEqual: pair('LessOrEqual'),
  LogicalAnd: pair('And'),
  LogicalOr: pair('Or'),
  LogicalXor: pair('Xor'),
};

/** ONNX has no arithmetic and no order of truth values. */
function asNumbers(value: Value, make: Call['make']): Value {
  return value.dtype === 'bool' ? make('Cast', [value], value.shape, 'int32') : value;
}

/** What is added to zeros of the result's shape, and so only repeated, where that is. */
function addend(x: Value, zeros: Value, shape: readonly number[]): Value | undefined {
  const fill = zeros.operation?.name === 'Fill' && zeros.operation.attributes.value === 0;
  return fill && same(zeros.shape, shape) && !same(x.shape, shape) ? x : undefined;
}

const names: Readonly<Record<string, readonly [string, string]>> = {
  Prelu: ['x', 'alpha'],
  EluGrad: ['dy', 'y'],
};

for (const [name, lower] of Object.entries({ ...binary, ...comparisons })) {
  const logical = name.startsWith('Logical');
  recording(name, ({ inputs, make }) => {
    const [first, second] = names[name] ?? ['a', 'b'];
    const [a, b] = [inputs[first]!, inputs[second]!].map((x) => (logical ? x : asNumbers(x, make))) as [
      Value,
      Value,
    ];
    const shape = assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    const repeated = name === 'Add' ? (addend(a, b, shape) ?? addend(b, a, shape)) : undefined;
    if (repeated) return make('BroadcastTo', [repeated], shape, repeated.dtype);
    return make(name, [a, b], shape, name in comparisons ? 'bool' : a.dtype);
  });
  lowering(name, (g, node) => elementwise(g, node, ([a, b]) => lower(g, a!, b!, node)));
}

/** The one of two inputs that is a given number everywhere, where the other has the result's shape: that other one. */
function neutral(node: GraphNode, number: number, sides: readonly (0 | 1)[]): GraphNode | undefined {
  for (const side of sides) {
    const one = node.inputs[side]!;
    const other = node.inputs[1 - side]!;
    if (one.name === 'Fill' && one.attributes.value === number && other.shape.length > 0) return other;
  }
  return undefined;
}

/** Adding zeros and multiplying by ones costs nothing, or at most a repetition. */
for (const [name, number, sides] of [
  ['Add', 0, [0, 1]],
  ['Sub', 0, [1]],
  ['Multiply', 1, [0, 1]],
  ['RealDiv', 1, [1]],
] as const)
  lowering(name, (g, node) => {
    const other = neutral(node, number, sides);
    if (other && same(other.shape, node.shape)) g.share(node, other, (axis) => axis);
    else if (name === 'Multiply' && scaledInOnePass(g, node)) return;
    else elementwise(g, node, ([a, b]) => binary[name]!(g, a!, b!, node));
  });

recording('AddN', ({ list, make }) =>
  list.length === 1
    ? make('Copy', list, list[0]!.shape, list[0]!.dtype)
    : list.slice(1).reduce((sum, x) => make('Add', [sum, x], x.shape, x.dtype), list[0]!),
);

recording('Select', ({ inputs: { condition, t, e }, make }) =>
  make('Select', [condition!, t!, e!], t!.shape, t!.dtype),
);
lowering('Select', (g, node) =>
  elementwise(g, node, ([condition, t, e]) => {
    if (node.dtype !== 'bool') return g.node('Where', [condition!, t!, e!]);
    return g.cast(g.node('Where', [condition!, g.cast(t!, 'int32'), g.cast(e!, 'int32')]), 'bool');
  }),
);
