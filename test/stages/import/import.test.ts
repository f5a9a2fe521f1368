import { describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { buildNetwork } from '../../../src/network/architectures.ts';
import { momentOf, readCheckpoint } from '../../../src/network/checkpoint.ts';
import { commonNames, pytorch } from '../../../src/network/import.ts';
import type { Network } from '../../../src/network/network.ts';
import { encodeSafetensors } from '../../../src/network/safetensors.ts';
import { dimension, type NamedTensor, norm, type ParameterVector } from '../../../src/network/tensors.ts';
import { Random } from '../../../src/util/random.ts';
import importKind, { facts } from '../../../stages/import/stage.ts';
import { fileArtifact } from '../../support/file-artifact.ts';
import { runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const network = buildNetwork({ name: 'resnet', depth: 8, shortcut: 'B', inputs: 3072, classes: 3 });
const params = { network: { name: 'resnet', depth: 8, shortcut: 'B' }, dataset: 'tiny' };

/** Random values for all of a network's tensors, ours. */
function tensorsOf({ parameters, state }: Network): NamedTensor[] {
  return [...parameters, ...state].map(({ name, shape }) => ({
    name,
    shape,
    values: new Random([5, name]).gaussians(shape.reduce((a, b) => a * b, 1)),
  }));
}

/** One of our tensors as PyTorch would save it. */
function foreign({ name, shape, values }: NamedTensor, alternative = 0): NamedTensor {
  const torch = commonNames(name).at(alternative)!;
  if (shape.length === 1) return { name: torch, shape, values };
  const [out, into] = [shape.at(-1)!, shape.at(-2)!];
  const [height, width] = shape.length === 4 ? [shape[0]!, shape[1]!] : [1, 1];
  const list: number[] = [];
  for (let o = 0; o < out; o++)
    for (let i = 0; i < into; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) list.push(values[((y * width + x) * into + i) * out + o]!);
  const window = shape.length === 4 ? [height, width] : [];
  return { name: torch, shape: [out, into, ...window], values: Float32Array.from(list) };
}

function file(tensors: ParameterVector, extra: (bytes: Uint8Array) => Uint8Array = (b) => b): Artifact {
  const bytes = extra(encodeSafetensors({ tensors, metadata: {} }));
  return fileArtifact('weights', 'file', bytes);
}

/** Adds a counter of 64-bit integers, as every state_dict with batch norm has. */
function withCounter(bytes: Uint8Array): Uint8Array {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const data = bytes.subarray(8 + length);
  const place = [data.length, data.length + 8];
  header['bn1.num_batches_tracked'] = { dtype: 'I64', shape: [], data_offsets: place };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const result = new Uint8Array(8 + text.length + data.length + 8);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(data, 8 + text.length);
  return result;
}

const ours = tensorsOf(network);
const torch = ours.map((tensor) => foreign(tensor));

async function imported(weights: Artifact, more: object = {}) {
  const { checkpoint } = await runKind(importKind, { ...params, ...more }, { root, inputs: { weights } });
  return { checkpoint: checkpoint!, ...(await readCheckpoint(checkpoint!.path!, 'it')) };
}

const refusal = (weights: Artifact, more: object = {}): Promise<string> =>
  imported(weights, more).then(
    () => 'accepted',
    (error: Error) => error.message,
  );

describe('weights of PyTorch', () => {
  test('are found by their usual names', () => {
    const names = torch.map(({ name }) => name);
    for (const usual of [
      'conv1.weight',
      'bn1.running_var',
      'layer1.0.conv2.weight',
      'layer2.0.shortcut.0.weight',
      'layer3.0.shortcut.1.running_mean',
      'layer3.0.bn2.bias',
      'linear.bias',
    ])
      expect(names).toContain(usual);
    expect(commonNames('stage2/block10/shortcut/norm/scale')).toEqual([
      'layer2.9.shortcut.1.weight',
      'layer2.9.downsample.1.weight',
    ]);
    expect(commonNames('dense2/kernel')).toEqual(['fc2.weight']);
  });

  test('become a checkpoint in our layouts, whatever their order, counters left out', async () => {
    const normalisation = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
    const weights = file([...torch].reverse(), withCounter);
    const result = await imported(weights, { normalisation, epoch: 200, seed: 4 });
    expect([...result.parameters, ...result.state]).toEqual(ours);
    expect(result).toMatchObject({ network: network.spec, epoch: 200, seed: 4 });
    expect(result.dataset).toMatchObject({ name: 'tiny', ...normalisation });
    expect(await facts({ checkpoint: result.checkpoint })).toEqual({
      parameters: dimension(result.parameters),
      norm: norm(result.parameters),
    });
    // Where nobody says how long they were trained, captions do not call them untrained.
    const untold = await imported(weights, { normalisation });
    expect([untold.epoch, momentOf(untold), momentOf(result)]).toEqual([
      null,
      'imported weights',
      'epoch 200',
    ]);
  });

  test('are found under a prefix, other common names and declared names', async () => {
    const renamed = ours.map((tensor) => {
      const last = foreign(tensor, -1);
      return { ...last, name: tensor.name === 'conv1/kernel' ? 'stem.w' : `module.${last.name}` };
    });
    const more = { prefix: 'module.', names: { 'conv1/kernel': 'stem.w' } };
    expect((await imported(file(renamed), more)).parameters).toEqual(ours.slice(0, -network.state.length));
  });

  test('of an MLP are transposed', async () => {
    const mlp = buildNetwork({ name: 'mlp', widths: [4], inputs: 3072, classes: 3 });
    const own = tensorsOf(mlp);
    const result = await imported(file(own.map((tensor) => foreign(tensor))), {
      network: { name: 'mlp', widths: [4] },
    });
    expect(result.parameters).toEqual(own);
    expect(result.state).toEqual([]);
  });

  test('of MobileNetV2 are found under the names of torchvision, a new classifier apart', async () => {
    const choice = { name: 'mobilenet-v2', width: 0.1 } as const;
    const mobile = buildNetwork({ ...choice, inputs: 3072, classes: 3 });
    const own = tensorsOf(mobile);
    const { candidates } = pytorch(mobile, '');
    const weights = own.map((tensor) => ({ ...foreign(tensor), name: candidates(tensor.name)[0]! }));
    expect(weights.map(({ name }) => name)).toContain('features.3.conv.1.0.weight');
    const read = await imported(file(weights), { network: choice });
    expect([...read.parameters, ...read.state]).toEqual(own);
    const many = weights.map((tensor) =>
      tensor.name.startsWith('classifier')
        ? {
            ...tensor,
            shape: [9, ...tensor.shape.slice(1)],
            values: new Float32Array(3 * tensor.values.length),
          }
        : tensor,
    );
    expect(await refusal(file(many), { network: choice })).toContain(
      '"classifier.1.weight" has the shape [9,',
    );
    const tuned = await imported(file(many), { network: choice, classifier: 'new', seed: 4 });
    expect(tuned.parameters.at(-2)).toEqual(mobile.initialise('pytorch', 4).at(-2));
    expect(tuned.parameters.slice(0, -2)).toEqual(read.parameters.slice(0, -2));
  });

  test('whose names are close are told with the nearest', async () => {
    const renamed = torch.map((tensor) =>
      tensor.name === 'layer2.0.conv1.weight' ? { ...tensor, name: 'layer2.0.conv_1.weight' } : tensor,
    );
    expect(await refusal(file(renamed))).toContain(
      '"stage2/block1/conv1/kernel" should be "layer2.0.conv1.weight", which is not there (there is "layer2.0.conv_1.weight")',
    );
  });

  test('that do not fit are refused with what is missing, misshapen or left over', async () => {
    const [first, ...rest] = torch;
    expect(await refusal(file(rest))).toContain(
      '"conv1/kernel" should be "conv1.weight", which is not there',
    );
    expect(await refusal(file([...torch, { ...first!, name: 'head.weight' }]))).toContain(
      '"head.weight" has no place in the network',
    );
    expect(await refusal(file([{ ...first!, shape: [3, 16, 3, 3] }, ...rest]))).toContain(
      '"conv1.weight" has the shape [3,16,3,3]; [16,3,3,3] is needed',
    );
    expect(await refusal(file(torch), { names: { 'conv1/kernle': 'conv1.weight' } })).toContain(
      'there is "conv1/kernel"',
    );
    const deeper = await refusal(file(torch), { network: { name: 'resnet', depth: 20, shortcut: 'B' } });
    expect(deeper).toMatch(/layer1\.1\.conv1\.weight.*and \d+ more/);
  });
});
