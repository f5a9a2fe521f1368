import type { Dataset } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { compiles } from '../../src/engine/compile.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Augmentation, type PlaneShape, squareShape } from '../../src/network/augmentation.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { batches, type Examples, inOrder } from '../../src/network/examples.ts';
import type { Beginning } from '../../src/network/fine-tuning.ts';
import { learningRateAt } from '../../src/network/learning-rate.ts';
import {
  inputTensor,
  LossMeter,
  lossAndGradient,
  oneHot,
  targetTensor,
  toVector,
} from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import { clipped, decayOf, type Optimiser } from '../../src/network/optimiser.ts';
import { RunningStatistics } from '../../src/network/running-statistics.ts';
import { Sgd } from '../../src/network/sgd.ts';
import { startOptimiser } from '../../src/network/start-optimiser.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { TrainingStep } from '../../src/network/training-step.ts';
import { Random } from '../../src/util/random.ts';
import { finite, type HistoryRow } from './history.ts';
import { mustBeFrugal } from './memory.ts';
import type { TrainSettings } from './settings.ts';
import type { TrainingState } from './state.ts';

/** Examples a forward pass when losses are measured, fewer where they are large; decides no trajectory. */
const measureBatch = 512;
const measureFeatures = 2 ** 21;

/** A data set; the shape of its images is null where they are none. */
type TrainingData = Dataset & { readonly shape?: PlaneShape | null };

/** The order and the inputs of the epoch that is under way. */
interface Epoch {
  readonly number: number;
  readonly batches: readonly Uint32Array[];
  readonly examples: Examples;
}

/** A training in progress: parameters and optimiser on the device, history on the host. */
export class Trainer {
  readonly #settings: TrainSettings;
  readonly #memory: number;
  readonly #network: Network;
  readonly #train: Examples;
  readonly #form: Beginning;
  readonly #decay: readonly number[];
  readonly #augmentation: Augmentation | undefined;
  readonly #meters: { readonly train: LossMeter; readonly test: LossMeter | undefined };
  #optimiser: Optimiser;
  #program: TrainingStep | undefined;
  /** Room for the inputs and the targets of a batch. */
  #buffers: { readonly inputs: Float32Array; readonly targets: Float32Array } | undefined;
  #statistics: RunningStatistics;
  #history: HistoryRow[] = [];
  #step = -1;
  #lossSum = 0;
  #epoch: Epoch | undefined;
  #frugal: boolean | undefined;

