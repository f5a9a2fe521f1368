import { beforeAll, describe, expect, test } from 'vitest';
import { compile, staged } from '../../src/engine/compile.ts';
import { availableEngines, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { hessianVectorProduct } from '../../src/network/second-order.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { drawn } from './kernels.ts';

const root = packageRoot();
const installed = availableEngines(root).find(({ name }) => name === 'onnx')!.available;

// Skipped where onnxruntime-node, an optional dependency, is not installed.
describe.skipIf(!installed)('compiled functions on the engine onnx', () => {
  beforeAll(async () => {
    await startEngine({ name: 'onnx', identity: engineIdentity('onnx', root) }, root);
  });

  const [x, w] = [() => drawn([6, 4], 'x'), () => drawn([4, 3], 'w')];

  test.each([false, true])('give what the function gives, whatever is embedded (%s)', async (embed) => {
    const [inputs, weights] = [x(), w()];
    const f = (y: tf.Tensor) => [tf.relu(tf.matMul(tf.add(y, 1), tf.square(weights))), tf.square(weights)];
    const program = compile((y) => f(y!), { embed });
    const before = tf.memory().numTensors;
    for (const rows of [6, 6, 2]) {
      const part = tf.slice(inputs, [0, 0], [rows, 4]);
      const [found, expected] = [program.call(part), tf.tidy(() => f(part))];
      for (const [i, tensor] of found.entries())
        expect([...(await tensor.data())]).toEqual([...(await expected[i]!.data())]);
      tf.dispose([part, ...found, ...expected]);
    }
    expect(tf.memory().numTensors).toBe(before);
    program.dispose();
    tf.dispose([inputs, weights]);
  });

  test('compute once what no input decides, and keep no more than that', async () => {
    const [inputs, weights] = [x(), w()];
    const program = compile((v) => [tf.mul(tf.sum(tf.matMul(inputs, weights), 0), v!)]);
    const v = tf.ones([3]);
    tf.dispose(program.call(v));
    // The three sums: neither the 24 inputs nor the 12 weights nor the 18 products.
    expect(program.keptBytes).toBe(3 * 4);
    tf.dispose([inputs, weights]);
    const [again] = program.call(v);
    expect((await again!.data()).length).toBe(3);
    program.dispose();
    tf.dispose([v, again!]);
  });

  test('in two parts give what the function gives, whatever is bound, and keep what is between', async () => {
    const weights = w();
    const f = (a: tf.Tensor, v: tf.Tensor) => {
      const sums = tf.sum(tf.matMul(tf.add(a, 1), tf.square(weights)), 0);
      // Recorded several times: handed over once, and a step of it not at all.
      const rectified = () => tf.relu(tf.matMul(a, weights));
      return [
        tf.mul(sums, v),
        tf.transpose(tf.mul(tf.matMul(a, weights), v)),
        tf.add(tf.mul(tf.mul(rectified(), v), tf.step(rectified())), tf.mul(rectified(), v)),
      ];
    };
    const program = staged((a, v) => f(a!, v!))!;
    const [whole, v] = [x(), drawn([3], 'v')];
    const values = (await v.data()) as Float32Array;
    const before = tf.memory().numTensors;
    const bounds = [6, 6, 2].map((rows, i) => {
      const part = tf.slice(whole, [i === 1 ? 0 : 6 - rows, 0], [rows, 4]);
      const bound = program.at(part);
      return { rows, part, bound };
    });
    for (const round of [1, 2])
      for (const { rows, part, bound } of bounds) {
        const results = [3, 3 * rows, 3 * rows].map((size) => new Float32Array(size));
        await bound.compute([{ values, shape: [3] }], results);
        const expected = tf.tidy(() => f(part, v));
        for (const [i, tensor] of expected.entries()) expect(results[i]).toEqual(await tensor.data());
        tf.dispose(expected);
        // The inputs, three sums, a product, and that rectified.
        expect(bound.keptBytes).toBe(4 * (4 * rows + 3 + 2 * 3 * rows));
        // Its numbers are written over by the next.
        if (round === 2) bound.dispose();
      }
    tf.dispose(bounds.map(({ part }) => part));
    expect(tf.memory().numTensors).toBe(before);
    program.dispose();
    tf.dispose([whole, v, weights]);
  });

  test('products with a Hessian are the same compiled, to rounding', async () => {
    const [inputs, weights] = [x(), w()];
    const loss = (k: tf.Tensor) => tf.mean(tf.square(tf.tanh(tf.matMul(inputs, k)))) as tf.Scalar;
    const product = (v: tf.Tensor) => hessianVectorProduct((k) => loss(k!), [weights], [v]).product;
    const program = compile((v) => product(v!));
    for (const name of ['v', 'u']) {
      const v = drawn([4, 3], name);
      const [[found], [expected]] = [program.call(v), tf.tidy(() => product(v))];
      const exact = await expected!.data();
      (await found!.data()).forEach((value, i) => {
        expect(Math.abs(value - exact[i]!)).toBeLessThan(1e-6);
      });
      tf.dispose([v, found!, expected!]);
    }
    program.dispose();
    tf.dispose([inputs, weights]);
  });

  test('cannot read their tensors', () => {
    const program = compile((v) => [tf.scalar(v!.dataSync()[0]!)]);
    const v = tf.ones([2]);
    expect(() => program.call(v)).toThrow('cannot read its tensors');
    v.dispose();
  });

  test('the same function of the same numbers has the same bits, compiled again or not', async () => {
    const bits = async (): Promise<string> => {
      const [inputs, weights] = [drawn([37, 300], 'a'), drawn([300, 50], 'b')];
      const program = compile((v) => [tf.matMul(tf.relu(v!), weights)]);
      const [y] = program.call(inputs);
      const text = Buffer.from((await y!.data()).buffer).toString('hex');
      program.dispose();
      tf.dispose([inputs, weights, y!]);
      return text;
    };
    expect(await bits()).toBe(await bits());
  });

  test('numbers that the caller changes afterwards do not change a tensor', async () => {
    const numbers = Float32Array.of(1, 2, 3);
    const tensor = tf.tensor1d(numbers);
    const doubled = tf.mul(tensor, 2);
    numbers.fill(7);
    expect([...(await doubled.data())]).toEqual([2, 4, 6]);
    tf.dispose([tensor, doubled]);
  });
});
