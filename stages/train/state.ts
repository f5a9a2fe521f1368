import type { Network } from '../../src/network/network.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/network/safetensors.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { HistoryRow } from './history.ts';

/** All that the rest of a training depends on, after an epoch. Kept in memo items, so that it can go on. */
export interface TrainingState {
  readonly epoch: number;
  readonly parameters: ParameterVector;
  /** Running statistics of batch norm. */
  readonly statistics: ParameterVector;
  /** The optimiser's momentum buffers; null before the first step and without momentum. */
  readonly buffers: ParameterVector | null;
  /** Up to and including this epoch. */
  readonly history: readonly HistoryRow[];
}

const bufferPrefix = 'momentum/';

export function encodeState({ epoch, parameters, statistics, buffers, history }: TrainingState): Uint8Array {
  return encodeSafetensors({
    tensors: [
      ...parameters,
      ...statistics,
      ...(buffers ?? []).map((b) => ({ ...b, name: bufferPrefix + b.name })),
    ],
    metadata: { epoch: String(epoch), history: JSON.stringify(history) },
  });
}

export function decodeState(bytes: Uint8Array, network: Network): TrainingState {
  const { tensors, metadata } = decodeSafetensors(bytes, 'a stored state of the training');
  const count = network.parameters.length;
  const withState = count + network.state.length;
  const buffers = tensors
    .slice(withState)
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(bufferPrefix.length) }));
  return {
    epoch: Number(metadata.epoch),
    parameters: tensors.slice(0, count),
    statistics: tensors.slice(count, withState),
    buffers: buffers.length > 0 ? buffers : null,
    history: JSON.parse(metadata.history!) as HistoryRow[],
  };
}
