import { UserError } from '../diagnostics/diagnostic.ts';
import type { JsonObject } from '../util/json.ts';
import { workspaceRoot } from '../util/workspace-root.ts';
import { parseNetworkSpec } from './architectures.ts';
import type { Network, NetworkSpec } from './network.ts';
import { isPlainCrossEntropy, type LossSpec, parseLoss } from './objective.ts';
import type { Slots } from './optimiser.ts';
import { networkOf } from './own-network.ts';
import { encodeSafetensors, readSafetensors } from './safetensors.ts';
import type { ParameterVector } from './tensors.ts';

/** Which data a network was trained on: enough to find it again and to notice that it has changed. */
export interface DatasetIdentity {
  readonly name: string;
  /** What was made of it: a subset, another size. Absent where it was taken as it is. */
  readonly options?: JsonObject;
  /** sha256 over the files that were used. */
  readonly digest: string;
  /** Per channel, of pixels / 255. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** A network at a moment of its training. */
export interface Checkpoint {
  readonly network: NetworkSpec;
  readonly dataset: DatasetIdentity;
  /** Epochs of training; null where nobody said: weights that were imported. */
  readonly epoch: number | null;
  readonly seed: number;
  /** What it was trained by; cross entropy where there is none. */
  readonly loss?: LossSpec;
  readonly parameters: ParameterVector;
  /** Running statistics of batch norm, in the order of the network's `state`. */
  readonly state?: ParameterVector;
  /** What the optimiser remembers after so many steps: for training on from here. */
  readonly optimiser?: { readonly step: number; readonly slots: Slots<ParameterVector> };
}

/** As captions and marks call the moment of training. */
export const momentOf = ({ epoch }: Pick<Checkpoint, 'epoch'>): string =>
  epoch === null ? 'imported weights' : `epoch ${epoch}`;

const format = 'orograph-checkpoint/1';
/** Of the names of what an optimiser remembers: `optimiser/momentum/dense1/kernel`. */
const slotPrefix = 'optimiser/';

/** A checkpoint as safetensors: parameters and state in order, all else as JSON in the metadata. Same content, same bytes. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { network, dataset, epoch, seed, loss, parameters, state = [], optimiser } = checkpoint;
  return encodeSafetensors({
    tensors: [
      ...parameters,
      ...state,
      ...Object.entries(optimiser?.slots ?? {}).flatMap(([slot, vector]) =>
        vector.map((tensor) => ({ ...tensor, name: `${slotPrefix}${slot}/${tensor.name}` })),
      ),
    ],
    metadata: {
      format,
      network: JSON.stringify(network),
      dataset: JSON.stringify(dataset),
      ...(epoch === null ? {} : { epoch: String(epoch) }),
      seed: String(seed),
      ...(isPlainCrossEntropy(loss) ? {} : { loss: JSON.stringify(loss) }),
      ...(optimiser ? { step: String(optimiser.step) } : {}),
    },
  });
}

/**
 * Reads a checkpoint and its network, to which the loss is bound that it was trained by.
 * @param label what to call it in messages.
 * @param root of the workspace in which the code of a user's own network is.
 * @throws UserError where it is no checkpoint, of an unknown network, or its tensors are not that network's.
 */
export async function readCheckpoint(
  path: string,
  label: string,
  root = workspaceRoot(),
): Promise<Checkpoint & { readonly architecture: Network; readonly state: ParameterVector }> {
  const { tensors, metadata } = await readSafetensors(path, label);
  const isSlot = ({ name }: { readonly name: string }): boolean => name.startsWith(slotPrefix);
  if (metadata.format !== format)
    throw new UserError({
      severity: 'error',
      code: 'no-checkpoint',
      message: `${label} holds tensors but is no checkpoint (its metadata says format ${JSON.stringify(metadata.format ?? null)})`,
      expected: format,
    });
  const network = parseNetworkSpec(metadata.network ?? '', label);
  const loss = metadata.loss === undefined ? undefined : parseLoss(metadata.loss, label);
  const architecture = { ...(await networkOf(network, root)), ...(loss ? { loss } : {}) };
  return {
    network,
    architecture,
    dataset: parseIdentity(metadata.dataset ?? '', label),
    epoch: metadata.epoch === undefined ? null : Number(metadata.epoch),
    seed: Number(metadata.seed),
    ...(loss ? { loss } : {}),
    ...matched(
      tensors.filter((tensor) => !isSlot(tensor)),
      architecture,
      label,
    ),
    ...(metadata.step === undefined
      ? {}
      : {
          optimiser: {
            step: Number(metadata.step),
            slots: slotsOf(tensors.filter(isSlot), architecture, label),
          },
        }),
  };
}

/** What an optimiser remembers, each slot in the order of the parameters. */
function slotsOf(tensors: ParameterVector, network: Network, label: string): Slots<ParameterVector> {
  const bySlot = new Map<string, ParameterVector[number][]>();
  for (const tensor of tensors) {
    const [, slot, name] = /^optimiser\/([^/]+)\/(.+)$/.exec(tensor.name) ?? [];
    if (slot === undefined || name === undefined) continue;
    bySlot.set(slot, [...(bySlot.get(slot) ?? []), { ...tensor, name }]);
  }
  return Object.fromEntries(
    [...bySlot].map(([slot, own]) => [
      slot,
      matched(own, { ...network, state: [] }, `${label}, in what its optimiser remembers (${slot}),`)
        .parameters,
    ]),
  );
}

/** A file's tensors in the network's order. @throws UserError where one is missing, left over or of another shape. */
export function matched(
  tensors: ParameterVector,
  network: Network,
  label: string,
): { readonly parameters: ParameterVector; readonly state: ParameterVector } {
  const wrong = (message: string): UserError =>
    new UserError({ severity: 'error', code: 'wrong-parameters', message: `${label} ${message}` });
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const ordered = [...network.parameters, ...network.state].map(({ name, shape }) => {
    const tensor = byName.get(name);
    if (!tensor) throw wrong(`lacks the tensor "${name}"`);
    if (tensor.shape.join() !== shape.join())
      throw wrong(`has "${name}" with the shape [${tensor.shape}]; the network needs [${shape}]`);
    byName.delete(name);
    return tensor;
  });
  const [extra] = byName.keys();
  if (extra !== undefined) throw wrong(`has the tensor "${extra}", which the network does not`);
  const count = network.parameters.length;
  return { parameters: ordered.slice(0, count), state: ordered.slice(count) };
}

function parseIdentity(text: string, label: string): DatasetIdentity {
  try {
    const { name, options, digest, mean, deviation } = JSON.parse(text) as DatasetIdentity;
    const numbers = [mean, deviation].every((list) => Array.isArray(list) && list.every(Number.isFinite));
    if (typeof name === 'string' && typeof digest === 'string' && numbers)
      return { name, digest, mean, deviation, ...(options ? { options } : {}) };
  } catch {
    // Said below.
  }
  throw new UserError({
    severity: 'error',
    code: 'no-checkpoint',
    message: `${label} does not say which data set it was trained on`,
  });
}
