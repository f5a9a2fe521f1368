import { tf } from '../engine/tensorflow.ts';

/** Settings of stochastic gradient descent. */
export interface SgdSettings {
  readonly momentum: number;
  /** Added to the gradient as weightDecay·w, for all parameters, biases included. */
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

/**
 * Stochastic gradient descent as PyTorch's torch.optim.SGD defines it (dampening 0): g += wd·w; the buffer is g at
 * the first step and m·buffer + g after it; the step is -lr·buffer, or -lr·(g + m·buffer) with Nesterov's momentum.
 * The learning rate is thus not part of the buffer.
 */
export class Sgd {
  readonly #settings: SgdSettings;
  #parameters: tf.Tensor[];
  #buffers: tf.Tensor[] | undefined;

  /** Takes over the tensors: read them through `parameters`, dispose of them through `dispose`. */
  constructor(settings: SgdSettings, parameters: tf.Tensor[], buffers?: tf.Tensor[]) {
    this.#settings = settings;
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

  /** One step. The gradient stays the caller's. */
  step(gradient: readonly tf.Tensor[], learningRate: number): void {
    const { momentum, weightDecay, nesterov } = this.#settings;
    const before = [this.#parameters, this.#buffers];
    const after = tf.tidy(() => {
      const decayed = gradient.map((g, t) =>
        weightDecay === 0 ? tf.clone(g) : tf.add(g, tf.mul(this.#parameters[t]!, weightDecay)),
      );
      const buffers =
        momentum === 0
          ? undefined
          : decayed.map((g, t) =>
              this.#buffers ? tf.add(tf.mul(this.#buffers[t]!, momentum), g) : tf.clone(g),
            );
      const steps = !buffers
        ? decayed
        : nesterov
          ? decayed.map((g, t) => tf.add(g, tf.mul(buffers[t]!, momentum)))
          : buffers;
      const parameters = steps.map((step, t) => tf.sub(this.#parameters[t]!, tf.mul(step, learningRate)));
      return { parameters, ...(buffers ? { buffers } : {}) };
    });
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
