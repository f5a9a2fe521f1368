import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { type EngineName, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import {
  asConstant,
  hessianVectorProduct,
  kernelsOfProduct,
  twiceDifferentiable,
} from '../../src/network/second-order.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

/** Values on the host in float64, row-major. */
type Values = readonly number[];

/** An operation on the engine beside the same on the host. */
interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly engine: (...x: tf.Tensor[]) => tf.Tensor;
  readonly host: (...x: Values[]) => number[];
  /** Inputs above 0.3 only. */
  readonly positive?: boolean;
}

const sum = (list: Values): number => list.reduce((a, b) => a + b, 0);

const unary = (engine: (x: tf.Tensor) => tf.Tensor, f: (x: number) => number, positive = false): Case => ({
  shapes: [[3, 4]],
  engine,
  host: (x) => x.map(f),
  positive,
});

/** The second input repeats over the rows of the first. */
const binary = (
  engine: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  f: (a: number, b: number) => number,
  repeated = true,
  positive = false,
): Case => ({
  shapes: [[3, 4], repeated ? [4] : [3, 4]],
  engine,
  host: (a, b) => a.map((x, i) => f(x, b[i % b.length]!)),
  positive,
});

const rowsOf = (x: Values, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, r) => x.slice(r * width, (r + 1) * width));

/** Reduces rows of four. */
const reducing = (engine: (x: tf.Tensor) => tf.Tensor, f: (row: number[]) => number): Case => ({
  shapes: [[3, 4]],
  engine,
  host: (x) => rowsOf(x, 4).map(f),
});

/** Where each element comes from, found by moving numbered elements; 0 where a constant 0 stands. */
function rearranging(engine: (x: tf.Tensor) => tf.Tensor, ...shape: number[]): Case {
  let origins: number[];
  return {
    shapes: [shape],
    engine,
    host: (x) => {
      origins ??= tf.tidy(() => [...engine(tf.reshape(tf.range(1, x.length + 1), shape)).dataSync()]);
      return origins.map((at) => (at === 0 ? 0 : x[at - 1]!));
    },
  };
}

function product(transposeA: boolean, transposeB: boolean): Case {
  return {
    shapes: [transposeA ? [4, 3] : [3, 4], transposeB ? [2, 4] : [4, 2]],
    engine: (a, b) => tf.matMul(a, b, transposeA, transposeB),
    host: (a, b) =>
      Array.from({ length: 6 }, (_, at) => {
        const [i, j] = [Math.floor(at / 2), at % 2];
        return sum(
          [0, 1, 2, 3].map(
            (k) => a[transposeA ? k * 3 + i : i * 4 + k]! * b[transposeB ? j * 4 + k : k * 2 + j]!,
          ),
        );
      }),
  };
}

const softmax = (row: readonly number[]): number[] => {
  const exps = row.map(Math.exp);
  return exps.map((e) => e / sum(exps));
};
const logSum = (row: readonly number[]): number => Math.log(sum(row.map(Math.exp)));
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** The error function by its series, which converges fast for the arguments drawn here. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}
const selu = (x: number): number => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x));

/** For each pixel of 3x3 windows, stride 2, padded by one below and to the right, over a map 4x4: [out, from, tap]. */
const windows = [0, 1, 2, 3].flatMap((out) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((tap) => {
    const row = 2 * Math.floor(out / 2) + Math.floor(tap / 3);
    const column = 2 * (out % 2) + (tap % 3);
    return row < 4 && column < 4 ? [[out, 4 * row + column, tap] as const] : [];
  }),
);
/** Lists what windows hold of channel c of two. */
const held = (x: Values, out: number, c: number): number[] =>
  windows.filter(([to]) => to === out).map(([, from]) => x[2 * from + c]!);

function convolution(depthwise: boolean): Case {
  return {
    shapes: [[1, 4, 4, 2], depthwise ? [3, 3, 2, 1] : [3, 3, 2, 2]],
    engine: (x, k) =>
      (depthwise ? tf.depthwiseConv2d : tf.conv2d)(x as tf.Tensor4D, k as tf.Tensor4D, 2, 'same'),
    host: (x, k) => {
      const y = new Array<number>(8).fill(0);
      for (const [out, from, tap] of windows)
        for (const i of [0, 1])
          for (const o of depthwise ? [i] : [0, 1])
            y[2 * out + o]! += x[2 * from + i]! * k[depthwise ? 2 * tap + i : 4 * tap + 2 * i + o]!;
      return y;
    },
  };
}

