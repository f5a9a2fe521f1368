import { UserError } from '../diagnostics/diagnostic.ts';
import { buildNetwork, parseNetworkSpec } from './architectures.ts';
import type { Network, NetworkSpec } from './network.ts';
import { encodeSafetensors, readSafetensors } from './safetensors.ts';
import type { ParameterVector } from './tensors.ts';

/** Which data a network was trained on: enough to find it again and to notice that it has changed. */
export interface DatasetIdentity {
  readonly name: string;
  /** sha256 over the files that were used. */
  readonly digest: string;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** A network at a moment of its training. */
export interface Checkpoint {
  readonly network: NetworkSpec;
  readonly dataset: DatasetIdentity;
  readonly epoch: number;
  readonly seed: number;
  readonly parameters: ParameterVector;
}

const format = 'orograph-checkpoint/1';

/** A checkpoint as safetensors: the parameters in order, all else as JSON in the metadata. Same content, same bytes. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { network, dataset, epoch, seed, parameters } = checkpoint;
  return encodeSafetensors({
    tensors: parameters,
    metadata: {
      format,
      network: JSON.stringify(network),
      dataset: JSON.stringify(dataset),
      epoch: String(epoch),
      seed: String(seed),
    },
  });
}

/**
 * Reads a checkpoint and its network.
 * @param label what to call it in messages.
 * @throws UserError where it is no checkpoint, of an unknown network, or its tensors are not that network's.
 */
export async function readCheckpoint(
  path: string,
  label: string,
): Promise<Checkpoint & { readonly architecture: Network }> {
  const { tensors, metadata } = await readSafetensors(path, label);
  if (metadata.format !== format)
    throw new UserError({
      severity: 'error',
      code: 'no-checkpoint',
      message: `${label} holds tensors but is no checkpoint (its metadata says format ${JSON.stringify(metadata.format ?? null)})`,
      expected: format,
    });
  const network = parseNetworkSpec(metadata.network ?? '', label);
  const architecture = buildNetwork(network);
  return {
    network,
    architecture,
    dataset: parseIdentity(metadata.dataset ?? '', label),
    epoch: Number(metadata.epoch),
    seed: Number(metadata.seed),
    parameters: matched(tensors, architecture, label),
  };
}

/** The tensors in the network's order. */
export function matched(tensors: ParameterVector, network: Network, label: string): ParameterVector {
  const wrong = (message: string): UserError =>
    new UserError({ severity: 'error', code: 'wrong-parameters', message: `${label} ${message}` });
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const ordered = network.parameters.map(({ name, shape }) => {
    const tensor = byName.get(name);
    if (!tensor) throw wrong(`lacks the tensor "${name}"`);
    if (tensor.shape.join() !== shape.join())
      throw wrong(`has "${name}" with the shape [${tensor.shape}]; the network needs [${shape}]`);
    byName.delete(name);
    return tensor;
  });
  const [extra] = byName.keys();
  if (extra !== undefined) throw wrong(`has the tensor "${extra}", which the network does not`);
  return ordered;
}

function parseIdentity(text: string, label: string): DatasetIdentity {
  try {
    const { name, digest, mean, deviation } = JSON.parse(text) as DatasetIdentity;
    if (typeof name === 'string' && typeof digest === 'string') return { name, digest, mean, deviation };
  } catch {
    // Said below.
  }
  throw new UserError({
    severity: 'error',
    code: 'no-checkpoint',
    message: `${label} does not say which data set it was trained on`,
  });
}
