import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import type { Examples } from '../../src/network/examples.ts';
import { batches, inOrder } from '../../src/network/examples.ts';
import { inputTensor, targetTensor, toTensors, toVector } from '../../src/network/loss.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/network/safetensors.ts';
import { Sgd } from '../../src/network/sgd.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { Json, JsonObject } from '../../src/util/json.ts';
import { Random } from '../../src/util/random.ts';
import type { DescentParameters } from './parameters.ts';

/** One step's view of the data. */
export interface Batch {
  /** From 1. */
  readonly epoch: number;
  readonly inputs: tf.Tensor2D;
  readonly targets: tf.Tensor2D;
  /** Uniform in (-1, 1), from the epoch's own stream: one a batch. */
  readonly unit: number;
}

/** What is minimised. */
export interface Objective {
  /** Where it starts; also the form. */
  readonly start: ParameterVector;
  /** Batch gradients that one step computes. */
  readonly gradientsPerStep: number;
  /**
   * The step's gradient, and losses for the history by name.
   * @returns tensors that the descent disposes of; called inside no tidy.
   */
  step(
    point: readonly tf.Tensor[],
    batch: Batch,
  ): { gradient: tf.Tensor[]; losses: Readonly<Record<string, tf.Scalar>> };
  /** Further columns of the history. */
  describe(point: ParameterVector): JsonObject;
}

/** Table of a descent: one row an epoch. Losses are means over its batches, weighted by size. */
export type DescentRow = { epoch: number; 'learning-rate': number; gradients: number } & JsonObject;

interface State {
  readonly point: ParameterVector;
  readonly buffers: ParameterVector;
  readonly history: readonly DescentRow[];
}

/** A state is stored when this much time has passed since the last one, beside the kept epochs. */
const storeEveryMs = 5_000;

/**
 * Stochastic gradient descent over the batches of a data set that can be interrupted after any stored epoch and goes on
 * from there to the same bits. States are stored in the memo under `keyOf(epoch)` at kept epochs, at the last one, and
 * every few seconds.
 * @param kept ascending; `take` is called with each of them and its state.
 */
export async function descend(
  context: Pick<StageContext, 'memo' | 'signal' | 'progress' | 'log'>,
  params: DescentParameters,
  examples: Examples,
  objective: Objective,
  kept: readonly number[],
  keyOf: (epoch: number) => Json,
  take: (epoch: number, point: ParameterVector) => Promise<void>,
): Promise<readonly DescentRow[]> {
  const { memo, signal } = context;
  const { start } = objective;
  const settings = { momentum: params.momentum, weightDecay: 0, nesterov: false };
  let optimiser = new Sgd(settings, toTensors(start));
  let history: DescentRow[] = [];
  const state = async (): Promise<State> => ({
    point: await toVector(optimiser.parameters, start),
    buffers: optimiser.buffers ? await toVector(optimiser.buffers, start) : [],
    history,
  });
  try {
    for (const target of [...new Set([...kept, params.epochs])].sort((a, b) => a - b)) {
      for (let epoch = target; epoch > history.length; epoch--) {
        const bytes = await memo.get(keyOf(epoch));
        if (!bytes) continue;
        const known = decode(bytes, start.length);
        optimiser.dispose();
        optimiser = new Sgd(
          settings,
          toTensors(known.point),
          known.buffers.length > 0 ? toTensors(known.buffers) : undefined,
        );
        history = [...known.history];
        context.log(`going on from the stored epoch ${epoch}`);
      }
      let stored = performance.now();
      while (history.length < target) {
        const row = await epochOf(optimiser, params, examples, objective, history, signal);
        history = [...history, row];
        context.progress(row.epoch, params.epochs, 'epochs', noteOf(row));
        if (row.epoch < target && performance.now() - stored < storeEveryMs) continue;
        await memo.put(keyOf(row.epoch), encode(await state()));
        stored = performance.now();
      }
      if (kept.includes(target)) await take(target, (await state()).point);
    }
  } finally {
    optimiser.dispose();
  }
  return history;
}

async function epochOf(
  optimiser: Sgd,
  params: DescentParameters,
  examples: Examples,
  objective: Objective,
  before: readonly DescentRow[],
  signal: AbortSignal,
): Promise<DescentRow> {
  const epoch = before.length + 1;
  const order = params.shuffle
    ? new Random([params.seed, 'shuffle', epoch]).permutation(examples.count)
    : inOrder(examples.count);
  const units = new Random([params.seed, 'lambda', epoch]);
  const rate = learningRate(params, epoch);
  const sums: Record<string, number> = {};
  let steps = 0;
  for (const indices of batches(order, params.batch)) {
    signal.throwIfAborted();
    const inputs = inputTensor(examples, indices);
    const targets = targetTensor(examples, indices);
    const unit = 2 * units.uniform() - 1;
    const { gradient, losses } = objective.step(optimiser.parameters, { epoch, inputs, targets, unit });
    optimiser.step(gradient, rate);
    for (const [name, loss] of Object.entries(losses))
      sums[name] = (sums[name] ?? 0) + (indices.length / examples.count) * (await loss.data())[0]!;
    tf.dispose([inputs, targets, gradient, Object.values(losses)]);
    steps++;
  }
  const point = await toVector(optimiser.parameters, objective.start);
  if (![...Object.values(sums), ...point.flatMap(({ values }) => worst(values))].every(Number.isFinite))
    throw new UserError({
      severity: 'error',
      code: 'descent-diverged',
      message: `the descent diverged in epoch ${epoch}: its loss or its parameters are not finite`,
      hint: 'a smaller learning-rate may help',
    });
  const gradients = (before.at(-1)?.gradients ?? 0) + steps * objective.gradientsPerStep;
  return { epoch, 'learning-rate': rate, ...sums, ...objective.describe(point), gradients };
}

/** A value of the list that is not finite, or 0. */
function worst(values: Float32Array): number {
  return values.find((value) => !Number.isFinite(value)) ?? 0;
}

/** Of the epoch that leads to `epoch`. */
function learningRate({ 'learning-rate': rate, schedule, epochs }: DescentParameters, epoch: number): number {
  return schedule === 'constant' ? rate : (rate * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs))) / 2;
}

function noteOf(row: DescentRow): string {
  const shown = Object.entries(row).filter(
    ([name, value]) => typeof value === 'number' && !['epoch', 'learning-rate', 'gradients'].includes(name),
  ) as [string, number][];
  return [
    ...shown.map(([name, value]) => `${name} ${value.toPrecision(4)}`),
    `${row.gradients} gradients`,
  ].join(', ');
}

const bufferPrefix = 'momentum/';

function encode({ point, buffers, history }: State): Uint8Array {
  return encodeSafetensors({
    tensors: [...point, ...buffers.map((tensor) => ({ ...tensor, name: bufferPrefix + tensor.name }))],
    metadata: { history: JSON.stringify(history) },
  });
}

function decode(bytes: Uint8Array, count: number): State {
  const { tensors, metadata } = decodeSafetensors(bytes, 'a stored state of the descent');
  return {
    point: tensors.slice(0, count),
    buffers: tensors
      .slice(count)
      .map((tensor) => ({ ...tensor, name: tensor.name.slice(bufferPrefix.length) })),
    history: JSON.parse(metadata.history!) as DescentRow[],
  };
}