/** A depthwise convolution to two maps each, then a pointwise one that mixes the four. */
const separable: Case = {
  shapes: [
    [1, 4, 4, 2],
    [3, 3, 2, 2],
    [1, 1, 4, 3],
  ],
  engine: (x, depthwise, pointwise) =>
    tf.separableConv2d(x as tf.Tensor4D, depthwise as tf.Tensor4D, pointwise as tf.Tensor4D, 2, 'same'),
  host: (x, depthwise, pointwise) => {
    const y = new Array<number>(12).fill(0);
    for (const [out, from, tap] of windows)
      for (let m = 0; m < 4; m++)
        for (let o = 0; o < 3; o++)
          y[3 * out + o]! +=
            x[2 * from + Math.floor(m / 2)]! * depthwise![4 * tap + m]! * pointwise![3 * m + o]!;
    return y;
  },
};

const pooling = (engine: (x: tf.Tensor4D) => tf.Tensor, f: (held: number[]) => number): Case => ({
  shapes: [[1, 4, 4, 2]],
  engine: (x) => engine(x as tf.Tensor4D),
  host: (x) => [0, 1, 2, 3].flatMap((out) => [0, 1].map((c) => f(held(x, out, c)))),
});

const cases: Readonly<Record<string, Case>> = {
  add: binary(tf.add, (a, b) => a + b),
  addN: binary(
    (a, b) => tf.addN([a, b, a]),
    (a, b) => a + b + a,
    false,
  ),
  sub: binary(tf.sub, (a, b) => a - b),
  mul: binary(tf.mul, (a, b) => a * b),
  div: binary(tf.div, (a, b) => a / b, true, true),
  squaredDifference: binary(tf.squaredDifference, (a, b) => (a - b) ** 2, false),
  maximum: binary(tf.maximum, Math.max, false),
  minimum: binary(tf.minimum, Math.min, false),
  'pow of both': binary(tf.pow, (a, b) => a ** b, true, true),
  'pow to a number': unary(
    (x) => tf.pow(x, 3),
    (x) => x ** 3,
  ),
  neg: unary(tf.neg, (x) => -x),
  abs: unary(tf.abs, Math.abs),
  square: unary(tf.square, (x) => x * x),
  sqrt: unary(tf.sqrt, Math.sqrt, true),
  rsqrt: unary(tf.rsqrt, (x) => 1 / Math.sqrt(x), true),
  reciprocal: unary(tf.reciprocal, (x) => 1 / x, true),
  exp: unary(tf.exp, Math.exp),
  expm1: unary(tf.expm1, Math.expm1),
  log: unary(tf.log, Math.log, true),
  log1p: unary(tf.log1p, Math.log1p, true),
  sin: unary(tf.sin, Math.sin),
  cos: unary(tf.cos, Math.cos),
  tanh: unary(tf.tanh, Math.tanh),
  sigmoid: unary(tf.sigmoid, logistic),
  softplus: unary(tf.softplus, (x) => Math.log1p(Math.exp(x))),
  relu: unary(tf.relu, (x) => Math.max(0, x)),
  relu6: unary(
    (x) => tf.relu6(tf.mul(x, 5)),
    (x) => Math.min(6, Math.max(0, 5 * x)),
  ),
  leakyRelu: unary(
    (x) => tf.leakyRelu(x, 0.1),
    (x) => (x > 0 ? x : 0.1 * x),
  ),
  elu: unary(tf.elu, (x) => (x > 0 ? x : Math.expm1(x))),
  prelu: binary(tf.prelu, (a, b) => (a > 0 ? a : a * b)),
  clipByValue: unary(
    (x) => tf.clipByValue(x, -0.5, 0.7),
    (x) => Math.min(0.7, Math.max(-0.5, x)),
  ),
  erf: unary(tf.erf, erf),
  'gelu by erf': unary(
    (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  ),
  'gelu by tanh': unary(
    (x) => {
      const inner = tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
    },
    (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ),
  selu: unary(tf.selu, selu),
  softsign: unary(
    (x) => tf.div(x, tf.add(tf.abs(x), 1)),
    (x) => x / (1 + Math.abs(x)),
  ),
  'hard sigmoid': unary(
    (x) => tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1),
    (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5)),
  ),
  conv2d: convolution(false),
  depthwiseConv2d: convolution(true),
  separableConv2d: separable,
  avgPool: pooling(
    (x) => tf.avgPool(x, 3, 2, 'same'),
    (list) => sum(list) / list.length,
  ),
  maxPool: pooling(
    (x) => tf.maxPool(x, 3, 2, 'same'),
    (list) => Math.max(...list),
  ),
  batchNorm: {
    shapes: [[3, 4], [4], [4], [4], [4]],
    positive: true,
    engine: (x, mean, variance, offset, scale) =>
      tf.batchNorm(
        x,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
        0.1,
      ),
    host: (x, mean, variance, offset, scale) =>
      x.map((value, i) => {
        const c = i % 4;
        return ((value - mean![c]!) / Math.sqrt(variance![c]! + 0.1)) * scale![c]! + offset![c]!;
      }),
  },
  'layer norm': {
    shapes: [[3, 4], [4], [4]],
    engine: (x, scale, offset) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 0.1))), scale), offset);
    },
    host: (x, scale, offset) =>
      rowsOf(x, 4).flatMap((row) => {
        const mean = sum(row) / 4;
        const variance = sum(row.map((one) => (one - mean) ** 2)) / 4;
        return row.map((one, c) => ((one - mean) / Math.sqrt(variance + 0.1)) * scale![c]! + offset![c]!);
      }),
  },
  gather: rearranging((x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')), 3, 4),
  'gather along the last axis': rearranging(
    (x) => tf.gather(x, tf.tensor1d([3, 1, 3, 0, 2], 'int32'), 2),
    2,
    2,
    4,
  ),
  swish: unary(
    (x) => tf.mul(x, tf.sigmoid(x)),
    (x) => x * logistic(x),
  ),
  'sum of all': { ...unary(tf.sum, () => 0), host: (x) => [sum(x)] },
  'sum of rows': reducing((x) => tf.sum(x, 1), sum),
  'mean of all': { ...unary(tf.mean, () => 0), host: (x) => [sum(x) / x.length] },
  'mean of rows': reducing(
    (x) => tf.mean(x, 1, true),
    (row) => sum(row) / 4,
  ),
  'max of rows': reducing(
    (x) => tf.max(x, 1),
    (row) => Math.max(...row),
  ),
  'min of rows': reducing(
    (x) => tf.min(x, 1, true),
    (row) => Math.min(...row),
  ),
  logSumExp: reducing((x) => tf.logSumExp(x, 1), logSum),
  variance: reducing(
    (x) => tf.moments(x, 1).variance,
    (row) => {
      const mean = sum(row) / 4;
      return sum(row.map((x) => (x - mean) ** 2)) / 4;
    },
  ),
  softmax: { ...unary(tf.softmax, () => 0), host: (x) => rowsOf(x, 4).flatMap(softmax) },
  'cross entropy with the largest logit held constant': reducing(
    (x) => {
      const shifted = tf.sub(
        x,
        asConstant(x, (z) => tf.max(z, 1, true)),
      );
      const ones = tf.tensor2d([0, 1, 0, 0], [1, 4]);
      return tf.sub(tf.log(tf.sum(tf.exp(shifted), 1)), tf.sum(tf.mul(shifted, ones), 1));
    },
    (row) => logSum(row) - row[1]!,
  ),
  matMul: product(false, false),
  'matMul, first transposed': product(true, false),
  'matMul, second transposed': product(false, true),
  'matMul, both transposed': product(true, true),
  'einsum of two': {
    ...product(false, false),
    engine: (a, b) => tf.einsum('ij,jk->ik', a, b),
  },
  'einsum that sums over an axis of one': {
    shapes: [
      [3, 4],
      [2, 4],
    ],
    engine: (a, b) => tf.einsum('ij,kj->i', a, b),
    host: (a, b) => [0, 1, 2].map((i) => sum([0, 1, 2, 3].map((j) => a[4 * i + j]! * (b[j]! + b[4 + j]!)))),
  },
  where: binary(
    (a, b) => tf.where(tf.greater(a, b), tf.square(a), tf.mul(a, b)),
    (a, b) => (a > b ? a * a : a * b),
    false,
  ),
  'comparisons as factors': binary(
    (a, b) => {
      const factor = (condition: tf.Tensor): tf.Tensor => tf.add(tf.cast(condition, 'float32'), 0.5);
      const all = [
        tf.less(a, b),
        tf.lessEqual(a, b),
        tf.greaterEqual(a, b),
        tf.equal(a, b),
        tf.notEqual(a, b),
      ];
      const logical = [
        tf.logicalAnd(tf.less(a, 0), tf.less(b, 0)),
        tf.logicalOr(tf.less(a, 0), tf.less(b, 0)),
        tf.logicalNot(tf.less(a, 0)),
      ];
      return [...all, ...logical].reduce((y, condition) => tf.mul(y, factor(condition)), tf.mul(a, b));
    },
    (a, b) => {
      const all = [a < b, a <= b, a >= b, a === b, a !== b, a < 0 && b < 0, a < 0 || b < 0, a >= 0];
      return all.reduce((y, condition) => y * (condition ? 1.5 : 0.5), a * b);
    },
    false,
  ),
  cast: unary(
    (x) => tf.cast(x, 'float32'),
    (x) => x,
  ),
  clone: unary(
    (x) => tf.clone(x),
    (x) => x,
  ),
  reshape: rearranging((x) => tf.reshape(x, [2, 6]), 3, 4),
  expandDims: rearranging((x) => tf.expandDims(x, 1), 3, 4),
  squeeze: rearranging((x) => tf.squeeze(x, [1]), 3, 1, 4),
  transpose: rearranging((x) => tf.transpose(x), 3, 4),
  'transpose of three axes': rearranging((x) => tf.transpose(x, [2, 0, 1]), 2, 3, 2),
  slice: rearranging((x) => tf.slice(x, [1, 1], [2, 2]), 3, 4),
  concat: rearranging((x) => tf.concat([x, tf.slice(x, [0, 0], [1, 4]), x], 0), 3, 4),
  pad: rearranging(
    (x) =>
      tf.pad(x, [
        [1, 0],
        [2, 1],
      ]),
    3,
    4,
  ),
  tile: rearranging((x) => tf.tile(x, [2, 3]), 3, 2),
  split: {
    ...rearranging((x) => tf.concat([...tf.split(x, 2, 1)].reverse(), 1), 3, 4),
  },
  stack: rearranging((x) => tf.stack([x, tf.transpose(x)], 1), 3, 3),
  unstack: rearranging((x) => tf.stack([...tf.unstack(x, 1)].reverse(), 0), 3, 4),
  reverse: rearranging((x) => tf.reverse(x, 1), 3, 4),
  broadcastTo: rearranging((x) => tf.broadcastTo(x, [3, 4]), 1, 4),
};

const inner = (x: Values): number[] => x.map((value) => value + 0.3 * value * value);

/** Weighs every element differently, so that a derivative in the wrong place shows. */
const weights = (size: number): number[] => Array.from({ length: size }, (_, i) => Math.sin(i + 1));

/**
 * Σ wᵢ(yᵢ + ½yᵢ²), y = op(x + 0.3x²): curved before and after the operation, so that its second derivative, the
 * derivative of its upstream gradient and that of its inputs all count.
 */
function onEngine({ engine }: Case): (...x: tf.Tensor[]) => tf.Scalar {
  return (...x) => {
    const y = engine(...x.map((one) => tf.add(one, tf.mul(tf.square(one), 0.3))));
    const w = tf.tensor(weights(y.size), y.shape);
    return tf.sum(tf.mul(w, tf.add(y, tf.mul(tf.square(y), 0.5)))) as tf.Scalar;
  };
}

function onHost({ host }: Case, x: readonly Values[]): number {
  const y = host(...x.map(inner));
  const w = weights(y.length);
  return sum(y.map((value, i) => w[i]! * (value + 0.5 * value * value)));
}

/** Hv by central differences in float64: (f(x+a+b) - f(x+a-b) - f(x-a+b) + f(x-a-b)) / 4h², a = h·eᵢ, b = h·v. */
function differences(one: Case, x: readonly Values[], v: readonly Values[]): number[][] {
  const h = 2e-4;
  return x.map((values, t) =>
    values.map((_, i) => {
      const at = (a: number, b: number): number =>
        onHost(
          one,
          x.map((list, s) =>
            list.map((value, j) => value + (s === t && j === i ? a * h : 0) + b * h * v[s]![j]!),
          ),
        );
      return (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h);
    }),
  );
}

function drawn(name: string, one: Case): { x: Values[]; v: Values[] } {
  const random = new Random([31, name]);
  const numbers = (shape: readonly number[]): number[] => [
    ...random.gaussians(shape.reduce((a, b) => a * b, 1)),
  ];
  return {
    // Kept away from kinks by more than the differences' steps.
    x: one.shapes.map((shape) =>
      numbers(shape).map((z) => Math.fround(one.positive ? 0.3 + Math.abs(z) : z + 0.02 * Math.sign(z))),
    ),
    v: one.shapes.map((shape) => numbers(shape)),
  };
}

/** Second derivatives on an engine: each rule against float64, and a refusal by name where there is none. */
export function secondOrderContract(name: EngineName): void {
  const root = packageRoot();
  const exercised = new Set<string>();
  describe(`second derivatives on the engine ${name}`, () => {
    beforeAll(() => startEngine({ name, identity: engineIdentity(name, root) }, root));

    for (const [title, one] of Object.entries(cases))
      test.skipIf(title.startsWith('einsum') && name === 'wasm')(
        `${title}: the product with the Hessian agrees with float64`,
        async () => {
          const { x, v } = drawn(title, one);
          const expected = differences(one, x, v);
          const before = tf.memory().numTensors;
          const tensors = x.map((values, t) => tf.tensor([...values], [...one.shapes[t]!], 'float32'));
          const direction = v.map((values, t) => tf.tensor([...values], [...one.shapes[t]!], 'float32'));
          const { value, gradient, product } = hessianVectorProduct(onEngine(one), tensors, direction);
          expect(((await value.data())[0]! / onHost(one, x)).toFixed(4)).toBe('1.0000');
          const size = Math.max(1, ...expected.flat().map(Math.abs));
          for (const [t, list] of expected.entries()) {
            const actual = await product[t]!.data();
            const worst = list.reduce((max, one, i) => Math.max(max, Math.abs(actual[i]! - one)), 0);
            expect(worst / size, `input ${t + 1}`).toBeLessThan(2e-5);
          }
          for (const kernel of kernelsOfProduct(onEngine(one), tensors, direction)) exercised.add(kernel);
          tf.dispose([tensors, direction, value, gradient, product]);
          expect(tf.memory().numTensors).toBe(before);
        },
      );

    test('every kernel that is called twice differentiable is among those proven', () => {
      // The engine wasm has no kernel for Einsum.
      const here = [...twiceDifferentiable].filter((kernel) => tf.getKernel(kernel, tf.getBackend()));
      expect(here.length).toBeGreaterThan(60);
      expect(here.filter((kernel) => !exercised.has(kernel))).toEqual([]);
    });

    test.each([
      ['relu', tf.relu, [0, 1, 1, 1]],
      ['relu6', tf.relu6, [0, 1, 0, 0]],
    ] as const)("%s has PyTorch's slope where it bends", async (_, f, slopes) => {
      const x = tf.tensor1d([0, 1e-30, 6, 7]);
      const gradient = tf.tidy(() => tf.grad((t: tf.Tensor) => tf.sum(f(t)))(x));
      expect([...(await gradient.data())]).toEqual([...slopes]);
      tf.dispose([x, gradient]);
    });

    test.each([
      ['logSoftmax', (x: tf.Tensor) => tf.logSoftmax(x)],
      ['logSigmoid', (x: tf.Tensor) => tf.logSigmoid(x)],
      ['fusedMatMul', (x: tf.Tensor) => tf.fused.matMul({ a: x, b: tf.ones([4, 4]) })],
      ['StridedSlice', (x: tf.Tensor) => tf.stridedSlice(x, [0, 0], [4, 4], [2, 1])],
      ['Cumsum', (x: tf.Tensor) => tf.cumsum(x)],
      ['softmaxCrossEntropy', (x: tf.Tensor) => tf.losses.softmaxCrossEntropy(tf.ones([4, 4]), x)],
      [
        'a custom gradient',
        (x: tf.Tensor) =>
          tf.customGrad((...given: unknown[]) => {
            const y = tf.exp(given[0] as tf.Tensor);
            (given[1] as (saved: tf.Tensor[]) => void)([y]);
            return { value: y, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, saved[0]!) };
          })(x),
      ],
    ])('%s has no proven second derivative, and is refused by name', (op, f) => {
      const before = tf.memory().numTensors;
      const x = tf.tidy(() => tf.reshape(tf.linspace(-1, 1, 16), [4, 4]));
      const v = tf.ones([4, 4]);
      let error: unknown;
      try {
        hessianVectorProduct((y) => tf.sum(tf.square(f(y!))) as tf.Scalar, [x], [v]);
      } catch (caught) {
        error = caught;
      }
      tf.dispose([x, v]);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).diagnostics[0]).toMatchObject({ code: 'no-second-derivative' });
      expect((error as UserError).message).toMatch(new RegExp(`proven for ${op}$`));
      expect(tf.memory().numTensors).toBe(before);
    });

    test('a parameter on which the gradient does not depend has a product of zeros', async () => {
      const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
      const v = [tf.ones([2]), tf.ones([2])];
      const { value, gradient, product } = hessianVectorProduct(
        (x, y) => tf.sum(tf.add(tf.square(x!), y!)) as tf.Scalar,
        [a, b],
        v,
      );
      expect([...(await product[0]!.data()), ...(await product[1]!.data())]).toEqual([2, 2, 0, 0]);
      expect([...(await gradient[1]!.data())]).toEqual([1, 1]);
      tf.dispose([a, b, v, value, gradient, product]);
    });

    afterAll(() => {
      expect(tf.engine().state.activeTape ?? null).toBe(null);
    });
  });
}
