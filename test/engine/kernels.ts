import { tf } from '../../src/engine/tensorflow.ts';
import { Random } from '../../src/util/random.ts';

/** An operation with its inputs: shapes, each with what its numbers are drawn from (Gaussians where nothing is said). */
export interface KernelCase {
  readonly what: string;
  readonly inputs: readonly Input[];
  readonly f: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
}

type Kind = 'gaussian' | 'positive' | 'unit' | 'integers' | 'whole' | 'truth';
export type Input = readonly number[] | { readonly shape: readonly number[]; readonly kind: Kind };

export const as = (kind: Kind, ...shape: number[]): Input => ({ shape, kind });

/** A tensor of an input, the same whatever the engine is. */
export function drawn(input: Input, name: string): tf.Tensor {
  const { shape, kind } = 'kind' in input ? input : { shape: input, kind: 'gaussian' as const };
  const size = shape.reduce((a, b) => a * b, 1);
  const values = [...new Random([11, name, ...shape]).gaussians(size)];
  const integers = values.map((x) => Math.round(3 * x) || 1);
  const numbers = {
    gaussian: values,
    positive: values.map((x) => Math.abs(x) + 0.2),
    unit: values.map((x) => Math.tanh(x)),
    integers,
    whole: integers.map(Math.abs),
    truth: values.map((x) => Number(x > 0)),
  }[kind];
  const dtype =
    kind === 'truth' ? 'bool' : kind === 'integers' || kind === 'whole' ? 'int32' : ('float32' as const);
  return tf.tensor(numbers, [...shape], dtype);
}

const unary: readonly [string, (x: tf.Tensor) => tf.Tensor, Kind?][] = [
  ['abs', tf.abs],
  ['acos', tf.acos, 'unit'],
  ['acosh', (x) => tf.acosh(tf.add(x, 1)), 'positive'],
  ['asin', tf.asin, 'unit'],
  ['asinh', tf.asinh],
  ['atan', tf.atan],
  ['atanh', (x) => tf.atanh(tf.mul(x, 0.9)), 'unit'],
  ['ceil', tf.ceil],
  ['clip', (x) => tf.clipByValue(x, -0.5, 0.7)],
  ['cos', tf.cos],
  ['cosh', tf.cosh],
  ['elu', tf.elu],
  ['erf', tf.erf],
  ['exp', tf.exp],
  ['expm1', tf.expm1],
  ['floor', tf.floor],
  ['isFinite', (x) => tf.isFinite(tf.div(x, tf.relu(x)))],
  ['isInf', (x) => tf.isInf(tf.div(x, tf.relu(x)))],
  ['isNaN', (x) => tf.isNaN(tf.sqrt(x))],
  ['leakyRelu', (x) => tf.leakyRelu(x, 0.3)],
  ['log', tf.log, 'positive'],
  ['log1p', tf.log1p, 'positive'],
  ['neg', tf.neg],
  ['reciprocal', tf.reciprocal, 'positive'],
  ['relu', tf.relu],
  ['relu6', (x) => tf.relu6(tf.mul(x, 4))],
  ['round', tf.round],
  ['round, halves', (x) => tf.round(tf.div(tf.round(tf.mul(x, 4)), 2))],
  ['rsqrt', tf.rsqrt, 'positive'],
  ['selu', tf.selu],
  ['sigmoid', tf.sigmoid],
  ['sign', tf.sign],
  ['sin', tf.sin],
  ['sinh', tf.sinh],
  ['softplus', tf.softplus],
  ['sqrt', tf.sqrt, 'positive'],
  ['square', tf.square],
  ['step', (x) => tf.step(x)],
  ['step with a slope', (x) => tf.step(x, 0.2)],
  ['tan', tf.tan, 'unit'],
  ['tanh', tf.tanh],
  ['onesLike', tf.onesLike],
  ['zerosLike', tf.zerosLike],
];

const binary: readonly [string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, Kind?][] = [
  ['add', tf.add],
  ['sub', tf.sub],
  ['mul', tf.mul],
  ['div', tf.div, 'positive'],
  ['floorDiv', tf.floorDiv, 'positive'],
  ['maximum', tf.maximum],
  ['minimum', tf.minimum],
  ['mod', tf.mod],
  ['pow', tf.pow, 'positive'],
  ['atan2', tf.atan2],
  ['squaredDifference', tf.squaredDifference],
  ['equal', tf.equal, 'integers'],
  ['notEqual', tf.notEqual, 'integers'],
  ['greater', tf.greater],
  ['greaterEqual', tf.greaterEqual, 'integers'],
  ['less', tf.less],
  ['lessEqual', tf.lessEqual, 'integers'],
  ['add of integers', tf.add, 'integers'],
  ['mul of integers', tf.mul, 'integers'],
  ['mod of integers', tf.mod, 'integers'],
  ['maximum of integers', tf.maximum, 'integers'],
  ['floorDiv of integers', tf.floorDiv, 'integers'],
  ['logicalAnd', (a, b) => tf.logicalAnd(a, b), 'truth'],
  ['logicalOr', (a, b) => tf.logicalOr(a, b), 'truth'],
  ['logicalXor', (a, b) => tf.logicalXor(a, b), 'truth'],
];

