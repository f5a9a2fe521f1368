/**
 * Imports trained weights: reads PyTorch's names and layouts (`network/import.ts`) or those of a TensorFlow.js layers
 * model, and writes a checkpoint that says which network and which normalised data the weights belong to. It computes
 * nothing.
 */
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { loadDataset } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import type { NetworkChoice } from '../../src/network/architectures.ts';
import { encodeCheckpoint } from '../../src/network/checkpoint.ts';
import { type Convention, importTensors, isCounter, pytorch } from '../../src/network/import.ts';
import type { Network } from '../../src/network/network.ts';
import { openNetwork } from '../../src/network/own-network.ts';
import { readSafetensors } from '../../src/network/safetensors.ts';
import { readLayersModel, readWeights, tensorflowNames } from '../../src/network/tensorflow/model.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { ImportParameters } from './parameters.ts';

export async function run(context: StageContext<ImportParameters>): Promise<void> {
  const { params } = context;
  const dataset = await loadDataset(params.dataset, context.root, params.normalisation, context);
  const ends = { inputs: dataset.features, classes: dataset.classNames.length };
  const choice = chosenNetwork(params);
  const network = await openNetwork(choice, ends, context.root);
  const { tensors, convention, label } = await source(context, choice, network, ends);
  const fresh = params.classifier === 'new' ? { init: params.init, seed: params.seed } : undefined;
  const checkpoint = {
    network: network.spec,
    dataset: dataset.identity,
    epoch: params.epoch ?? null,
    seed: params.seed,
    ...importTensors(tensors, network, convention, params.names ?? {}, label, fresh),
  };
  await writeFile(context.output('checkpoint'), encodeCheckpoint(checkpoint));
}

/** A last layer that starts anew is for other classes than a layers model's own. */
function chosenNetwork({ network, classifier }: ImportParameters): NetworkChoice {
  const isModel = typeof network !== 'string' && network.name === 'layers';
  return isModel && classifier === 'new' ? { ...network, classifier } : network;
}

/** The tensors: of the input, or of the layers model itself. */
async function source(
  { params, stage, root, list }: StageContext<ImportParameters>,
  choice: NetworkChoice,
  network: Network,
  ends: { readonly inputs: number; readonly classes: number },
): Promise<{ tensors: ParameterVector; convention: Convention; label: string }> {
  const [weights] = list('weights');
  if (weights) {
    // What lies in the store has its digest for a name.
    const file = weights.path!.includes(weights.digest.slice(-16))
      ? ''
      : ` (${relative(root, weights.path!)})`;
    const label = `${stage}: the input weights${file}`;
    const { tensors } = await readSafetensors(weights.path!, label, isCounter);
    return { tensors, convention: pytorch(network, params.prefix), label };
  }
  if (typeof choice === 'string' || choice.name !== 'layers')
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${stage} needs its input "weights"; only a layers model brings its own`,
    });
  const path = join(root, choice.file);
  const classifier = choice.classifier ?? 'own';
  const { topology } = readLayersModel(path, choice.file, { ...ends, classifier });
  const tensors = await readWeights(path, choice.file);
  return { tensors, convention: tensorflowNames(topology, tensors), label: choice.file };
}
