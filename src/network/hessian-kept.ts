import { tf } from '../engine/tensorflow.ts';
import type { BatchCurvature } from './batch-curvature.ts';
import { refuseUnproven } from './second-order.ts';

/** What is used of TensorFlow.js' differentiation; its types hide a part of it. */
interface Differentiation {
  readonly state: { activeTape: TapeNode[] | null; gradientDepth: number };
  startTape(): void;
  endTape(): void;
}
interface TapeNode {
  readonly saved?: readonly tf.Tensor[];
}

/**
 * Hessian-vector products of a scalar function at x, with the function and its gradient computed once: their tape stays,
 * and each product only differentiates ∇f·v along it. That saves a third of the work of a convolutional network; what
 * the tape holds on to is `bytes`.
 * @param f as in `hessianVectorProduct`. @param x stays the caller's and must outlive the result.
 * @throws UserError where f uses an operation whose second derivative is not proven.
 */
export function keptCurvature(f: (...x: tf.Tensor[]) => tf.Scalar, x: readonly tf.Tensor[]): BatchCurvature {
  const engine = tf.engine();
  const inside = engine as unknown as Differentiation;
  const { state } = inside;
  const before = tf.memory().numBytes;
  let tape: TapeNode[] = [];
  let gradient: tf.Tensor[] = [];
  inside.startTape();
  try {
    gradient = tf.tidy(() => {
      const { value, grads } = engine.gradients(() => f(...x), [...x], undefined, true);
      value.dispose();
      const all = x.map((one, i) => (grads[i] as tf.Tensor | undefined) ?? tf.zerosLike(one));
      refuseUnproven(x);
      return all.map((g) => tf.keep(g));
    });
  } catch (error) {
    forget(state.activeTape ?? []);
    throw error;
  } finally {
    tape = state.activeTape ?? [];
    inside.endTape();
    state.activeTape = null;
  }
  return {
    bytes: tf.memory().numBytes - before,
    product(v) {
      let added: TapeNode[] = [];
      // As in the midst of an outer differentiation, whose tape this is.
      state.activeTape = [...tape];
      state.gradientDepth = 1;
      try {
        // The way back begins with its last step. From there on nothing needs to be recorded.
        const turn = tf.customGrad((slope) => ({
          value: tf.clone(slope as tf.Tensor),
          gradFunc: (dy: tf.Tensor) => {
            added = (state.activeTape ?? []).slice(tape.length);
            state.activeTape = [];
            state.gradientDepth = 0;
            return tf.clone(dy);
          },
        }));
        const { grads } = engine.gradients(
          () => turn(tf.addN(gradient.map((g, i) => tf.sum(tf.mul(g, v[i]!))))),
          [...x],
          undefined,
          true,
        );
        return x.map((one, i) => (grads[i] as tf.Tensor | undefined) ?? tf.zerosLike(one));
      } finally {
        forget(added);
        state.activeTape = null;
        state.gradientDepth = 0;
      }
    },
    dispose() {
      forget(tape);
      tf.dispose(gradient);
    },
  };
}

function forget(nodes: readonly TapeNode[]): void {
  for (const { saved } of nodes) if (saved) tf.dispose([...saved]);
}
