/**
 * Gradients that replace those of TensorFlow.js 4.22, registered when its door opens (`tensorflow.ts`). For speed: that
 * of a matrix product. For second derivatives: a rule that saves its kernel's OUTPUT is right once and silently wrong
 * when it is differentiated again, because the saved copy is not on the tape; the rules here compute from the inputs, or
 * take of an output only steps, which are constant.
 * Comparisons have no rule at all; they are constant almost everywhere, so theirs is zero.
 *
 * Which kernels are proven to be twice differentiable is said in `network/second-order.ts`.
 */
import {
  broadcast_util,
  cast,
  equal,
  exp,
  type GradConfig,
  greater,
  log,
  matMul,
  max,
  min,
  minimum,
  mul,
  neg,
  pow,
  registerGradient,
  reshape,
  rsqrt,
  sigmoid,
  softmax,
  square,
  step,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
  util,
  where,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { einsumGradient } from './einsum.ts';

/** Exchanges the last two axes. */
function swapped(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  axes.push(axes.splice(-2, 1)[0]!);
  return transpose(x, axes);
}

/**
 * The gradient of a matrix product as transposes followed by plain products. TensorFlow.js uses the product's
 * transpose flags instead, which its wasm engine computes 10 to 20 times slower than a plain product.
 */
const matMulGradient: GradConfig = {
  kernelName: 'BatchMatMul',
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, saved, attributes) => {
    const [a, b] = saved as [Tensor, Tensor];
    const { transposeA, transposeB } = attributes as unknown as { transposeA: boolean; transposeB: boolean };
    const upstream = dy as Tensor;
    return {
      a: () => {
        const plain = matMul(upstream, transposeB ? b : swapped(b));
        return transposeA ? swapped(plain) : plain;
      },
      b: () => {
        const plain = matMul(transposeA ? a : swapped(a), upstream);
        return transposeB ? swapped(plain) : plain;
      },
    };
  },
};

/** The rule of an elementwise function: dy·f'(x). */
function elementwise(kernelName: string, derivative: (x: Tensor) => Tensor): GradConfig {
  return {
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, saved) => ({ x: () => mul(dy as Tensor, derivative(saved[0]!)) }),
  };
}

/** Of a largest or smallest element: dy where x equals it. Equal elements each get the whole of dy, as in 4.22. */
function extremum(kernelName: string, of: typeof max): GradConfig {
  return {
    kernelName,
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attributes) => {
      const x = saved[0]!;
      // The two kernels call the same thing by different names.
      const { reductionIndices, axis } = attributes as unknown as Record<string, number | number[]>;
      const axes = util.parseAxisParam((reductionIndices ?? axis)!, x.shape);
      const kept = x.shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
      return { x: () => mul(reshape(dy as Tensor, kept), cast(equal(x, of(x, axes, true)), 'float32')) };
    },
  };
}

/** Sums what broadcasting repeated. */
function unbroadcast(gradient: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, gradient.shape);
  return reshape(axes.length > 0 ? sum(gradient, axes) : gradient, shape);
}

/** Told from the output, so that nothing else holds what came in; its steps' derivative is zero. */
function rectifier(kernelName: string, slope: (y: Tensor) => Tensor): GradConfig {
  return {
    kernelName,
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({ x: () => mul(dy as Tensor, slope(saved[0]!)) }),
  };
}

const power: GradConfig = {
  kernelName: 'Pow',
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, saved) => {
    const [a, b] = saved as [Tensor, Tensor];
    const upstream = dy as Tensor;
    return {
      a: () => unbroadcast(mul(upstream, mul(b, pow(a, sub(b, 1)))), a.shape),
      // Of a base that is not positive it is taken as 0, as in 4.22.
      b: () => {
        const logarithm = where(greater(a, 0), log(a), zerosLike(a));
        return unbroadcast(mul(upstream, mul(pow(a, b), logarithm)), b.shape);
      },
    };
  },
};

const softmaxGradient: GradConfig = {
  kernelName: 'Softmax',
  inputsToSave: ['logits'],
  gradFunc: (dy, saved) => ({
    logits: () => {
      const y = softmax(saved[0]!);
      const weighted = mul(dy as Tensor, y);
      return sub(weighted, mul(sum(weighted, -1, true), y));
    },
  }),
};

/** Zero for the named inputs. */
const constant = (kernelName: string, ...inputs: string[]): GradConfig => ({
  kernelName,
  inputsToSave: inputs,
  gradFunc: (_, saved) =>
    Object.fromEntries(inputs.map((name, i) => [name, () => cast(zerosLike(saved[i]!), 'float32')])),
});

for (const rule of [
  matMulGradient,
  rectifier('Relu', step),
  // At 6 it is 0, as in PyTorch.
  rectifier('Relu6', (y) => mul(step(y), step(sub(6, y)))),
  elementwise('Exp', exp),
  elementwise('Tanh', (x) => sub(1, square(tanh(x)))),
  elementwise('Sigmoid', (x) => {
    const y = sigmoid(x);
    return mul(y, sub(1, y));
  }),
  // -½ x^(-3/2), without the general power.
  elementwise('Rsqrt', (x) => {
    const root = rsqrt(x);
    return mul(mul(root, square(root)), -0.5);
  }),
  // For x > 0 it is 1; the bound keeps the other branch finite there.
  elementwise('Elu', (x) => where(greater(x, 0), step(x), exp(minimum(x, 0)))),
  elementwise('Abs', (x) => sub(step(x), step(neg(x)))),
  extremum('Max', max),
  extremum('Min', min),
  power,
  softmaxGradient,
  ...['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalOr'].map(
    (name) => constant(name, 'a', 'b'),
  ),
  constant('LogicalNot', 'x'),
  einsumGradient,
])
  registerGradient(rule);
