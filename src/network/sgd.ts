import { tf } from '../engine/tensorflow.ts';
import type { Optimiser, Slots } from './optimiser.ts';

/** Settings of stochastic gradient descent. */
export interface SgdSettings {
  readonly momentum: number;
  /** Of the gradient's share in the momentum buffer after the first step; 0 where none is said. */
  readonly dampening?: number;
  /** Added to the gradient as weightDecay·w: one for all parameters, or one each. */
  readonly weightDecay: number | readonly number[];
  readonly nesterov: boolean;
}

/**
 * Stochastic gradient descent as PyTorch's torch.optim.SGD defines it: g += wd·w; the buffer is g at the first step and
 * m·buffer + (1 - dampening)·g after it; the step is -lr·buffer, or -lr·(g + m·buffer) with Nesterov's momentum. The
 * learning rate is thus not part of the buffer.
 */
export class Sgd implements Optimiser {
  readonly settings: SgdSettings;
  #parameters: tf.Tensor[];
  #buffers: tf.Tensor[] | undefined;

  /** Takes over the tensors: read them through `parameters`, dispose of them through `dispose`. */
  constructor(settings: SgdSettings, parameters: tf.Tensor[], buffers?: tf.Tensor[]) {
    this.settings = settings;
    this.#parameters = parameters;
    this.#buffers = buffers;
  }

  get parameters(): readonly tf.Tensor[] {
    return this.#parameters;
  }

  /** The momentum buffers; undefined before the first step and where there is no momentum. */
  get buffers(): readonly tf.Tensor[] | undefined {
    return this.#buffers;
  }

  get slots(): Slots<readonly tf.Tensor[]> {
    return this.#buffers ? { momentum: this.#buffers } : {};
  }

  /** Takes tensors over instead of its own. */
  replace(parameters: tf.Tensor[], buffers?: tf.Tensor[]): void {
    this.dispose();
    this.#parameters = parameters;
    this.#buffers = buffers;
  }

  step(gradient: readonly tf.Tensor[], learningRate: number | tf.Scalar): void {
    const before = [this.#parameters, this.#buffers];
    const after = tf.tidy(() =>
      stepped(this.settings, this.#parameters, this.#buffers, gradient, learningRate),
    );
    this.#parameters = after.parameters;
    this.#buffers = after.buffers;
    tf.dispose(before.filter((list) => list !== undefined));
  }

  dispose(): void {
    tf.dispose(this.#parameters);
    if (this.#buffers) tf.dispose(this.#buffers);
    this.#parameters = [];
    this.#buffers = undefined;
  }
}

/**
 * Where a step of `Sgd` leads.
 * @param buffers undefined before the first step and where there is no momentum.
 */
export function stepped(
  { momentum, dampening = 0, weightDecay, nesterov }: SgdSettings,
  parameters: readonly tf.Tensor[],
  buffers: readonly tf.Tensor[] | undefined,
  gradient: readonly tf.Tensor[],
  learningRate: number | tf.Scalar,
): { parameters: tf.Tensor[]; buffers?: tf.Tensor[] } {
  const decays = typeof weightDecay === 'number' ? parameters.map(() => weightDecay) : weightDecay;
  const decayed = gradient.map((g, t) =>
    decays[t] === 0 ? tf.clone(g) : tf.add(g, tf.mul(parameters[t]!, decays[t]!)),
  );
  const damped = (g: tf.Tensor): tf.Tensor => (dampening === 0 ? g : tf.mul(g, 1 - dampening));
  const moving =
    momentum === 0
      ? undefined
      : decayed.map((g, t) => (buffers ? tf.add(tf.mul(buffers[t]!, momentum), damped(g)) : tf.clone(g)));
  const steps = !moving
    ? decayed
    : nesterov
      ? decayed.map((g, t) => tf.add(g, tf.mul(moving[t]!, momentum)))
      : moving;
  return {
    parameters: steps.map((step, t) => tf.sub(parameters[t]!, tf.mul(step, learningRate))),
    ...(moving ? { buffers: moving } : {}),
  };
}
