import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, staged } from '../../src/engine/compile.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { type Computation, numbers, onnxInstalled, startWatched } from '../support/watched-onnx.ts';
import { drawn, geometries } from './kernels.ts';

type Maps = tf.Tensor4D;

/** Of 16 examples and 16 channels, so that both can lie in blocks of 8 or 16. */
describe.skipIf(!onnxInstalled)('maps whose channels lie in blocks', () => {
  /** Models that reorder maps. */
  let reordering = 0;
  let newest: Buffer = Buffer.alloc(0);
  let block = 0;
  beforeAll(async () => {
    block = await startWatched((model) => {
      newest = model;
      if (model.includes('ReorderInput')) reordering++;
    });
  });
  afterAll(async () => {
    await tf.setBackend('onnx');
  });

  /** To 4e-6 of the largest: sums of up to some thousand products in another order. */
  function near(found: readonly Float32Array[], expected: readonly Float32Array[], what: string): void {
    expect(found.length).toBe(expected.length);
    for (const [r, values] of expected.entries()) {
      const size = values.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      const worst = values.reduce((most, x, i) => Math.max(most, Math.abs(x - found[r]![i]!)), 0);
      expect(found[r]!.length, what).toBe(values.length);
      expect(worst / size, `${what}, ${r}`).toBeLessThan(4e-6);
    }
  }

  const agree = async (what: string, inputs: readonly number[][], f: Computation): Promise<void> =>
    near(await numbers('onnx', inputs, f), await numbers('wasm', inputs, f), what);

  test('are convolved as wasm does it, with gradients by maps and by kernels', async () => {
    const before = reordering;
    for (const { side, kernel, strides, pad, dilations = [1, 1] as [number, number] } of geometries)
      await agree(
        `${side} by ${kernel}, strides ${strides}, pad ${pad}, dilations ${dilations}`,
        [
          [16, ...side, 16],
          [...kernel, 16, 32],
        ],
        (x, k) => {
          const f = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
            tf.conv2d(a as Maps, b as Maps, strides, pad, 'NHWC', dilations);
          const y = f(x!, k!);
          return [y, ...tf.grads((a, b) => tf.sum(tf.square(f(a!, b!))))([x!, k!])];
        },
      );
    if (block > 0) expect(reordering - before).toBeGreaterThanOrEqual(geometries.length);
  });

  const conv = (x: tf.Tensor, k: tf.Tensor): Maps => tf.conv2d(x as Maps, k as Maps, 1, 'same');

  // Examples in one, two or four groups, by how many there are and how many blocks of channels.
  test.each([
    [16, 16, [3, 3]],
    [32, 16, [3, 3]],
    [64, 16, [5, 2]],
    [64, 32, [2, 3]],
    [32, 64, [3, 1]],
  ] as const)(
    'with gradients by kernels read as they lie: %i examples, %i channels, %j',
    async (n, c, taps) => {
      const shapes = [
        [n, 6, 5, 16],
        [3, 3, 16, c],
        [...taps, c, 32],
      ];
      const f: Computation = (x, first, second) => {
        const y = tf.relu(conv(x!, first!));
        return tf.grads((k) => tf.sum(tf.square(conv(y, k!))))([second!]);
      };
      await agree(`${n} by ${c}`, shapes, f);
      const program = compile((...x) => f(...x));
      const given = shapes.map((shape, i) => drawn(shape, `lying ${i}`));
      tf.dispose([...program.call(...given), ...given]);
      program.dispose();
      if (block > 0) expect(newest.includes('ReorderOutput')).toBe(false);
    },
  );

  const inputs = [[16, 5, 6, 16], [3, 3, 16, 16], [16], [1], [16, 1, 1, 16], [16, 5, 6, 1], [5, 6, 16]];
  test('go through everything else as well', () =>
    agree('operations', inputs, (x, k, channel, one, gate, pixel, image) => {
      const y = conv(x!, k!);
      const mask = tf.greater(y, 0);
      return [
        tf.relu(tf.add(tf.mul(y, channel!), one!)),
        tf.mul(y, gate!),
        tf.sub(y, pixel!),
        tf.add(tf.add(y, image!), x!),
        tf.where(mask, y, tf.mul(y, 0.1)),
        tf.cast(mask, 'int32'),
        tf.logicalNot(mask),
        tf.step(y),
        tf.addN([y, x!, tf.zerosLike(y)]),
        tf.sum(y, [0, 1, 2]),
        tf.mean(y, [1, 2]),
        tf.max(y, [1, 2], true),
        tf.sum(y, 3),
        tf.sum(y),
        tf.avgPool(y, [5, 6], 1, 'valid'),
        tf.maxPool(y, 2, 2, 'valid'),
        tf.transpose(y, [3, 1, 2, 0]),
        tf.reshape(y, [80, 96]),
        tf.reshape(y, [16, 1, 5, 6, 16]),
        tf.slice(y, [0, 1, 0, 3], [16, 3, 6, 9]),
        tf.concat([y, x!], 3),
        tf.pad(y, [
          [0, 0],
          [1, 0],
          [0, 2],
          [8, 8],
        ]),
        tf.reverse(y, 1),
        conv(tf.sigmoid(conv(tf.relu(y), k!)), k!),
        conv(
          tf.pad(y, [
            [0, 0],
            [0, 0],
            [0, 0],
            [0, 0],
          ]),
          k!,
        ),
      ];
    }));

  test('are read, and used again after they were read', async () => {
    const twice = (engine: string) =>
      numbers(engine, inputs, (x, k, channel) => {
        const y = conv(x!, k!);
        const seen = tf.greater(y, 0);
        if (engine === 'onnx') (tf.backend() as unknown as { flush(): void }).flush();
        return [y, conv(tf.mul(y, channel!), k!), tf.where(seen, y, x!), tf.transpose(y, [0, 3, 1, 2])];
      });
    near(await twice('onnx'), await twice('wasm'), 'read');
  });

  test('are handed over within compiled functions and between their parts', async () => {
    await tf.setBackend('onnx');
    const [x, k] = [drawn(inputs[0]!, 'x'), drawn(inputs[1]!, 'k')];
    const f = (v: tf.Tensor, a: tf.Tensor): tf.Tensor[] => {
      const y = tf.relu(conv(a, k));
      return [conv(tf.mul(y, v), k), tf.sum(tf.mul(y, v), [0, 1, 2])];
    };
    const v = drawn([16], 'v');
    const expected = tf.tidy(() => f(v, x));
    const exact: Float32Array[] = [];
    for (const tensor of expected) exact.push(Float32Array.from(await tensor.data()));
    for (const embed of [false, true]) {
      const program = compile((w) => f(w!, x), { embed });
      const found = program.call(v);
      const read: Float32Array[] = [];
      for (const tensor of found) read.push(Float32Array.from(await tensor.data()));
      near(read, exact, `embed ${embed}`);
      program.dispose();
      tf.dispose(found);
    }
    const program = staged((a, w) => f(w!, a!))!;
    const results = exact.map(({ length }) => new Float32Array(length));
    await program.at(x).compute([{ values: (await v.data()) as Float32Array, shape: [16] }], results);
    near(results, exact, 'in two parts');
    program.dispose();
    tf.dispose([x, k, v, ...expected]);
  });
});
