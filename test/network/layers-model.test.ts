import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { UserError } from '../../src/diagnostics/diagnostic.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { networkTitle, parseNetworkSpec } from '../../src/network/architectures.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import type { Examples } from '../../src/network/examples.ts';
import { importTensors } from '../../src/network/import.ts';
import { evaluationMode, toTensors } from '../../src/network/loss.ts';
import { networkFiles, openNetwork, weightFiles } from '../../src/network/own-network.ts';
import { recalibrated } from '../../src/network/recalibrate.ts';
import { initialState, RunningStatistics } from '../../src/network/running-statistics.ts';
import { readLayersModel, readWeights, tensorflowNames } from '../../src/network/tensorflow/model.ts';
import { dimension, type NamedTensor, sizeOf } from '../../src/network/tensors.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';
import importKind from '../../stages/import/stage.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { runKind } from '../support/stage-harness.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

const root = scratchFolder('layers-model');

/** Shapes of the weights, under Keras' names. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  'first/kernel': [3, 3, 3, 4],
  'first/bias': [4],
  'norm/beta': [4],
  'norm/moving_mean': [4],
  'norm/moving_variance': [4],
  'inner/deep/depthwise_kernel': [3, 3, 4, 1],
  'inner/deep/bias': [4],
  'apart/depthwise_kernel': [3, 3, 8, 2],
  'apart/pointwise_kernel': [1, 1, 16, 5],
  'apart/bias': [5],
  'layer/gamma': [5],
  'layer/beta': [5],
  'last/kernel': [20, 3],
};
const weights: NamedTensor[] = Object.entries(shapes).map(([name, shape]) => {
  const values = new Random([3, name]).gaussians(sizeOf(shape)).map((z) => Math.fround(0.4 * z));
  return { name, shape, values: name.endsWith('variance') ? values.map((v) => 1 + v * v) : values };
});
const on = (name: string): tf.Tensor => {
  const { values, shape } = weights.find((one) => one.name === name)!;
  return tf.tensor(values, [...shape]);
};

const layer = (kind: string, name: string, config: object, ...from: string[]) => ({
  class_name: kind,
  name,
  config: { name, ...config },
  inbound_nodes: [from.map((other) => [other, 0, 0, {}])],
});

/** Functional, with a model inside, a branch, and a softmax at its end. */
const topology = {
  class_name: 'Functional',
  config: {
    name: 'toy',
    layers: [
      {
        class_name: 'InputLayer',
        name: 'in',
        config: { batch_input_shape: [null, 9, 8, 3] },
        inbound_nodes: [],
      },
      layer('Conv2D', 'first', { filters: 4, kernel_size: [3, 3], strides: [2, 2], padding: 'same' }, 'in'),
      layer(
        'BatchNormalization',
        'norm',
        { axis: [3], epsilon: 0.01, scale: false, momentum: 0.75 },
        'first',
      ),
      layer('ReLU', 'bounded', { max_value: 6 }, 'norm'),
      layer(
        'Sequential',
        'inner',
        {
          layers: [
            {
              class_name: 'ZeroPadding2D',
              config: {
                name: 'pad',
                padding: [
                  [0, 2],
                  [1, 1],
                ],
                batch_input_shape: [null, 5, 4, 4],
              },
            },
            {
              class_name: 'DepthwiseConv2D',
              config: { name: 'deep', kernel_size: 3, strides: 1, padding: 'valid', activation: 'swish' },
            },
            { class_name: 'Dropout', config: { name: 'drop', rate: 0.5 } },
          ],
        },
        'bounded',
      ),
      layer('Concatenate', 'both', { axis: -1 }, 'bounded', 'inner'),
      layer(
        'SeparableConv2D',
        'apart',
        { filters: 5, kernel_size: 3, depth_multiplier: 2, padding: 'same' },
        'both',
      ),
      layer('LayerNormalization', 'layer', { axis: -1, epsilon: 0.001 }, 'apart'),
      layer('AveragePooling2D', 'pool', { pool_size: [2, 2], strides: [2, 2], padding: 'valid' }, 'layer'),
      layer('Flatten', 'flat', {}, 'pool'),
      layer('Dense', 'last', { units: 3, use_bias: false, activation: 'softmax' }, 'flat'),
    ],
    input_layers: [['in', 0, 0]],
    output_layers: [['last', 0, 0]],
  },
};