  /**
   * @param memory bytes that a gradient may take; 0: what the engine and the machine have.
   * @throws UserError where settings do not fit the network or the data.
   */
  constructor(
    settings: TrainSettings,
    network: Network,
    dataset: TrainingData,
    beginning: Beginning,
    memory = 0,
  ) {
    this.#settings = settings;
    this.#memory = memory;
    this.#network = network;
    this.#train = dataset.train;
    this.#form = beginning;
    this.#decay = decayOf(network.parameters, settings.weightDecay, settings.decayed);
    if (settings.microBatch < settings.batch && network.state.length > 0) throw normOfParts();
    if (settings.augmentation)
      this.#augmentation = new Augmentation(
        settings.augmentation,
        dataset.train,
        settings.seed,
        dataset.identity,
        dataset.shape === undefined
          ? squareShape(dataset.train.features, dataset.identity.mean.length)
          : dataset.shape,
      );
    const test = testOf(dataset);
    const { step, slots } = beginning.optimiser ?? { step: 0, slots: {} };
    this.#optimiser = startOptimiser(settings.optimiser, this.#decay, beginning.parameters, step, slots);
    this.#statistics = new RunningStatistics(beginning.statistics, network.newest);
    this.#meters = {
      train: meterOf(network, dataset.train),
      test: test && meterOf(network, test),
    };
  }

  /** Steps of the optimiser; -1 before the beginning was measured. */
  get step(): number {
    return this.#step;
  }

  get stepsPerEpoch(): number {
    return stepsOf(this.#train.count, this.#settings.batch);
  }

  /** Of a number of steps, as a message says it. */
  #at(step: number): string {
    return `in epoch ${Math.floor(step / this.stepsPerEpoch) + 1}, at step ${step + 1}`;
  }

  /** The first row of the history. */
  async measureBeginning(): Promise<void> {
    const step = this.#form.optimiser?.step ?? 0;
    await this.#record(step / this.stepsPerEpoch, null, null);
    // Of an epoch that is under way, the first batches' losses are not known.
    this.#lossSum = step % this.stepsPerEpoch === 0 ? 0 : Number.NaN;
    this.#step = step;
  }

  /** Continues as if the steps up to the state's had just been taken. */
  goOnFrom({ step, parameters, statistics, slots, history, lossSum }: TrainingState): void {
    this.#settle();
    this.#optimiser.dispose();
    this.#optimiser = startOptimiser(this.#settings.optimiser, this.#decay, parameters, step, slots);
    this.#statistics.dispose();
    this.#statistics = new RunningStatistics(statistics, this.#network.newest);
    this.#history = [...history];
    this.#lossSum = lossSum;
    this.#step = step;
  }

  /**
   * Takes steps up to a number of them; after the last of an epoch the losses are measured.
   * @throws UserError where a loss is not finite.
   */
  async advance(to: number, signal: AbortSignal): Promise<void> {
    const perEpoch = this.stepsPerEpoch;
    while (this.#step < to) {
      signal.throwIfAborted();
      const epoch = this.#epochOf(Math.floor(this.#step / perEpoch) + 1);
      const { by } = this.#settings.schedule;
      const rate = learningRateAt(
        this.#settings.schedule,
        this.#settings.learningRate,
        by === 'step' ? this.#step : epoch.number - 1,
      );
      const indices = epoch.batches[this.#step % perEpoch]!;
      const loss = await this.#descend(epoch.examples, indices, rate);
      if (!Number.isFinite(loss)) throw diverged(`the loss of a batch is ${loss} ${this.#at(this.#step)}`);
      this.#lossSum += indices.length * loss;
      this.#step++;
      if (this.#step % perEpoch !== 0) continue;
      await this.#record(epoch.number, rate, this.#lossSum / this.#train.count);
      this.#lossSum = 0;
    }
  }

  #epochOf(number: number): Epoch {
    if (this.#epoch?.number === number) return this.#epoch;
    const { seed, shuffle, batch } = this.#settings;
    const { count } = this.#train;
    const order = shuffle ? new Random([seed, 'shuffle', number]).permutation(count) : inOrder(count);
    const inputs = this.#augmentation?.epoch(number);
    const examples = inputs ? { ...this.#train, inputs } : this.#train;
    this.#epoch = { number, batches: batches(order, batch), examples };
    return this.#epoch;
  }

  /** @returns the batch's mean loss before the step. */
  async #descend(examples: Examples, indices: Uint32Array, learningRate: number): Promise<number> {
    const frugal = (this.#frugal ??= await this.#mustBeFrugal(examples));
    const network = normalisedBy(this.#network, this.#statistics.training(frugal));
    const parts = batches(indices, this.#settings.microBatch);
    if (parts.length === 1 && compiles() && this.#optimiser instanceof Sgd)
      return this.#descendCompiled(this.#optimiser, examples, indices, learningRate, frugal);
    this.#settle();
    let gradient: tf.Tensor[] | undefined;
    let value = 0;
    for (const part of parts) {
      const inputs = inputTensor(examples, part);
      const targets = targetTensor(examples, part);
      const own = lossAndGradient(network, this.#optimiser.parameters, inputs, targets);
      const share = part.length / indices.length;
      gradient = parts.length === 1 ? own.gradient : added(gradient, own.gradient, share);
      value += share * (await own.loss.data())[0]!;
      tf.dispose([inputs, targets, own.loss]);
    }
    const { clip } = this.#settings;
    const cut = clip ? clipped(gradient!, clip) : gradient!;
    this.#optimiser.step(cut, learningRate);
    tf.dispose(cut);
    return value;
  }

  /** The same as one program. */
  async #descendCompiled(
    optimiser: Sgd,
    examples: Examples,
    indices: Uint32Array,
    learningRate: number,
    frugal: boolean,
  ): Promise<number> {
    this.#program ??= new TrainingStep(this.#network, optimiser.settings, this.#settings.clip, frugal);
    const { features, classes } = examples;
    const most = Math.min(this.#settings.batch, this.#train.count);
    this.#buffers ??= {
      inputs: new Float32Array(most * features),
      targets: new Float32Array(most * classes),
    };
    const room = this.#buffers.inputs.subarray(0, indices.length * features);
    const inputs = { values: examples.inputs(indices, room), shape: [indices.length, features] };
    const targets = {
      values: oneHot(examples, indices, this.#buffers.targets.subarray(0, indices.length * classes)),
      shape: [indices.length, classes],
    };
    return this.#program.take(optimiser, this.#statistics, inputs, targets, learningRate);
  }

  /** Brings the optimiser's and the statistics' tensors up to the steps of the program. */
  #settle(): void {
    if (this.#optimiser instanceof Sgd) this.#program?.settle(this.#optimiser, this.#statistics);
  }

  /** Looked at once: a gradient's memory depends on the batch's size alone. */
  async #mustBeFrugal(examples: Examples): Promise<boolean> {
    const batch = Math.min(this.#settings.microBatch, examples.count);
    // Of a single image, or of one that could not be tried first, there is nothing to conclude from.
    if (batch < 2) return false;
    return mustBeFrugal(this.#network, this.#optimiser.parameters, examples, batch, this.#memory);
  }

  async #record(epoch: number, learningRate: number | null, batchLoss: number | null): Promise<void> {
    const measured = epoch % this.#settings.measureEvery === 0 ? await this.#measure() : undefined;
    if (epoch > 0 && measured && !Number.isFinite(measured.train.loss))
      throw diverged(`the loss over all training images is ${measured.train.loss} after epoch ${epoch}`);
    this.#history.push({
      epoch,
      'learning-rate': learningRate,
      'batch-loss': batchLoss === null ? null : finite(batchLoss),
      'train-loss': measured ? finite(measured.train.loss) : null,
      'train-accuracy': measured ? measured.train.accuracy : null,
      'test-loss': measured?.test ? finite(measured.test.loss) : null,
      'test-accuracy': measured?.test ? measured.test.accuracy : null,
    });
  }

  async #measure() {
    this.#settle();
    const theta = await toVector(this.#optimiser.parameters, this.#form.parameters);
    const statistics = await toVector(this.#statistics.tensors, this.#form.statistics);
    const train = await this.#meters.train.measure(theta, statistics);
    return { train, test: await this.#meters.test?.measure(theta, statistics) };
  }

  /** The last row in words, for the progress line. */
  note(): string {
    const last = this.#history.at(-1)!;
    const loss = last['train-loss'] ?? last['batch-loss'];
    const accuracy = last['test-accuracy'];
    return [
      loss === null ? '' : `loss ${loss.toFixed(3)}`,
      accuracy === null ? '' : `test accuracy ${(100 * accuracy).toFixed(1)} %`,
    ]
      .filter((part) => part !== '')
      .join(', ');
  }

  async state(): Promise<TrainingState> {
    this.#settle();
    const { parameters, slots } = this.#optimiser;
    const read: Record<string, ParameterVector> = {};
    for (const [name, tensors] of Object.entries(slots))
      read[name] = await toVector(tensors, this.#form.parameters);
    return {
      step: this.#step,
      parameters: await toVector(parameters, this.#form.parameters),
      statistics: await toVector(this.#statistics.tensors, this.#form.statistics),
      slots: read,
      history: this.#history,
      lossSum: this.#lossSum,
    };
  }

  dispose(): void {
    this.#program?.dispose();
    this.#optimiser.dispose();
    this.#statistics.dispose();
    this.#meters.train.dispose();
    this.#meters.test?.dispose();
  }
}

function meterOf(network: Network, examples: Examples): LossMeter {
  const most = Math.floor(measureFeatures / examples.features);
  return new LossMeter(network, examples, Math.max(8, Math.min(measureBatch, most)));
}

/** A data set's test examples, where it has any: a training needs none. */
function testOf(dataset: Dataset): Examples | undefined {
  try {
    return dataset.test;
  } catch (error) {
    if (error instanceof UserError && error.diagnostics[0]?.code === 'missing-split') return undefined;
    throw error;
  }
}

/** Optimiser steps an epoch: the last, smaller batch counts. */
export function stepsOf(examples: number, batch: number): number {
  return Math.ceil(examples / batch);
}

/** sum + share·part, taking both over. */
function added(sum: tf.Tensor[] | undefined, part: tf.Tensor[], share: number): tf.Tensor[] {
  const result = tf.tidy(() =>
    part.map((g, t) => {
      const own = tf.mul(g, share);
      return sum ? tf.add(sum[t]!, own) : own;
    }),
  );
  tf.dispose([...part, ...(sum ?? [])]);
  return result;
}

function diverged(message: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'training-diverged',
    message,
    hint: 'a smaller learning rate, a warm-up or clip may help; kept epochs before it are stored: with fewer epochs they are there at once',
  });
}

function normOfParts(): UserError {
  return new UserError({
    severity: 'error',
    code: 'micro-batch-with-batch-norm',
    message: 'micro-batch would change what batch norm normalises with: the statistics of a whole batch',
    hint: 'leave it out: such networks keep only what the gradient needs, and compute the rest again where memory is short',
  });
}
