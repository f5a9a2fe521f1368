/**
 * Second derivatives through TensorFlow.js' own differentiation: Hessian-vector products as the gradient of ∇f·v. In
 * version 4.22 that is wrong without a word for some kernels and missing for others. Here each kernel on the way is
 * compared with the list of those whose rules are proven (test/engine/second-order.ts proves every name on it, against
 * differences in float64); any other one is an error that names it.
 */
import { UserError } from '../diagnostics/diagnostic.ts';
import { isProvenScope, provenScope } from '../engine/proven-scope.ts';
import { tf } from '../engine/tensorflow.ts';

/** Kernels whose gradient may be differentiated again. */
export const twiceDifferentiable: ReadonlySet<string> = new Set([
  ...['Add', 'AddN', 'Sub', 'Multiply', 'RealDiv', 'SquaredDifference', 'Maximum', 'Minimum', 'Pow'],
  ...['Neg', 'Abs', 'Square', 'Sqrt', 'Rsqrt', 'Reciprocal', 'Exp', 'Expm1', 'Log', 'Log1p', 'Sin', 'Cos'],
  ...['Tanh', 'Sigmoid', 'Softplus', 'Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Prelu', 'ClipByValue', 'Step'],
  ...['Sum', 'Mean', 'Max', 'Min', 'Softmax', 'BatchMatMul', 'Cast', 'Identity', 'ZerosLike'],
  ...['Reshape', 'ExpandDims', 'Transpose', 'Slice', 'Concat', 'PadV2', 'Tile', 'SplitV', 'Pack', 'Unpack'],
  ...['Conv2D', 'DepthwiseConv2dNative', 'AvgPool', 'MaxPool', 'FusedBatchNorm', 'GatherV2', 'Erf', 'Selu'],
  ...['Einsum'],
  ...['Reverse', 'Select', 'Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'],
  ...['LogicalAnd', 'LogicalOr', 'LogicalNot'],
]);

/** What to write instead of an operation that has no proven rule. */
const instead: Readonly<Record<string, string>> = {
  logSoftmax: 'sub(x, logSumExp(x, axis, true))',
  LogSoftmax: 'sub(x, logSumExp(x, axis, true))',
  fusedConv2d: 'conv2d, then the bias and the activation',
  fusedDepthwiseConv2d: 'depthwiseConv2d, then the bias and the activation',
  fusedMatMul: 'matMul, then the bias and the activation',
  logSigmoid: 'neg(softplus(neg(x)))',
  softmaxCrossEntropy: 'sub(logSumExp(z, -1), sum(mul(z, targets), -1))',
};

/** A function's value at x, through which no derivative of any order flows. */
export function asConstant<T extends tf.Tensor>(x: tf.Tensor, f: (x: tf.Tensor) => T): T {
  return tf.tidy(provenScope('a constant'), () =>
    tf.customGrad((value) => ({ value: f(value as tf.Tensor), gradFunc: () => tf.zeros(x.shape) }))(x),
  ) as T;
}

/** One recorded computation. TensorFlow.js exports no type for it. */
interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
}

/** Kernels and custom gradients on the current tape through which values that depend on `sources` have gone. */
function reached(sources: readonly tf.Tensor[]): { kernels: Set<string>; custom: Set<string> } {
  const tape = (tf.engine().state.activeTape ?? []) as unknown as readonly TapeNode[];
  const dependent = new Set(sources.map(({ id }) => id));
  const kernels = new Set<string>();
  const custom = new Set<string>();
  for (const { kernelName, inputs, outputs } of tape) {
    if (!Object.values(inputs).some(({ id }) => dependent.has(id))) continue;
    for (const { id } of outputs) dependent.add(id);
    if (tf.getKernel(kernelName, tf.getBackend())) kernels.add(kernelName);
    // Recorded under the name of the scope around it. Copies that the engine makes for gradients call their input x.
    else if (!('x' in inputs)) custom.add(kernelName);
  }
  return { kernels, custom };
}

/** @throws UserError where a kernel without a proven second derivative lies on the way from `sources`. */
export function refuseUnproven(sources: readonly tf.Tensor[]): void {
  const { kernels, custom } = reached(sources);
  const unproven = [
    ...[...kernels].filter((name) => !twiceDifferentiable.has(name)),
    ...[...custom].filter((scope) => !isProvenScope(scope)).map(operationOf),
  ];
  if (unproven.length > 0) throw unprovenError(unproven);
}

