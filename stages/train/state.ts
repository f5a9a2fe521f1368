import type { Network } from '../../src/network/network.ts';
import type { Slots } from '../../src/network/optimiser.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/network/safetensors.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { HistoryRow } from './history.ts';

/** All that the rest of a training depends on, after an optimiser's step. Kept in memo items, so that it can go on. */
export interface TrainingState {
  readonly step: number;
  readonly parameters: ParameterVector;
  /** Running statistics of batch norm. */
  readonly statistics: ParameterVector;
  /** What the optimiser remembers. */
  readonly slots: Slots<ParameterVector>;
  /** Up to and including the last whole epoch. */
  readonly history: readonly HistoryRow[];
  /** Of the epoch that is under way: the losses of its examples so far, added up. */
  readonly lossSum: number;
}

export function encodeState({
  step,
  parameters,
  statistics,
  slots,
  history,
  lossSum,
}: TrainingState): Uint8Array {
  const names = Object.keys(slots);
  return encodeSafetensors({
    tensors: [
      ...parameters,
      ...statistics,
      ...names.flatMap((slot) => slots[slot]!.map((b) => ({ ...b, name: `${slot}/${b.name}` }))),
    ],
    metadata: {
      step: String(step),
      slots: JSON.stringify(names),
      history: JSON.stringify(history),
      'loss-sum': String(lossSum),
    },
  });
}

export function decodeState(bytes: Uint8Array, network: Network): TrainingState {
  const { tensors, metadata } = decodeSafetensors(bytes, 'a stored state of the training');
  const count = network.parameters.length;
  let at = count + network.state.length;
  const slots: Record<string, ParameterVector> = {};
  for (const slot of JSON.parse(metadata.slots!) as string[]) {
    slots[slot] = tensors
      .slice(at, at + count)
      .map((tensor) => ({ ...tensor, name: tensor.name.slice(slot.length + 1) }));
    at += count;
  }
  return {
    step: Number(metadata.step),
    parameters: tensors.slice(0, count),
    statistics: tensors.slice(count, count + network.state.length),
    slots,
    history: JSON.parse(metadata.history!) as HistoryRow[],
    lossSum: Number(metadata['loss-sum']),
  };
}
