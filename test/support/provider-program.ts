/**
 * A program of its own for tests of providers: `node provider-program.mjs PROVIDER`, bundled. Prints values, gradients
 * and a product with the Hessian of what networks are made of.
 */
import { startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { OnnxProvider } from '../../src/kind/stage-kind.ts';
import { hessianVectorProduct } from '../../src/network/second-order.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

const provider = process.argv[2] as OnnxProvider;
await startEngine({ name: 'onnx', identity: {}, onnx: { provider, threads: 1 } }, packageRoot());

const drawn = (name: string, ...shape: number[]): tf.Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor([...new Random([13, name]).gaussians(size)], shape);
};

const results: Record<string, number[]> = {};
async function keep(name: string, ...tensors: tf.Tensor[]): Promise<void> {
  results[name] = [];
  for (const tensor of tensors) results[name].push(...(await tensor.data()));
}

const [a, b, row] = [drawn('a', 9, 17), drawn('b', 17, 6), drawn('row', 17)];
await keep('elementwise', tf.tanh(tf.add(tf.mul(a, row), tf.exp(tf.neg(tf.square(a))))));
await keep('product', tf.matMul(a, b), tf.matMul(b, a, true, true));
await keep('reductions', tf.sum(a, 0), tf.mean(a, 1), tf.max(a), tf.softmax(a));
await keep(
  'moved',
  tf.concat([tf.transpose(a), b.slice([0, 0], [17, 3])], 1),
  tf.pad(a, [
    [1, 0],
    [0, 2],
  ]),
  tf.reverse(a, 1),
);

const maps = drawn('maps', 3, 8, 7, 4) as tf.Tensor4D;
const kernel = drawn('kernel', 3, 3, 4, 5) as tf.Tensor4D;
await keep(
  'strided',
  tf.conv2d(maps, kernel, 2, 'same'),
  tf.avgPool(maps, 2, 2, 'valid'),
  tf.maxPool(maps, 3, 2, 'same'),
);

type Loss = (...parameters: tf.Tensor[]) => tf.Scalar;
const convolutional: Loss = (k, w) => {
  const seen = tf.relu(tf.conv2d(maps, k as tf.Tensor4D, 1, 'same'));
  return tf.mean(tf.square(tf.matMul(tf.mean(seen, [1, 2]), w!)));
};
const perceptron: Loss = (w1, w2) => {
  const logits = tf.matMul(tf.relu(tf.matMul(a, w1!)), w2!);
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  return tf.mean(
    tf.sub(tf.log(tf.sum(tf.exp(shifted), 1)), tf.reshape(tf.slice(shifted, [0, 0], [9, 1]), [9])),
  );
};
for (const [name, loss, parameters] of [
  ['convolutional', convolutional, [kernel, drawn('w', 5, 2)]],
  ['perceptron', perceptron, [b, drawn('w2', 6, 3)]],
] as const) {
  const v = parameters.map(({ shape }, i) => drawn(`${name} ${i}`, ...shape));
  const found = hessianVectorProduct(loss, parameters, v);
  await keep(`${name}: value`, found.value);
  await keep(`${name}: gradient`, ...found.gradient);
  await keep(`${name}: product with the Hessian`, ...found.product);
}
console.log(JSON.stringify(results));
