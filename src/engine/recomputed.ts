import type * as TensorFlow from '@tensorflow/tfjs-core';
import { exact } from './exact.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;

/**
 * f(inputs, constants) of which only these are kept for the gradient: what f computes on the way is computed once more
 * there (Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016). Same bits as f itself. For
 * deep networks, a block at a time: TensorFlow.js keeps every activation and every gradient of one until the end.
 * @param f composed of operations that can be differentiated; `again` says whether it is called for the gradient.
 * @param inputs all that a gradient is wanted by.
 * @param constants what f needs besides; nothing is differentiated by them.
 */
export function recomputed(
  tf: Tf,
  f: (inputs: readonly Tensor[], constants: readonly Tensor[], again: boolean) => Tensor,
  inputs: readonly Tensor[],
  constants: readonly Tensor[] = [],
): Tensor {
  const count = inputs.length;
  return exact<Tensor>(
    tf,
    (...given) => {
      const own = given.slice(0, count) as Tensor[];
      (given[count] as (tensors: Tensor[]) => void)([...own, ...constants]);
      return {
        value: tf.tidy(() => f(own, constants, false)),
        gradFunc: (dy: Tensor, saved: Tensor[]) => {
          const [x, fixed] = [saved.slice(0, count), saved.slice(count)];
          return gradients(tf, () => f(x, fixed, true), x, dy);
        },
      };
    },
    ...inputs,
  );
}

/** dy·∂f/∂x for each x, in the midst of another differentiation. */
function gradients(tf: Tf, f: () => Tensor, x: Tensor[], dy: Tensor): Tensor[] {
  const engine = tf.engine();
  // A differentiation that is over takes the tape with it; here another one still needs its own.
  const { activeTape } = engine.state;
  const outermost = engine.state.gradientDepth === 0;
  try {
    const { value, grads } = engine.gradients(f, x, dy, true);
    value.dispose();
    return x.map((one, i) => (grads[i] as Tensor | undefined) ?? tf.zerosLike(one));
  } finally {
    if (outermost) engine.state.activeTape = activeTape;
  }
}
