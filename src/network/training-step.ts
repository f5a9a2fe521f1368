import { type Compiled, compile } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import { normalisedBy } from './batch-norm.ts';
import { lossAndGradient } from './loss.ts';
import type { Network } from './network.ts';
import { type Clip, clipped } from './optimiser.ts';
import { RunningStatistics } from './running-statistics.ts';
import { Sgd, type SgdSettings } from './sgd.ts';

/**
 * One step of stochastic gradient descent as one program, for engines that compile: loss, gradient, the running
 * statistics of batch norm and the update, recorded once for each size of a batch.
 */
export class TrainingStep {
  readonly #program: Compiled;

  /** @param frugal as in `BatchNormMode`. */
  constructor(network: Network, settings: SgdSettings, clip: Clip | null, frugal: boolean) {
    const [parameters, statistics] = [network.parameters.length, network.state.length];
    this.#program = compile((inputs, targets, rate, ...state) => {
      const buffers = state.slice(parameters + statistics);
      const optimiser = new Sgd(
        settings,
        state.slice(0, parameters),
        buffers.length > 0 ? buffers : undefined,
      );
      const running = RunningStatistics.of(state.slice(parameters, parameters + statistics), network.newest);
      const { loss, gradient } = lossAndGradient(
        normalisedBy(network, running.training(frugal)),
        optimiser.parameters,
        inputs as tf.Tensor2D,
        targets as tf.Tensor2D,
      );
      optimiser.step(clip ? clipped(gradient, clip) : gradient, rate as tf.Scalar);
      return [loss, ...optimiser.parameters, ...running.tensors, ...(optimiser.buffers ?? [])];
    });
  }

  /** Takes the step with the optimiser's and the statistics' tensors. @returns the loss before it; the caller disposes. */
  take(
    optimiser: Sgd,
    running: RunningStatistics,
    inputs: tf.Tensor2D,
    targets: tf.Tensor2D,
    learningRate: number,
  ): tf.Scalar {
    const { parameters, settings } = optimiser;
    // An undamped buffer begins as the gradient: zeros do the same, and the first step's program is the others'.
    const started = settings.momentum !== 0 && !settings.dampening;
    const fresh = started && !optimiser.buffers ? parameters.map((p) => tf.zerosLike(p)) : [];
    const rate = tf.scalar(learningRate);
    const state = [...parameters, ...running.tensors, ...(optimiser.buffers ?? fresh)];
    const [loss, ...next] = this.#program.call(inputs, targets, rate, ...state);
    tf.dispose([rate, ...fresh]);
    const statistics = next.splice(parameters.length, running.tensors.length);
    running.replace(statistics);
    const moved = next.splice(0, parameters.length);
    optimiser.replace(moved, next.length > 0 ? next : undefined);
    return loss as tf.Scalar;
  }

  dispose(): void {
    this.#program.dispose();
  }
}
