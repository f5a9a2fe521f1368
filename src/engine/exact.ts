import type * as TensorFlow from '@tensorflow/tfjs-core';
import { provenScope } from './proven-scope.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;
type CustomGradient = Parameters<Tf['customGrad']>[0];

/**
 * Applies a function with a custom gradient that may be differentiated again (see `proven-scope.ts`). What it saves of its
 * output may enter the gradient through `step` alone, which is constant.
 */
export function exact<Result extends Tensor = TensorFlow.Tensor4D>(
  tf: Tf,
  f: CustomGradient,
  ...inputs: Tensor[]
): Result {
  // What a gradient function leaves behind would live until the whole gradient is done.
  const tidied: CustomGradient = (...given) => {
    const { value, gradFunc } = f(...given);
    return { value, gradFunc: (dy, saved) => tf.tidy(() => gradFunc(dy, saved)) };
  };
  return tf.tidy(provenScope('feature maps'), () => tf.customGrad(tidied)(...inputs)) as Result;
}

/** A function that is linear in each of two tensors, with its two derivatives. */
export function bilinear(
  tf: Tf,
  inputs: readonly [Tensor, Tensor],
  value: (a: Tensor, b: Tensor) => Tensor,
  derivatives: (dy: Tensor, a: Tensor, b: Tensor) => Tensor[],
): TensorFlow.Tensor4D {
  return exact(
    tf,
    (...given) => {
      const [a, b] = given as [Tensor, Tensor];
      (given[2] as (tensors: Tensor[]) => void)([a, b]);
      return {
        value: value(a, b),
        gradFunc: (dy: Tensor, saved: Tensor[]) => derivatives(dy, saved[0]!, saved[1]!),
      };
    },
    ...inputs,
  );
}