function unprovenError(unproven: readonly string[]): UserError {
  const hints = unproven.filter((name) => instead[name]).map((name) => `${name} as ${instead[name]}`);
  return new UserError({
    severity: 'error',
    code: 'no-second-derivative',
    message: `second derivatives are not proven for ${unproven.join(', ')}`,
    hint: hints.length > 0 ? `write ${hints.join(' and ')}` : 'express it by other operations',
  });
}

/** TensorFlow.js' own operations run in scopes of their names: `logSoftmax__op`. */
function operationOf(scope: string): string {
  return scope.endsWith('__op') ? scope.slice(0, -'__op'.length) : 'a custom gradient';
}

/** For tests: the kernels that a Hessian-vector product goes through, proven or not. */
export function kernelsOfProduct(
  f: (...x: tf.Tensor[]) => tf.Scalar,
  x: readonly tf.Tensor[],
  v: readonly tf.Tensor[],
): string[] {
  let names: string[] = [];
  const { value, gradient, product } = nested(f, x, v, () => {
    names = [...reached(x).kernels];
  });
  tf.dispose([value, gradient, product]);
  return names;
}

/**
 * Value, gradient and Hessian-vector product of a scalar function at x in the direction v.
 * @param f composed of `tf` operations; it should depend on x, else the derivatives are zero.
 * @param v of the shapes of x.
 * @returns tensors that the caller disposes of, also inside a `tf.tidy`: `gradient` and `product` in the order of x.
 * @throws UserError where f uses an operation whose second derivative is not proven.
 */
export function hessianVectorProduct(
  f: (...x: tf.Tensor[]) => tf.Scalar,
  x: readonly tf.Tensor[],
  v: readonly tf.Tensor[],
): HessianVectorProduct {
  return nested(f, x, v, () => refuseUnproven(x));
}

export interface HessianVectorProduct {
  readonly value: tf.Scalar;
  readonly gradient: tf.Tensor[];
  readonly product: tf.Tensor[];
}

function nested(
  f: (...x: tf.Tensor[]) => tf.Scalar,
  x: readonly tf.Tensor[],
  v: readonly tf.Tensor[],
  recorded: () => void,
): HessianVectorProduct {
  const engine = tf.engine();
  try {
    return tf.tidy(() => {
      let value!: tf.Scalar;
      let gradient!: tf.Tensor[];
      const outer = (): tf.Tensor => {
        // Not tf.grads: it takes a parameter on which the result does not depend, or not twice, for a mistake.
        const inner = engine.gradients(() => f(...x), [...x], undefined, true);
        value = inner.value as tf.Scalar;
        gradient = x.map((one, i) => (inner.grads[i] as tf.Tensor | undefined) ?? tf.zerosLike(one));
        const slope = tf.addN(gradient.map((g, i) => tf.sum(tf.mul(g, v[i]!))));
        recorded();
        tf.keep(value);
        for (const g of gradient) tf.keep(g);
        return slope;
      };
      const { grads } = engine.gradients(outer, [...x], undefined, true);
      const product = x.map((one, i) => (grads[i] as tf.Tensor | undefined) ?? tf.zerosLike(one));
      return { value, gradient, product };
    });
  } catch (error) {
    // What the tape has saved is disposed of only when a differentiation ends well.
    const { state } = engine;
    if (state.gradientDepth === 0) {
      for (const { saved } of state.activeTape ?? []) tf.dispose(saved);
      state.activeTape = null as never;
    }
    throw withoutGradient(error) ?? error;
  }
}

/** TensorFlow.js finds out on the way that a kernel has no gradient at all, or that this engine does not have it. */
function withoutGradient(error: unknown): UserError | undefined {
  const message = error instanceof Error ? error.message : '';
  const rule = /gradient function not found for (\w+)/.exec(message)?.[1];
  if (rule !== undefined) return unprovenError([rule]);
  const [, kernel, engine] = /Kernel '(\w+)' not registered for backend '(\w+)'/.exec(message) ?? [];
  if (kernel === undefined) return undefined;
  return new UserError({
    severity: 'error',
    code: 'unsupported-by-engine',
    message: `the engine "${engine}" has no kernel ${kernel}, which this product with the Hessian needs`,
    hint: 'use another engine, or express it by other operations',
  });
}
