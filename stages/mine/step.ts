import { type Compiled, compile, type Numbers } from '../../src/engine/compile.ts';
import type { tf } from '../../src/engine/tensorflow.ts';
import { type SgdSettings, stepped } from '../../src/network/sgd.ts';
import { mapVector, type ParameterVector } from '../../src/network/tensors.ts';

/** One step's view of the data. */
export interface Batch {
  readonly inputs: tf.Tensor2D;
  /** One-hot. */
  readonly targets: tf.Tensor2D;
  /** What the objective makes of the step's random number. */
  readonly factors: readonly tf.Scalar[];
}

/** What is minimised. */
export interface Objective {
  /** Where it starts; also the form. */
  readonly start: ParameterVector;
  /** Batch gradients that one step computes. */
  readonly gradientsPerStep: number;
  /** Names of the losses, for the history. */
  readonly losses: readonly string[];
  /**
   * Numbers that differ from step to step.
   * @param epoch from 1. @param unit uniform in (-1, 1).
   */
  factors(epoch: number, unit: number): readonly number[];
  /** The step's gradient, and its losses in the order of their names. Pure: it is compiled, and called inside a tidy. */
  step(
    point: readonly tf.Tensor[],
    batch: Batch,
  ): { readonly gradient: readonly tf.Tensor[]; readonly losses: readonly tf.Scalar[] };
}

/** Where a descent is. */
export interface Position {
  readonly point: ParameterVector;
  /** The momentum; empty where there is none. */
  readonly buffers: ParameterVector;
}

/** Steps of stochastic gradient descent along an objective's gradients, each one program. */
export class DescentStep {
  readonly #objective: Objective;
  readonly #program: Compiled;
  /** The point and the momentum; numbers of the step before lie in `#next`, and the next ones go there. */
  #now: readonly Numbers[];
  #next: readonly Numbers[];

  /** @param at where it starts; without it, at the objective's start. */
  constructor(objective: Objective, momentum: number, at?: Position) {
    this.#objective = objective;
    const settings: SgdSettings = { momentum, weightDecay: 0, nesterov: false };
    const count = objective.start.length;
    const others = objective.factors(1, 0).length;
    this.#program = compile((inputs, targets, rate, ...given) => {
      const factors = given.slice(0, others) as tf.Scalar[];
      const point = given.slice(others, others + count);
      const buffers = given.slice(others + count);
      const batch = { inputs: inputs as tf.Tensor2D, targets: targets as tf.Tensor2D, factors };
      const { gradient, losses } = objective.step(point, batch);
      const moving = momentum === 0 ? undefined : buffers;
      const after = stepped(settings, point, moving, gradient, rate as tf.Scalar);
      return [...losses, ...after.parameters, ...(after.buffers ?? [])];
    });
    // Momentum begins as the first gradient: zeros do the same.
    const zeros = momentum === 0 ? [] : mapVector(objective.start, () => 0);
    const { point, buffers } = at ?? { point: objective.start, buffers: zeros };
    this.#now = [...point, ...buffers].map(({ values, shape }) => ({ values: values.slice(), shape }));
    this.#next = this.#now.map(({ values, shape }) => ({ values: new Float32Array(values.length), shape }));
  }

  /**
   * @param inputs [n, features]. @param targets one-hot [n, classes].
   * @param epoch from 1. @param unit uniform in (-1, 1).
   * @returns the batch's losses before the step.
   */
  async take(
    inputs: Numbers,
    targets: Numbers,
    epoch: number,
    unit: number,
    learningRate: number,
  ): Promise<number[]> {
    const factors = this.#objective.factors(epoch, unit);
    const losses = this.#objective.losses.map(() => new Float32Array(1));
    await this.#program.compute(
      [inputs, targets, scalar(learningRate), ...factors.map(scalar), ...this.#now],
      [...losses, ...this.#next.map(({ values }) => values)],
    );
    [this.#now, this.#next] = [this.#next, this.#now];
    return losses.map(([loss]) => loss!);
  }

  /** A copy of where it is. */
  get position(): Position {
    const { start } = this.#objective;
    const vector = (numbers: readonly Numbers[]): ParameterVector =>
      numbers.map(({ values }, p) => ({ ...start[p]!, values: values.slice() }));
    return {
      point: vector(this.#now.slice(0, start.length)),
      buffers: vector(this.#now.slice(start.length)),
    };
  }

  dispose(): void {
    this.#program.dispose();
  }
}

function scalar(value: number): Numbers {
  return { values: Float32Array.of(value), shape: [] };
}