/** The same by TensorFlow.js' own operations; images [n, 9, 8, 3] to logits. */
function reference(x: tf.Tensor4D): tf.Tensor {
  const first = tf.add(tf.conv2d(x, on('first/kernel') as tf.Tensor4D, 2, 'same'), on('first/bias'));
  const centred = tf.sub(first, on('norm/moving_mean'));
  const norm = tf.add(tf.div(centred, tf.sqrt(tf.add(on('norm/moving_variance'), 0.01))), on('norm/beta'));
  const bounded = tf.relu6(norm) as tf.Tensor4D;
  const padded = tf.pad(bounded, [
    [0, 0],
    [0, 2],
    [1, 1],
    [0, 0],
  ]) as tf.Tensor4D;
  const deep = tf.add(
    tf.depthwiseConv2d(padded, on('inner/deep/depthwise_kernel') as tf.Tensor4D, 1, 'valid'),
    on('inner/deep/bias'),
  );
  const both = tf.concat([bounded, tf.mul(deep, tf.sigmoid(deep))], 3) as tf.Tensor4D;
  const apart = tf.add(
    tf.separableConv2d(
      both,
      on('apart/depthwise_kernel') as tf.Tensor4D,
      on('apart/pointwise_kernel') as tf.Tensor4D,
      1,
      'same',
    ),
    on('apart/bias'),
  );
  const { mean, variance } = tf.moments(apart, -1, true);
  const normal = tf.div(tf.sub(apart, mean), tf.sqrt(tf.add(variance, 0.001)));
  const layered = tf.add(tf.mul(normal, on('layer/gamma')), on('layer/beta')) as tf.Tensor4D;
  const pooled = tf.avgPool(layered, 2, 2, 'valid');
  return tf.matMul(tf.reshape(pooled, [-1, 20]), on('last/kernel') as tf.Tensor2D);
}

/** Writes a model beside its weights, which lie in two shards that cut a tensor in two. */
function written(name: string, model: object, more: object = {}): string {
  mkdirSync(join(root, name), { recursive: true });
  const bytes = Buffer.concat(weights.map(({ values }) => Buffer.from(values.buffer)));
  writeFileSync(join(root, name, 'a.bin'), bytes.subarray(0, 333));
  writeFileSync(join(root, name, 'b.bin'), bytes.subarray(333));
  const manifest = [
    {
      paths: ['a.bin', 'b.bin'],
      weights: weights.map(({ name: own, shape }) => ({ name: own, shape, dtype: 'float32' })),
    },
  ];
  const json = { modelTopology: { model_config: model }, weightsManifest: manifest, ...more };
  writeFileSync(join(root, name, 'model.json'), JSON.stringify(json));
  return `${name}/model.json`;
}

const without = (...names: string[]) => ({
  ...topology,
  config: { ...topology.config, layers: topology.config.layers.filter(({ name }) => !names.includes(name)) },
});
const changed = (name: string, how: object) => ({
  ...topology,
  config: {
    ...topology.config,
    layers: topology.config.layers.map((one) =>
      one.name === name
        ? { ...one, ...how, config: { ...one.config, ...('config' in how ? (how.config as object) : {}) } }
        : one,
    ),
  },
});