/** Shapes that broadcast together, degenerate ones included. */
const pairs: readonly [readonly number[], readonly number[]][] = [
  [[5], [5]],
  [[], [3, 4]],
  [
    [3, 4],
    [1, 1],
  ],
  [[2, 3, 4], [4]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [2, 3, 1, 5],
    [1, 4, 5],
  ],
  [
    [1, 7],
    [7, 1],
  ],
];

export const elementwise: readonly KernelCase[] = [
  ...unary.flatMap(([what, f, kind = 'gaussian' as const]) =>
    [[7], [], [3, 1, 4], [2, 3, 2, 2]].map((shape) => ({ what, inputs: [as(kind, ...shape)], f })),
  ),
  ...binary.flatMap(([what, f, kind = 'gaussian' as const]) =>
    pairs.map(([a, b]) => ({ what, inputs: [as(kind, ...a), as(kind, ...b)], f })),
  ),
  {
    what: 'addN',
    inputs: [
      [3, 4],
      [3, 4],
      [3, 4],
    ],
    f: (...x) => tf.addN(x),
  },
  { what: 'where', inputs: [as('truth', 3, 4), [3, 4], [3, 4]], f: (c, a, b) => tf.where(c!, a!, b!) },
  { what: 'logicalNot', inputs: [as('truth', 3, 4)], f: (x) => tf.logicalNot(x!) },
  { what: 'cast to integers', inputs: [[3, 4]], f: (x) => tf.cast(tf.mul(x!, 9), 'int32') },
  { what: 'prelu', inputs: [[3, 4], [4]], f: (x, slope) => tf.prelu(x!, slope!) },
  { what: 'cast from truth', inputs: [as('truth', 3, 4)], f: (x) => tf.cast(x!, 'float32') },
  { what: 'zeros added', inputs: [[3, 4]], f: (x) => tf.add(tf.zeros([2, 3, 4]), x!) },
  { what: 'many zeros added', inputs: [[64, 64]], f: (x) => tf.add(tf.zeros([2, 64, 64]), x!) },
  { what: 'many ones multiplied', inputs: [[64, 64]], f: (x) => tf.mul(tf.ones([64, 64]), x!) },
];

const axesOf = (rank: number): (number[] | undefined)[] => [
  undefined,
  [0],
  [rank - 1],
  [-1],
  rank > 2 ? [0, 2] : [0],
];

export const reductions: readonly KernelCase[] = [
  ...(
    [
      ['sum', tf.sum],
      ['mean', tf.mean],
      ['max', tf.max],
      ['min', tf.min],
      ['prod', tf.prod],
      ['sum of integers', tf.sum, 'integers'],
      ['max of integers', tf.max, 'integers'],
      ['all', (x: tf.Tensor, axis?: number[], keep?: boolean) => tf.all(x, axis, keep), 'truth'],
      ['any', (x: tf.Tensor, axis?: number[], keep?: boolean) => tf.any(x, axis, keep), 'truth'],
    ] as [string, (x: tf.Tensor, axis?: number[], keep?: boolean) => tf.Tensor, Kind?][]
  ).flatMap(([what, f, kind = 'gaussian' as const]) =>
    [[6], [3, 5], [2, 3, 4], [2, 1, 3, 4]].flatMap((shape) =>
      axesOf(shape.length).map((axes, i) => ({
        what,
        inputs: [as(kind, ...shape)],
        f: (x: tf.Tensor) => f(x, axes, i % 2 === 1),
      })),
    ),
  ),
  { what: 'sum of nothing', inputs: [[0, 3]], f: (x) => tf.sum(x!, 0) },
  { what: 'argMax', inputs: [[4, 5]], f: (x) => tf.argMax(x!, 1) },
  { what: 'argMax of columns', inputs: [[4, 5]], f: (x) => tf.argMax(x!, 0) },
  { what: 'argMin', inputs: [[4, 5, 2]], f: (x) => tf.argMin(x!, -1) },
  { what: 'cumsum', inputs: [[4, 5]], f: (x) => tf.cumsum(x!, 1) },
  { what: 'cumsum backwards, exclusive', inputs: [[4, 5]], f: (x) => tf.cumsum(x!, 0, true, true) },
  { what: 'cumprod', inputs: [[4, 5]], f: (x) => tf.cumprod(x!, 1) },
  { what: 'cumprod backwards, exclusive', inputs: [[4, 5]], f: (x) => tf.cumprod(x!, 1, true, true) },
  { what: 'topk', inputs: [[4, 9]], f: (x) => Object.values(tf.topk(x!, 3)) },
  { what: 'softmax', inputs: [[4, 9]], f: (x) => tf.softmax(x!) },
  { what: 'softmax of three axes', inputs: [[2, 4, 3]], f: (x) => tf.softmax(x!) },
  { what: 'logSumExp', inputs: [[4, 9]], f: (x) => tf.logSumExp(x!, 1) },
];

