import { type Compiled, compile, type Numbers } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import { KernelMemory } from '../kernels/kernels.ts';
import { normalisedBy } from './batch-norm.ts';
import { lossAndGradient } from './loss.ts';
import type { Network } from './network.ts';
import { type Clip, clipped } from './optimiser.ts';
import { RunningStatistics } from './running-statistics.ts';
import type { Sgd, SgdSettings } from './sgd.ts';
import { sizeOf } from './tensors.ts';

/** A parameter's numbers in the kernels' memory. */
interface Place {
  readonly shape: readonly number[];
  readonly size: number;
  readonly decay: number;
  readonly w: number;
  /** Of the momentum; 0 without. */
  readonly buffer: number;
  readonly gradient: number;
}

/**
 * Steps of stochastic gradient descent for engines that compile: loss, gradient and the running statistics of batch norm
 * are one program, recorded once for each size of a batch, and the update is one pass of a kernel over numbers that stay
 * where they are. Between steps the optimiser's and the statistics' tensors are old: `settle` makes them new.
 */
export class TrainingStep {
  readonly #settings: SgdSettings;
  readonly #program: Compiled;
  readonly #memory = new KernelMemory();
  readonly #places: readonly Place[];
  readonly #weights: readonly Numbers[];
  readonly #gradient: readonly Float32Array[];
  /** Running statistics, and where the next ones go. */
  #statistics: readonly [readonly Numbers[], readonly Numbers[]];
  /** Whether all is here, not in the tensors. */
  #loaded = false;
  /** Whether the momentum has begun. */
  #moving = false;

  /** @param frugal as in `BatchNormMode`. */
  constructor(network: Network, settings: SgdSettings, clip: Clip | null, frugal: boolean) {
    this.#settings = settings;
    const parameters = network.parameters.length;
    this.#program = compile((inputs, targets, ...given) => {
      const running = RunningStatistics.of(given.slice(parameters), network.newest);
      const { loss, gradient } = lossAndGradient(
        normalisedBy(network, running.training(frugal)),
        given.slice(0, parameters),
        inputs as tf.Tensor2D,
        targets as tf.Tensor2D,
      );
      return [loss, ...(clip ? clipped(gradient, clip) : gradient), ...running.tensors];
    });
    const { momentum, weightDecay } = settings;
    this.#places = network.parameters.map(({ shape }, p): Place => {
      const size = sizeOf(shape);
      const room = (): number => this.#memory.allocate(4 * size);
      return {
        shape,
        size,
        decay: typeof weightDecay === 'number' ? weightDecay : weightDecay[p]!,
        w: room(),
        buffer: momentum === 0 ? 0 : room(),
        gradient: room(),
      };
    });
    this.#weights = this.#places.map(({ w, size, shape }) => ({
      values: this.#memory.float32(w, size),
      shape,
    }));
    this.#gradient = this.#places.map(({ gradient, size }) => this.#memory.float32(gradient, size));
    const empty = (): Numbers[] =>
      network.state.map(({ shape }) => ({ values: new Float32Array(sizeOf(shape)), shape }));
    this.#statistics = [empty(), empty()];
  }

  /**
   * Takes a step from where the last one led, or from the tensors.
   * @param inputs [n, features]. @param targets one-hot [n, classes]. Both are free for other use afterwards.
   * @returns the loss before it.
   */
  async take(
    optimiser: Sgd,
    running: RunningStatistics,
    inputs: Numbers,
    targets: Numbers,
    learningRate: number,
  ): Promise<number> {
    if (!this.#loaded) await this.#load(optimiser, running);
    const [now, next] = this.#statistics;
    const loss = new Float32Array(1);
    await this.#program.compute(
      [inputs, targets, ...this.#weights, ...now],
      [loss, ...this.#gradient, ...next.map(({ values }) => values)],
    );
    this.#statistics = [next, now];
    const { momentum, dampening = 0, nesterov } = this.#settings;
    // An undamped buffer begins as the gradient: zeros do the same.
    const fresh = !this.#moving && dampening !== 0;
    for (const { w, buffer, gradient, size, decay } of this.#places)
      this.#memory.run.descend(
        w,
        buffer,
        gradient,
        size,
        learningRate,
        momentum,
        1 - dampening,
        decay,
        nesterov ? 1 : 0,
        fresh ? 1 : 0,
      );
    this.#moving = true;
    return loss[0]!;
  }

  /** Writes what the steps led to into the tensors; the next step begins from them. */
  settle(optimiser: Sgd, running: RunningStatistics): void {
    if (!this.#loaded) return;
    this.#loaded = false;
    const tensor = ({ values, shape }: Numbers): tf.Tensor => tf.tensor(values, [...shape]);
    const buffers = this.#places
      .filter(({ buffer }) => buffer !== 0)
      .map(({ buffer, size, shape }) => tensor({ values: this.#memory.float32(buffer, size), shape }));
    optimiser.replace(this.#weights.map(tensor), buffers.length > 0 ? buffers : undefined);
    running.replace(this.#statistics[0].map(tensor));
  }

  async #load(optimiser: Sgd, running: RunningStatistics): Promise<void> {
    const read = async (from: tf.Tensor, to: Float32Array): Promise<void> =>
      to.set((await from.data()) as Float32Array);
    for (const [p, { values }] of this.#weights.entries()) await read(optimiser.parameters[p]!, values);
    this.#moving = optimiser.buffers !== undefined;
    for (const [p, { buffer, size }] of this.#places.entries()) {
      if (buffer === 0) continue;
      const values = this.#memory.float32(buffer, size);
      if (optimiser.buffers) await read(optimiser.buffers[p]!, values);
      else values.fill(0);
    }
    for (const [s, { values }] of this.#statistics[0].entries()) await read(running.tensors[s]!, values);
    this.#loaded = true;
  }

  dispose(): void {
    this.#program.dispose();
  }
}
