/**
 * Imports trained weights: reads PyTorch's names and layouts (`network/import.ts`) and writes a checkpoint that says
 * which network and which normalised data the weights belong to. It computes nothing.
 */
import { writeFile } from 'node:fs/promises';
import { loadDataset } from '../../src/dataset/dataset.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { buildNetwork, resolveNetwork } from '../../src/network/architectures.ts';
import { encodeCheckpoint } from '../../src/network/checkpoint.ts';
import { importTensors, isCounter } from '../../src/network/import.ts';
import { readSafetensors } from '../../src/network/safetensors.ts';
import type { ImportParameters } from './parameters.ts';

export async function run(context: StageContext<ImportParameters>): Promise<void> {
  const { params } = context;
  const label = `${context.stage}: the input weights`;
  const { tensors } = await readSafetensors(context.input('weights').path!, label, isCounter);
  const dataset = await loadDataset(params.dataset, context.root, params.normalisation);
  const network = buildNetwork(
    resolveNetwork(params.network, dataset.train.features, dataset.classNames.length),
  );
  const names = { prefix: params.prefix, names: params.names ?? {} };
  const checkpoint = {
    network: network.spec,
    dataset: dataset.identity,
    epoch: params.epoch,
    seed: params.seed,
    ...importTensors(tensors, network, names, label),
  };
  await writeFile(context.output('checkpoint'), encodeCheckpoint(checkpoint));
}
