import { UserError } from '../diagnostics/diagnostic.ts';
import { tf } from '../engine/tensorflow.ts';
import { toTensors } from './loss.ts';
import type { BatchNormMode, Moments, Network } from './network.ts';
import { type ParameterVector, sizeOf } from './tensors.ts';

/** Weight of the newest batch where a network does not say it: PyTorch's default momentum. */
const defaultNewest = 0.1;

/** Mean 0 and variance 1 for each of a network's batch norms. */
export function initialState(network: Network): ParameterVector {
  return network.state.map(({ name, shape }, s) => ({
    name,
    shape,
    values: new Float32Array(sizeOf(shape)).fill(s % 2),
  }));
}

/**
 * Running statistics during a training, on the device: after each batch 0.9 of the old and 0.1 of the batch's mean and
 * unbiased variance, as in PyTorch, or with the network's own weights.
 */
export class RunningStatistics {
  #tensors: tf.Tensor[];
  readonly #newest: readonly (number | undefined)[];

  /** @param newest see `Network.newest`. */
  constructor(state: ParameterVector, newest: Network['newest'] = []) {
    this.#tensors = toTensors(state);
    this.#newest = newest;
  }

  /** Takes tensors over, in the order of `Network.state`. */
  static of(tensors: tf.Tensor[], newest: Network['newest'] = []): RunningStatistics {
    const running = new RunningStatistics([], newest);
    running.#tensors = tensors;
    return running;
  }

  /** Takes tensors over instead of its own. */
  replace(tensors: tf.Tensor[]): void {
    this.dispose();
    this.#tensors = tensors;
  }

  /** In the order of `Network.state`; they change with the next batch. */
  get tensors(): readonly tf.Tensor[] {
    return this.#tensors;
  }

  /** Training mode that takes note of each batch. */
  training(frugal = false): BatchNormMode {
    return { statistics: 'batch', observe: (layer, moments) => this.#observe(layer, moments), frugal };
  }

  #observe(layer: number, { mean, variance, count }: Moments): void {
    if (count < 2) throw singleValue();
    const [m, v] = [2 * layer, 2 * layer + 1];
    const share = this.#newest[layer] ?? defaultNewest;
    const next = tf.tidy(() => [
      tf.add(tf.mul(this.#tensors[m]!, 1 - share), tf.mul(mean, share)),
      tf.add(tf.mul(this.#tensors[v]!, 1 - share), tf.mul(variance, (share * count) / (count - 1))),
    ]);
    tf.dispose([mean, variance, this.#tensors[m]!, this.#tensors[v]!]);
    for (const [i, tensor] of next.entries()) this.#tensors[m + i] = tf.keep(tensor);
  }

  dispose(): void {
    tf.dispose(this.#tensors);
  }
}

/** Where a batch of one small image reaches a batch norm. */
export function singleValue(): UserError {
  return new UserError({
    severity: 'error',
    code: 'too-few-examples',
    message: 'a batch gives a batch norm a single value a channel, which has no variance',
    hint: 'choose a batch size that leaves no single example over',
  });
}
