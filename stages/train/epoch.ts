import type { Dataset } from '../../src/dataset/dataset.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { batches, inOrder } from '../../src/network/examples.ts';
import {
  inputTensor,
  LossMeter,
  lossAndGradient,
  targetTensor,
  toTensors,
  toVector,
} from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { initialState, RunningStatistics } from '../../src/network/running-statistics.ts';
import { Sgd } from '../../src/network/sgd.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { Random } from '../../src/util/random.ts';
import { finite, type HistoryRow } from './history.ts';
import type { TrainParameters } from './parameters.ts';
import type { TrainingState } from './state.ts';

/** Examples a forward pass when losses are measured; decides no trajectory. */
const measureBatch = 512;

/** A training in progress: parameters and optimiser on the device, history on the host. */
export class Trainer {
  readonly #params: TrainParameters;
  readonly #network: Network;
  readonly #dataset: Dataset;
  readonly #form: ParameterVector;
  readonly #meters: { readonly train: LossMeter; readonly test: LossMeter };
  readonly #stateForm: ParameterVector;
  #optimiser: Sgd;
  #statistics: RunningStatistics;
  #history: HistoryRow[] = [];

  constructor(params: TrainParameters, network: Network, dataset: Dataset) {
    this.#params = params;
    this.#network = network;
    this.#dataset = dataset;
    this.#form = network.initialise(params.init, params.seed);
    this.#stateForm = initialState(network);
    this.#optimiser = new Sgd(this.#settings(), toTensors(this.#form));
    this.#statistics = new RunningStatistics(this.#stateForm);
    this.#meters = {
      train: new LossMeter(network, dataset.train, measureBatch),
      test: new LossMeter(network, dataset.test, measureBatch),
    };
  }

  /** Epochs trained; -1 before the initialisation was measured. */
  get epoch(): number {
    return this.#history.at(-1)?.epoch ?? -1;
  }

  #settings() {
    const { momentum, 'weight-decay': weightDecay, nesterov } = this.#params;
    return { momentum, weightDecay, nesterov };
  }

  /** The first row of the history. */
  async measureInitialisation(): Promise<void> {
    await this.#measure(0, null, null);
  }

  /** Continues as if the epochs up to the state's had just been trained. */
  goOnFrom(state: TrainingState): void {
    this.#optimiser.dispose();
    this.#optimiser = new Sgd(
      this.#settings(),
      toTensors(state.parameters),
      state.buffers ? toTensors(state.buffers) : undefined,
    );
    this.#statistics.dispose();
    this.#statistics = new RunningStatistics(state.statistics);
    this.#history = [...state.history];
  }

  /** One pass over the training images, then both losses. */
  async epochOfTraining(signal: AbortSignal): Promise<void> {
    const { seed, batch, shuffle } = this.#params;
    const { train } = this.#dataset;
    const epoch = this.epoch + 1;
    const order = shuffle
      ? new Random([seed, 'shuffle', epoch]).permutation(train.count)
      : inOrder(train.count);
    const learningRate = this.#learningRate(epoch);
    let sum = 0;
    for (const indices of batches(order, batch)) {
      signal.throwIfAborted();
      sum += indices.length * (await this.#step(indices, learningRate));
    }
    await this.#measure(epoch, learningRate, sum / train.count);
  }

  /** @returns the batch's mean loss before the step. */
  async #step(indices: Uint32Array, learningRate: number): Promise<number> {
    const inputs = inputTensor(this.#dataset.train, indices);
    const targets = targetTensor(this.#dataset.train, indices);
    const network = normalisedBy(this.#network, this.#statistics.training);
    const { loss, gradient } = lossAndGradient(network, this.#optimiser.parameters, inputs, targets);
    this.#optimiser.step(gradient, learningRate);
    const [value] = await loss.data();
    tf.dispose([inputs, targets, loss, gradient]);
    return value!;
  }

  /** Of the epoch that leads to `epoch`: constant, or the cosine schedule of SGDR without restarts. */
  #learningRate(epoch: number): number {
    const { 'learning-rate': rate, schedule, epochs } = this.#params;
    return schedule === 'constant' ? rate : (rate * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs))) / 2;
  }

  async #measure(epoch: number, learningRate: number | null, batchLoss: number | null): Promise<void> {
    const theta = await toVector(this.#optimiser.parameters, this.#form);
    const statistics = await toVector(this.#statistics.tensors, this.#stateForm);
    const train = await this.#meters.train.measure(theta, statistics);
    const test = await this.#meters.test.measure(theta, statistics);
    this.#history.push({
      epoch,
      'learning-rate': learningRate,
      'batch-loss': batchLoss === null ? null : finite(batchLoss),
      'train-loss': finite(train.loss),
      'train-accuracy': train.accuracy,
      'test-loss': finite(test.loss),
      'test-accuracy': test.accuracy,
    });
  }

  /** The last row in words, for the progress line. */
  note(): string {
    const last = this.#history.at(-1)!;
    const loss = last['train-loss'];
    return `loss ${loss === null ? 'not finite' : loss.toFixed(3)}, test accuracy ${(100 * last['test-accuracy']).toFixed(1)} %`;
  }

  async state(): Promise<TrainingState> {
    const { parameters, buffers } = this.#optimiser;
    return {
      epoch: this.epoch,
      parameters: await toVector(parameters, this.#form),
      statistics: await toVector(this.#statistics.tensors, this.#stateForm),
      buffers: buffers ? await toVector(buffers, this.#form) : null,
      history: this.#history,
    };
  }

  dispose(): void {
    this.#optimiser.dispose();
    this.#statistics.dispose();
    this.#meters.train.dispose();
    this.#meters.test.dispose();
  }
}
