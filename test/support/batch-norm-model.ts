import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadDataset } from '../../src/dataset/dataset.ts';
import type { Artifact } from '../../src/kind/artifact.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import { encodeCheckpoint } from '../../src/network/checkpoint.ts';
import type { Layer } from '../../src/network/layers/layer.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { digestOf } from '../../src/util/digest.ts';
import { Random } from '../../src/util/random.ts';
import { scratchFolder } from './scratch-folder.ts';

const convolution = (filters: number, stride: number): Layer['does'] => ({
  kind: 'convolution',
  filters,
  size: [3, 3],
  strides: [stride, stride],
  pads: [
    [1, 1],
    [1, 1],
  ],
  dilations: [1, 1],
  groups: 1,
  bias: false,
});
const norm: Layer['does'] = { kind: 'batch-norm', epsilon: 1e-5, scale: true, offset: true };
const tanh: Layer['does'] = { kind: 'activation', name: 'tanh' };

/** Small, with batch norm twice, and smooth: differences of losses are derivatives, no kinks between. */
const layers: readonly Layer[] = [
  { name: 'conv1', from: ['input'], does: convolution(4, 4) },
  { name: 'norm1', from: ['conv1'], does: norm },
  { name: 'tanh1', from: ['norm1'], does: tanh },
  { name: 'conv2', from: ['tanh1'], does: convolution(6, 2) },
  { name: 'norm2', from: ['conv2'], does: norm },
  { name: 'tanh2', from: ['norm2'], does: tanh },
  { name: 'means', from: ['tanh2'], does: { kind: 'global-average' } },
  { name: 'dense', from: ['means'], does: { kind: 'dense', units: 3, bias: true } },
];
export const batchNormNetwork = buildNetwork({
  name: 'layers',
  title: 'two convolutions with batch norm',
  input: [32, 32, 3],
  layers: [...layers],
  inputs: 3072,
  classes: 3,
});

/** Where statistics are told apart: these are the ones of no batch. */
export const foreignState: ParameterVector = batchNormNetwork.state.map(({ name, shape }) => ({
  name,
  shape,
  values: Float32Array.from(new Random([4, name]).gaussians(shape[0]!), (x) =>
    name.endsWith('/variance') ? 0.5 + Math.abs(x) : 0.4 * x,
  ),
}));

/** A checkpoint of that network over the data set `tiny` of a workspace, as a stage would see it. */
export async function batchNormModel(
  root: string,
  seed: number,
  { parameters, state }: { parameters?: ParameterVector; state?: ParameterVector } = {},
): Promise<Artifact> {
  const { identity } = await loadDataset('tiny', root);
  const path = join(scratchFolder('batch-norm'), 'model.safetensors');
  const checkpoint = encodeCheckpoint({
    network: batchNormNetwork.spec,
    dataset: identity,
    epoch: 3,
    seed,
    parameters: parameters ?? batchNormNetwork.initialise('pytorch', seed),
    state: state ?? foreignState,
  });
  writeFileSync(path, checkpoint);
  const digest = digestOf(readFileSync(path));
  return {
    label: 'model',
    type: 'checkpoint',
    folder: false,
    path,
    digest,
    members: [{ name: '', path, digest }],
  };
}