describe('TensorFlow.js layers models', () => {
  engineWithoutLeaks();

  test('compute what their layers say, with their own weights; the spec holds all of it', async () => {
    const file = written('toy', topology);
    const path = join(root, file);
    const ends = { inputs: 9 * 9 * 3, classes: 3 };
    const network = await openNetwork({ name: 'layers', file }, ends, root);
    expect(networkTitle(network.spec)).toBe('toy');
    expect(parseNetworkSpec(JSON.stringify(network.spec), 'it')).toEqual(network.spec);
    const tensors = await readWeights(path, file);
    expect(tensors).toEqual(weights);
    const { topology: read } = readLayersModel(path, file, { ...ends, classifier: 'own' });
    const found = importTensors(tensors, network, tensorflowNames(read, tensors), {}, file);
    expect(dimension(found.parameters) + dimension(found.state)).toBe(dimension(weights));

    const images = new Random([4, 'images']).gaussians(2 * ends.inputs);
    const values = tf.tidy(() => {
      const x = tf.tensor(images, [2, ends.inputs]);
      const planes = tf.transpose(tf.reshape(x, [2, 3, 9, 9]), [0, 2, 3, 1]) as tf.Tensor4D;
      const fixed = evaluationMode(network, found.state);
      const ours = fixed.network.forward(tf, toTensors(found.parameters), x);
      // Images of 9x9 pixels for a model of 9x8: resized as PyTorch does with align_corners=False.
      const theirs = reference(tf.image.resizeBilinear(planes, [9, 8], false, true));
      return { ours, theirs };
    });
    const [ours, theirs] = [await values.ours.data(), await values.theirs.data()];
    expect(Math.max(...theirs.map(Math.abs))).toBeGreaterThan(0.1);
    for (const [i, wanted] of theirs.entries()) expect(Math.abs(ours[i]! - wanted)).toBeLessThan(1e-5);
    tf.dispose([values.ours, values.theirs]);
  });

  test('train with their own momentum of batch norm: a quarter of the newest batch where Keras keeps three', async () => {
    const file = written('momentum', topology);
    const network = await openNetwork({ name: 'layers', file }, { inputs: 9 * 9 * 3, classes: 3 }, root);
    const parameters = network.initialise('pytorch', 3);
    const start = initialState(network);
    const images = new Random([12]).gaussians(5 * 243);
    const examples: Examples = {
      count: 5,
      features: 243,
      classes: 3,
      labels: new Uint8Array(5),
      inputs: () => Float32Array.from(images),
    };
    const [mean, variance] = await recalibrated(network, parameters, examples, 'cumulative', 5);
    const statistics = new RunningStatistics(start, network.newest);
    const theta = toTensors(parameters);
    const inputs = tf.tensor2d(Float32Array.from(images), [5, 243]);
    const bound = normalisedBy(network, statistics.training());
    tf.dispose(tf.tidy(() => bound.forward(tf, theta, inputs)));
    const [m, v] = await Promise.all(statistics.tensors.map((tensor) => tensor.data()));
    statistics.dispose();
    tf.dispose([theta, inputs]);
    for (let c = 0; c < 4; c++) {
      expect(m![c]).toBeCloseTo(0.25 * mean!.values[c]!, 5);
      expect(v![c]).toBeCloseTo(0.75 + 0.25 * variance!.values[c]!, 5);
    }
    // Keras' default, 0.99, where the model does not say it.
    const plain = changed('norm', { config: { momentum: undefined } });
    const silent = await openNetwork(
      { name: 'layers', file: written('silent', plain) },
      { inputs: 9 * 9 * 3, classes: 3 },
      root,
    );
    expect(silent.newest).toEqual([0.01]);
  });

  test('can have a new classifier, whose weights start from a seed', async () => {
    const file = written('tuned', topology);
    const ends = { inputs: 243, classes: 7 };
    await expect(openNetwork({ name: 'layers', file }, ends, root)).rejects.toThrow(
      /"last", gives \[3\].*7 classes/,
    );
    const network = await openNetwork({ name: 'layers', file, classifier: 'new' }, ends, root);
    expect(network.parameters.at(-1)).toEqual({ name: 'last/kernel', shape: [20, 7] });
    const tensors = await readWeights(join(root, file), file);
    const { topology: read } = readLayersModel(join(root, file), file, { ...ends, classifier: 'new' });
    const names = tensorflowNames(read, tensors);
    const fresh = { init: 'he', seed: 3 } as const;
    expect(() => importTensors(tensors, network, names, {}, file)).toThrow(
      /"last\/kernel" has the shape \[20,3\]/,
    );
    const { parameters } = importTensors(tensors, network, names, {}, file, fresh);
    expect(parameters.at(-1)).toEqual(network.initialise('he', 3).at(-1));
    expect(parameters[0]!.values).toEqual(weights[0]!.values);
  });

  test('are imported for other classes by one switch; where it is missing the message has it', async () => {
    const network = { name: 'layers', file: written('imported', topology) };
    const params = { network, dataset: 'cifar10-mini', seed: 3 };
    const { checkpoint } = await runKind(importKind, { ...params, classifier: 'new' }, { root });
    const { parameters } = await readCheckpoint(checkpoint!.path!, 'it', root);
    expect(parameters.at(-1)!.shape).toEqual([20, 10]);
    expect(parameters[0]!.values).toEqual(weights[0]!.values);
    const refused = await runKind(importKind, params, { root }).catch((error: UserError) => error);
    expect((refused as UserError).diagnostics[0]!.hint).toContain('classifier: new');
  });

  test('decide keys with their topology, and where they are read with their weights', () => {
    const choice = { name: 'layers', file: written('keys', topology) } as const;
    expect(networkFiles(choice, root)).toEqual([
      { name: 'network/keys/model.json', path: join(root, 'keys', 'model.json') },
    ]);
    expect(weightFiles(choice, root).map(({ name }) => name)).toEqual([
      'network/keys/a.bin',
      'network/keys/b.bin',
    ]);
    expect(() => networkFiles({ name: 'layers', file: 'none/model.json' }, root)).toThrow(
      /there is no file "none\/model\.json"/,
    );
  });

  test.each([
    [
      'a layer that is not supported',
      changed('flat', { class_name: 'LSTM' }),
      /layer "flat" \(LSTM\) is not supported/,
    ],
    [
      'an activation',
      changed('apart', { config: { activation: 'snake' } }),
      /"apart".*activation "snake", which is not/,
    ],
    [
      'channels first',
      changed('first', { config: { data_format: 'channels_first' } }),
      /channels_last is needed/,
    ],
    ['another axis', changed('norm', { config: { axis: 1 } }), /"norm".*along axis 1/],
    [
      'a shared layer',
      changed('flat', { inbound_nodes: [[['pool', 0, 0]], [['pool', 0, 0]]] }),
      /used 2 times/,
    ],
    [
      'a bound other than 6',
      changed('bounded', { config: { max_value: 4 } }),
      /"bounded" \(ReLU\) is bounded by 4/,
    ],
    ['a missing layer', without('pool'), /takes "pool", whose shape is not known|takes "pool"/],
  ])('are refused for %s, by name', async (name, model, message) => {
    const file = written(`refused ${name}`, model);
    await expect(openNetwork({ name: 'layers', file }, { inputs: 243, classes: 3 }, root)).rejects.toThrow(
      message,
    );
  });

  test('that are no layers models, or whose weights are not there, are told so', async () => {
    const graph = written('graph', topology, { format: 'graph-model' });
    await expect(
      openNetwork({ name: 'layers', file: graph }, { inputs: 243, classes: 3 }, root),
    ).rejects.toThrow(/is no TensorFlow.js layers model/);
    const short = written('short', topology);
    writeFileSync(join(root, 'short', 'b.bin'), Buffer.alloc(4));
    await expect(readWeights(join(root, short), short)).rejects.toThrow(/the weights end inside "/);
    await expect(
      openNetwork({ name: 'layers', file: short }, { inputs: 100, classes: 3 }, root),
    ).rejects.toThrow(/takes inputs \[9,8,3\]; the data set has 100 features/);
  });

  const real = join(dirname(packageRoot()), 'shared', 'data', 'weights', 'mobilenet-v2-0.35');
  test.skipIf(!existsSync(real))(
    'such as MobileNetV2 0.35 with trained weights fit (skipped: no ../shared/data/weights)',
    async () => {
      const [folder, file] = [real, 'model.json'];
      const ends = { inputs: 3072, classes: 3 };
      const network = await openNetwork({ name: 'layers', file }, ends, folder);
      const tensors = await readWeights(join(folder, file), file);
      const { topology: read } = readLayersModel(join(folder, file), file, { ...ends, classifier: 'own' });
      const found = importTensors(tensors, network, tensorflowNames(read, tensors), {}, file);
      // The backbone's 410,208 (with running statistics), 1280 x 100 + 100 and 100 x 3 of the head.
      expect(dimension(found.parameters) + dimension(found.state)).toBe(2_154_432 / 4);
      expect(network.spec).toMatchObject({ input: [32, 32, 3] });
    },
  );
});