/** Whole numbers as indices. */
const capped = (indices: tf.Tensor, most: number) => tf.minimum(indices, tf.scalar(most, 'int32'));

export const movements: readonly KernelCase[] = [
  ...[[[0, 2, 1]], [[2, 1, 0]], [[1, 2, 0]], [undefined]].map(([perm]) => ({
    what: `transpose ${perm}`,
    inputs: [[2, 3, 4]],
    f: (x: tf.Tensor) => tf.transpose(x, perm),
  })),
  ...[[4, 6], [24], [2, 2, 6], [1, 3, 8, 1], [3, 2, 4]].flatMap((shape) =>
    [
      [0, 1, 2],
      [0, 2, 1],
      [2, 0, 1],
    ].map((perm) => ({
      what: `reshape to ${shape} after transpose ${perm}`,
      inputs: [[2, 3, 4]],
      f: (x: tf.Tensor) => tf.reshape(tf.transpose(x, perm), shape),
    })),
  ),
  {
    what: 'transpose of a reshape',
    inputs: [[2, 12]],
    f: (x) => tf.transpose(tf.reshape(x!, [2, 3, 4]), [1, 0, 2]),
  },
  {
    what: 'elements in two orders',
    inputs: [
      [3, 4],
      [4, 3],
    ],
    f: (a, b) => tf.add(a!, tf.transpose(b!)),
  },
  { what: 'row sums of a transposed', inputs: [[3, 4, 2]], f: (x) => tf.sum(tf.transpose(x!, [2, 0, 1]), 1) },
  { what: 'expandDims', inputs: [[3, 4]], f: (x) => tf.expandDims(x!, -1) },
  { what: 'slice', inputs: [[4, 5, 6]], f: (x) => tf.slice(x!, [1, 0, 2], [2, -1, 3]) },
  { what: 'stridedSlice', inputs: [[6, 7]], f: (x) => tf.stridedSlice(x!, [1, 0], [6, 7], [2, 3]) },
  {
    what: 'stridedSlice backwards',
    inputs: [[6, 7]],
    f: (x) => tf.stridedSlice(x!, [5, 6], [1, 0], [-2, -1]),
  },
  {
    what: 'stridedSlice with masks',
    inputs: [[6, 7, 3]],
    f: (x) => tf.stridedSlice(x!, [1, 2, 0], [3, 4, 2], [1, 1, 1], 1, 2, 0, 0, 4),
  },
  {
    what: 'concat',
    inputs: [
      [2, 3],
      [2, 5],
      [2, 1],
    ],
    f: (...x) => tf.concat(x, 1),
  },
  {
    what: 'concat with nothing',
    inputs: [
      [2, 3],
      [0, 3],
    ],
    f: (...x) => tf.concat(x, 0),
  },
  {
    what: 'stack',
    inputs: [
      [2, 3],
      [2, 3],
    ],
    f: (...x) => tf.stack(x, 1),
  },
  { what: 'unstack', inputs: [[2, 3, 4]], f: (x) => tf.unstack(x!, 1) },
  { what: 'split', inputs: [[2, 6]], f: (x) => tf.split(x!, [1, 2, 3], 1) },
  {
    what: 'pad',
    inputs: [[2, 3]],
    f: (x) =>
      tf.pad(
        x!,
        [
          [1, 0],
          [2, 3],
        ],
        0.5,
      ),
  },
  {
    what: 'mirrorPad, reflect',
    inputs: [[3, 4]],
    f: (x) =>
      tf.mirrorPad(
        x!,
        [
          [1, 2],
          [0, 3],
        ],
        'reflect',
      ),
  },
  {
    what: 'mirrorPad, symmetric',
    inputs: [[3, 4]],
    f: (x) =>
      tf.mirrorPad(
        x!,
        [
          [1, 2],
          [0, 3],
        ],
        'symmetric',
      ),
  },
  { what: 'tile', inputs: [[2, 3]], f: (x) => tf.tile(x!, [2, 3]) },
  { what: 'broadcastTo', inputs: [[3, 1]], f: (x) => tf.broadcastTo(x!, [2, 3, 4]) },
  { what: 'reverse', inputs: [[2, 3, 4]], f: (x) => tf.reverse(x!, [0, 2]) },
  { what: 'gather', inputs: [[5, 3], as('whole', 4)], f: (x, i) => tf.gather(x!, capped(i!, 2), 1) },
  {
    what: 'gatherND',
    inputs: [[3, 3, 2], as('whole', 4, 2)],
    f: (x, i) => tf.gatherND(x!, capped(i!, 2)),
  },
  {
    what: 'scatterND',
    inputs: [as('whole', 6, 1), [6, 2]],
    f: (i, x) => tf.scatterND(capped(i!, 3), x!, [4, 2]),
  },
  { what: 'oneHot', inputs: [as('whole', 3, 4)], f: (x) => tf.oneHot(x!, 5) },
  { what: 'fill', inputs: [[2]], f: (x) => tf.mul(tf.fill([3, 2], 1.5), x!) },
  { what: 'range', inputs: [[4]], f: (x) => tf.mul(tf.range(2, 10, 2), x!) },
  { what: 'linspace', inputs: [[5]], f: (x) => tf.mul(tf.linspace(-1, 1, 5), x!) },
  {
    what: 'spaceToBatchND',
    inputs: [[2, 5, 6, 3]],
    f: (x) =>
      tf.spaceToBatchND(
        x!,
        [2, 3],
        [
          [1, 0],
          [0, 0],
        ],
      ),
  },
  {
    what: 'batchToSpaceND',
    inputs: [[12, 3, 2, 3]],
    f: (x) =>
      tf.batchToSpaceND(
        x!,
        [2, 3],
        [
          [1, 0],
          [0, 1],
        ],
      ),
  },
  { what: 'depthToSpace', inputs: [[2, 2, 3, 8]], f: (x) => tf.depthToSpace(x as tf.Tensor4D, 2) },
];

