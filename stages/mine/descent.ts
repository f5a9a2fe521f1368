import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import type { Examples } from '../../src/network/examples.ts';
import { batches, inOrder } from '../../src/network/examples.ts';
import { oneHot } from '../../src/network/loss.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/network/safetensors.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { Json, JsonObject } from '../../src/util/json.ts';
import { Random } from '../../src/util/random.ts';
import type { DescentParameters } from './parameters.ts';
import { DescentStep, type Objective, type Position } from './step.ts';

/** What is minimised, and what else its history says. */
export interface DescribedObjective extends Objective {
  /** Further columns of the history. */
  describe(point: ParameterVector): JsonObject;
}

/** Table of a descent: one row an epoch. Losses are means over its batches, weighted by size. */
export type DescentRow = { epoch: number; 'learning-rate': number; gradients: number } & JsonObject;

interface State extends Position {
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
  objective: DescribedObjective,
  kept: readonly number[],
  keyOf: (epoch: number) => Json,
  take: (epoch: number, point: ParameterVector) => Promise<void>,
): Promise<readonly DescentRow[]> {
  const { memo, signal } = context;
  const momentum = params.momentum;
  let step = new DescentStep(objective, momentum);
  let history: DescentRow[] = [];
  try {
    for (const target of [...new Set([...kept, params.epochs])].sort((a, b) => a - b)) {
      for (let epoch = target; epoch > history.length; epoch--) {
        const bytes = await memo.get(keyOf(epoch));
        if (!bytes) continue;
        const known = decode(bytes, objective.start.length);
        step.dispose();
        step = new DescentStep(objective, momentum, known);
        history = [...known.history];
        context.log(`going on from the stored epoch ${epoch}`);
      }
      let stored = performance.now();
      while (history.length < target) {
        const row = await epochOf(step, params, examples, objective, history, signal);
        history = [...history, row];
        context.progress(row.epoch, params.epochs, 'epochs', noteOf(row));
        if (row.epoch < target && performance.now() - stored < storeEveryMs) continue;
        await memo.put(keyOf(row.epoch), encode({ ...step.position, history }));
        stored = performance.now();
      }
      if (kept.includes(target)) await take(target, step.position.point);
    }
  } finally {
    step.dispose();
  }
  return history;
}

async function epochOf(
  step: DescentStep,
  params: DescentParameters,
  examples: Examples,
  objective: DescribedObjective,
  before: readonly DescentRow[],
  signal: AbortSignal,
): Promise<DescentRow> {
  const epoch = before.length + 1;
  const order = params.shuffle
    ? new Random([params.seed, 'shuffle', epoch]).permutation(examples.count)
    : inOrder(examples.count);
  const units = new Random([params.seed, 'lambda', epoch]);
  const rate = learningRate(params, epoch);
  const sums = objective.losses.map(() => 0);
  const parts = batches(order, params.batch);
  const most = Math.min(params.batch, examples.count);
  const room = {
    inputs: new Float32Array(most * examples.features),
    targets: new Float32Array(most * examples.classes),
  };
  for (const indices of parts) {
    signal.throwIfAborted();
    const count = indices.length;
    const inputs = examples.inputs(indices, room.inputs.subarray(0, count * examples.features));
    const targets = oneHot(examples, indices, room.targets.subarray(0, count * examples.classes));
    const losses = await step.take(
      { values: inputs, shape: [count, examples.features] },
      { values: targets, shape: [count, examples.classes] },
      epoch,
      2 * units.uniform() - 1,
      rate,
    );
    for (const [l, loss] of losses.entries()) sums[l]! += (count / examples.count) * loss;
  }
  const { point } = step.position;
  if (![...sums, ...point.flatMap(({ values }) => worst(values))].every(Number.isFinite))
    throw new UserError({
      severity: 'error',
      code: 'descent-diverged',
      message: `the descent diverged in epoch ${epoch}: its loss or its parameters are not finite`,
      hint: 'a smaller learning-rate may help',
    });
  const gradients = (before.at(-1)?.gradients ?? 0) + parts.length * objective.gradientsPerStep;
  return {
    epoch,
    'learning-rate': rate,
    ...Object.fromEntries(objective.losses.map((name, l) => [name, sums[l]!])),
    ...objective.describe(point),
    gradients,
  };
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
