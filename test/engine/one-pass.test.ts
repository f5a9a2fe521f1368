import { beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { batchNormalised } from '../../src/network/batch-norm.ts';
import { type Computation, numbers, onnxInstalled, startWatched } from '../support/watched-onnx.ts';
import { drawn } from './kernels.ts';

type Maps = tf.Tensor4D;

/** Maps, kernels, channels, other maps. */
const inputs = [[2, 5, 6, 16], [3, 3, 16, 16], [16], [16], [2, 5, 6, 16]];

describe.skipIf(!onnxInstalled)('operations on maps in blocks, in one pass', () => {
  let model: Buffer = Buffer.alloc(0);
  let block = 0;
  beforeAll(async () => {
    block = await startWatched((bytes) => (model = bytes));
  });

  /** How many nodes a model has of some operations: their types are strings of field 4. */
  const count = (...operations: string[]): number[] =>
    operations.map(
      (name) => model.toString('latin1').split(`"${String.fromCharCode(name.length)}${name}`).length - 1,
    );

  /** Compiled, where nobody wants what lies between, as wasm computes it: to 4e-6 of the largest. */
  async function agree(f: Computation, shapes = inputs): Promise<void> {
    const expected = await numbers('wasm', shapes, f);
    await tf.setBackend('onnx');
    const program = compile((...x) => f(...x));
    const given = shapes.map((shape, i) => drawn(shape, `blocks ${i}`));
    const found = program.call(...given);
    for (const [r, tensor] of found.entries()) {
      const values = await tensor.data();
      const size = expected[r]!.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      expect(values.length).toBe(expected[r]!.length);
      for (const [i, x] of expected[r]!.entries()) expect(Math.abs(values[i]! - x) / size).toBeLessThan(4e-6);
    }
    program.dispose();
    tf.dispose([...given, ...found]);
  }

  const conv = (x: tf.Tensor, k: tf.Tensor): Maps => tf.conv2d(x as Maps, k as Maps, 1, 'same');

  const runs: [string, Computation, adds: number][] = [
    ['bias', (x, k, b) => [tf.add(conv(x!, k!), b!)], 0],
    ['bias on the other side, ReLU', (x, k, b) => [tf.relu(tf.add(b!, conv(x!, k!)))], 0],
    ['ReLU', (x, k) => [tf.relu(conv(x!, k!))], 0],
    ['bias, ReLU6', (x, k, b) => [tf.relu6(tf.add(conv(x!, k!), b!))], 0],
    [
      'bias, maps that go, ReLU',
      (x, k, b, _, y) => [tf.relu(tf.add(tf.add(conv(x!, k!), b!), conv(y!, k!)))],
      0,
    ],
    ['maps that go', (x, k, _, __, y) => [tf.add(conv(y!, k!), conv(x!, k!))], 0],
    [
      'a bias that was repeated over maps',
      (x, k, b) => [tf.add(conv(x!, k!), tf.add(tf.fill(inputs[0]!, 0), b!))],
      0,
    ],
    // Maps that come in are not written over.
    ['maps that come in', (x, k, b, _, y) => [tf.add(tf.add(conv(x!, k!), b!), y!)], 1],
    ['a bias of one number a map', (x, k, b) => [tf.add(conv(x!, k!), tf.sum(b!))], 1],
  ];
  test.each(runs)('a convolution and %s', async (_, f, adds) => {
    await agree(f);
    if (block > 0) expect(count('Add')).toEqual([adds]);
  });

  const scaled: [string, Computation, counts: number[]][] = [
    ['offsets', (x, k, a, b) => [tf.add(tf.mul(conv(x!, k!), a!), b!)], [0, 0]],
    ['offsets, ReLU', (x, k, a, b) => [tf.relu(tf.add(tf.mul(a!, conv(x!, k!)), b!))], [0, 0]],
    [
      'offsets, maps that go, ReLU',
      (x, k, a, b, y) => [tf.relu(tf.add(conv(y!, k!), tf.add(tf.mul(conv(x!, k!), a!), b!)))],
      [0, 0],
    ],
    // Without offsets it would gain nothing.
    ['nothing', (x, k, a) => [tf.relu(tf.mul(conv(x!, k!), a!))], [0, 1]],
  ];
  test.each(scaled)('channels times factors and %s', async (_, f, counts) => {
    await agree(f);
    if (block > 0) expect(count('Add', 'Mul')).toEqual(counts);
  });

  test('what lies between is there where somebody wants it', () =>
    agree((x, k, b, a) => {
      const y = conv(x!, k!);
      const z = tf.add(y, b!);
      const normal = tf.add(tf.mul(z, a!), b!);
      const repeated = tf.add(b!, tf.fill(inputs[0]!, 0));
      return [y, z, tf.relu(z), normal, tf.relu(normal), tf.mul(normal, normal), repeated];
    }));

  test('maps that are added live on where they are wanted later', () =>
    agree((x, k, b, _, y) => {
      const other = conv(y!, k!);
      const sum = tf.add(tf.add(conv(x!, k!), b!), other);
      return [sum, conv(tf.mul(other, sum), k!), other];
    }));

  test('maps of few channels come as they are', async () => {
    await agree((x, k, b) => [tf.relu(tf.add(conv(x!, k!), b!))], [[2, 7, 6, 3], [3, 3, 3, 32], [32]]);
    if (block > 0) expect(count('Add', 'ReorderInput')).toEqual([0, 0]);
  });

  test('channel by channel, and pooled', async () => {
    const shapes = [[2, 7, 6, 16], [3, 3, 16, 16], [3, 3, 16, 1], [16]];
    const wise = (x: tf.Tensor, k: tf.Tensor, strides: number): Maps =>
      tf.depthwiseConv2d(x as Maps, k as Maps, strides, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ] as never);
    await agree(
      (x, k, d, b) => [
        tf.relu6(tf.add(wise(conv(x!, k!), d!, 1), b!)),
        wise(x!, d!, 2),
        tf.maxPool(conv(x!, k!), 3, 2, 1),
        tf.avgPool(conv(x!, k!), 3, 2, 1),
        tf.avgPool(conv(x!, k!), [3, 2], 2, 'valid'),
      ],
      shapes,
    );
    if (block > 0) expect(count('Add')).toEqual([0]);
  });

  test('a step is 1 from the smallest number on', async () => {
    const edges = [
      0, -0, 1e-45, -1e-45, 1.2e-38, -1.2e-38, 1, -1, 3.4e38, -3.4e38, 1e-30, -1e-30, 6, 0.5, -6, 2,
    ];
    await tf.setBackend('onnx');
    const unit = tf.eye(16).reshape([1, 1, 16, 16]);
    const program = compile((x) => [tf.step(conv(x!, unit))]);
    const x = tf.tensor4d(edges, [1, 1, 1, 16]);
    const [found] = program.call(x);
    expect([...(await found!.data())]).toEqual([...(await x.data())].map((value) => Number(value > 0)));
    if (block > 0) expect(count('Greater')).toEqual([0]);
    program.dispose();
    tf.dispose([unit, x, found!]);
  });

  test('gradients of batch norm and ReLU', () =>
    agree((x, k, a, b) => {
      const f = (x: tf.Tensor, k: tf.Tensor, a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        tf.sum(tf.square(tf.relu(batchNormalised(tf, conv(x, k), a, b))));
      return tf.grads(f as never)([x!, k!, a!, b!]);
    }));

  test('what is recorded twice is one node, though its numbers were brought along twice; 0 is not -0', async () => {
    await tf.setBackend('onnx');
    const program = compile((x) => [
      tf.add(tf.mul(x!, tf.exp(tf.scalar(3))), tf.mul(x!, tf.exp(tf.scalar(3)))),
      tf.div(1, tf.mul(tf.square(x!), tf.scalar(0))),
      tf.div(1, tf.mul(tf.square(x!), tf.scalar(-0))),
    ]);
    const x = tf.tensor1d([1, 2]);
    const found = program.call(x);
    const read = await Promise.all(found.map((tensor) => tensor.data()));
    expect(read[0]![1]).toBeCloseTo(4 * Math.exp(3), 4);
    expect([...read[1]!, ...read[2]!]).toEqual([Infinity, Infinity, -Infinity, -Infinity]);
    expect(count('Mul')).toEqual([4]);
    program.dispose();
    tf.dispose([x, ...found]);
  });

  test('what is given back as it is or in another shape: each output has numbers of its own', async () => {
    await tf.setBackend('onnx');
    const program = compile((x) => [
      x!,
      tf.reshape(x!, [2]),
      tf.reshape(x!, [2, 1]),
      tf.relu(x!),
      tf.reshape(tf.relu(x!), [2]),
    ]);
    const x = tf.tensor1d([1, -2]);
    const found = program.call(x);
    expect(found.map(({ shape }) => shape)).toEqual([[2], [2], [2, 1], [2], [2]]);
    const read = await Promise.all(found.map((tensor) => tensor.data()));
    expect(read.map((values) => [...values])).toEqual([
      [1, -2],
      [1, -2],
      [1, -2],
      [1, 0],
      [1, 0],
    ]);
    program.dispose();
    tf.dispose([x, ...found]);
  });
});