export const products: readonly KernelCase[] = [
  ...[
    [
      [3, 4],
      [4, 5],
    ],
    [
      [1, 7],
      [7, 1],
    ],
    [
      [2, 3, 4],
      [2, 4, 5],
    ],
    [
      [2, 3, 4],
      [1, 4, 5],
    ],
    [
      [2, 2, 3, 4],
      [2, 2, 4, 2],
    ],
  ].flatMap(([a, b]) =>
    [0, 1, 2, 3].map((turned) => {
      const swap = (shape: readonly number[], yes: boolean) =>
        yes ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
      const [ta, tb] = [(turned & 1) > 0, (turned & 2) > 0];
      return {
        what: `matMul ${a} x ${b}, ${ta} ${tb}`,
        inputs: [swap(a!, ta), swap(b!, tb)],
        f: (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, ta, tb),
      };
    }),
  ),
  {
    what: 'matMul of transposed maps',
    inputs: [
      [2, 3, 4],
      [2, 3, 5],
    ],
    f: (x, y) => tf.matMul(tf.transpose(x!, [0, 2, 1]), y!),
  },
  ...(['linear', 'relu', 'relu6', 'elu', 'sigmoid'] as const).map((activation) => ({
    what: `fused matMul, ${activation}`,
    inputs: [[3, 4], [4, 5], [5]],
    f: (a: tf.Tensor, b: tf.Tensor, bias: tf.Tensor) => tf.fused.matMul({ a, b, bias, activation }),
  })),
];

interface Geometry {
  readonly side: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: [number, number];
  readonly pad:
    | 'same'
    | 'valid'
    | number
    | [[number, number], [number, number], [number, number], [number, number]];
  readonly dilations?: [number, number];
}

/** Windows of many kinds: strides that leave a rest, paddings of both sorts, unequal sides, single pixels. */
export const geometries: readonly Geometry[] = [
  { side: [8, 8], kernel: [3, 3], strides: [1, 1], pad: 'same' },
  { side: [8, 6], kernel: [3, 3], strides: [2, 2], pad: 'same' },
  { side: [7, 8], kernel: [3, 2], strides: [2, 1], pad: 'valid' },
  { side: [9, 9], kernel: [2, 2], strides: [3, 3], pad: 'valid' },
  {
    side: [8, 8],
    kernel: [3, 3],
    strides: [2, 2],
    pad: [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  },
  {
    side: [6, 5],
    kernel: [3, 3],
    strides: [1, 1],
    pad: [
      [0, 0],
      [0, 2],
      [1, 0],
      [0, 0],
    ],
  },
  { side: [1, 1], kernel: [1, 1], strides: [1, 1], pad: 'same' },
  { side: [5, 5], kernel: [1, 1], strides: [2, 2], pad: 'valid' },
  { side: [4, 4], kernel: [4, 4], strides: [1, 1], pad: 'valid' },
  { side: [9, 8], kernel: [3, 3], strides: [1, 1], pad: 'same', dilations: [2, 2] },
];
