import { tf } from '../engine/tensorflow.ts';
import type { Optimiser, Slots } from './optimiser.ts';

export interface AdamSettings {
  /** Of the running means of the gradient and of its square. */
  readonly betas: readonly [number, number];
  /** Added to the square root, outside of it. */
  readonly epsilon: number;
  /** One each parameter. */
  readonly weightDecay: readonly number[];
  /** AdamW: parameters shrink by lr·wd before the step, instead of wd·w being added to the gradient. */
  readonly decoupled: boolean;
}

/**
 * Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019) as PyTorch's torch.optim.Adam and AdamW define them.
 * With m ← β₁m + (1-β₁)g and v ← β₂v + (1-β₂)g², the step t is -lr/(1-β₁ᵗ)·m / (√v/√(1-β₂ᵗ) + ε).
 */
export class Adam implements Optimiser {
  readonly #settings: AdamSettings;
  #parameters: tf.Tensor[];
  #first: tf.Tensor[];
  #second: tf.Tensor[];
  #steps: number;

  /**
   * Takes over the tensors.
   * @param steps steps that made the moments; 0 without moments.
   */
  constructor(
    settings: AdamSettings,
    parameters: tf.Tensor[],
    steps = 0,
    moments?: readonly [tf.Tensor[], tf.Tensor[]],
  ) {
    this.#settings = settings;
    this.#parameters = parameters;
    this.#steps = steps;
    [this.#first, this.#second] = moments ?? [
      parameters.map((p) => tf.zerosLike(p)),
      parameters.map((p) => tf.zerosLike(p)),
    ];
  }

  get parameters(): readonly tf.Tensor[] {
    return this.#parameters;
  }

  get slots(): Slots<readonly tf.Tensor[]> {
    return this.#steps === 0 ? {} : { 'first-moment': this.#first, 'second-moment': this.#second };
  }

  step(gradient: readonly tf.Tensor[], learningRate: number): void {
    const { betas, epsilon, weightDecay, decoupled } = this.#settings;
    const [b1, b2] = betas;
    this.#steps++;
    const size = learningRate / (1 - b1 ** this.#steps);
    const root = Math.sqrt(1 - b2 ** this.#steps);
    const before = [this.#parameters, this.#first, this.#second];
    const after = tf.tidy(() => {
      const next = this.#parameters.map((w, t) => {
        const decay = weightDecay[t]!;
        const g = decoupled || decay === 0 ? gradient[t]! : tf.add(gradient[t]!, tf.mul(w, decay));
        const first = tf.add(tf.mul(this.#first[t]!, b1), tf.mul(g, 1 - b1));
        const second = tf.add(tf.mul(this.#second[t]!, b2), tf.mul(tf.square(g), 1 - b2));
        const step = tf.div(first, tf.add(tf.div(tf.sqrt(second), root), epsilon));
        const shrunk = decoupled && decay !== 0 ? tf.mul(w, 1 - learningRate * decay) : w;
        return { parameter: tf.sub(shrunk, tf.mul(step, size)), first, second };
      });
      return {
        parameters: next.map(({ parameter }) => parameter),
        first: next.map(({ first }) => first),
        second: next.map(({ second }) => second),
      };
    });
    this.#parameters = after.parameters;
    this.#first = after.first;
    this.#second = after.second;
    tf.dispose(before);
  }

  dispose(): void {
    tf.dispose([this.#parameters, this.#first, this.#second]);
    this.#parameters = this.#first = this.#second = [];
  }
}
