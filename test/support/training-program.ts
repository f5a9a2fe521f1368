/**
 * A program of its own for tests of bits across processes: `node training-program.mjs THREADS`, bundled. Trains a small
 * convolutional network and a perceptron for a few steps, multiplies with a Hessian, and prints the digests of what
 * came out.
 */
import { createHash } from 'node:crypto';
import { startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { hessianVectorProduct } from '../../src/network/second-order.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

const threads = Number(process.argv[2]);
await startEngine({ name: 'onnx', identity: {}, onnx: { threads } }, packageRoot());

const drawn = (scale: number, name: string, ...shape: number[]): tf.Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    new Random([11, name]).gaussians(size).map((x) => scale * x),
    shape,
  );
};

type Loss = (...parameters: tf.Tensor[]) => tf.Scalar;

function crossEntropy(logits: tf.Tensor): tf.Scalar {
  const shifted = tf.sub(logits, tf.max(logits, 1, true));
  const right = tf.slice(shifted, [0, 0], [shifted.shape[0]!, 1]);
  return tf.mean(tf.sub(tf.log(tf.sum(tf.exp(shifted), 1, true)), right));
}

async function trained(loss: Loss, parameters: tf.Tensor[]): Promise<tf.Tensor[]> {
  let now = parameters;
  for (let step = 0; step < 3; step++) {
    const gradients = tf.grads(loss)(now);
    now = now.map((p, i) => tf.sub(p, tf.mul(gradients[i]!, 0.05)));
    await now[0]!.data();
  }
  return now;
}

async function digest(tensors: readonly tf.Tensor[]): Promise<string> {
  const hash = createHash('sha256');
  for (const tensor of tensors) hash.update(new Uint8Array((await tensor.data()).slice().buffer));
  return hash.digest('hex');
}

const images = drawn(1, 'images', 32, 16, 16, 3) as tf.Tensor4D;
const convolutional: Loss = (k1, k2, w) => {
  const maps = tf.relu(tf.conv2d(images, k1 as tf.Tensor4D, 1, 'same'));
  const fewer = tf.relu(tf.conv2d(maps as tf.Tensor4D, k2 as tf.Tensor4D, 2, 'same'));
  return crossEntropy(tf.matMul(tf.mean(fewer, [1, 2]), w!));
};
const kernels = [drawn(0.2, 'k1', 3, 3, 3, 16), drawn(0.1, 'k2', 3, 3, 16, 32), drawn(0.2, 'w', 32, 10)];

const rows = drawn(1, 'rows', 100, 700);
const perceptron: Loss = (a, b) => crossEntropy(tf.matMul(tf.relu(tf.matMul(rows, a!)), b!));
const weights = [drawn(0.05, 'a', 700, 130), drawn(0.1, 'b', 130, 10)];

const network = await trained(convolutional, kernels);
const { gradient, product } = hessianVectorProduct(
  convolutional,
  network,
  kernels.map(({ shape }, i) => drawn(1, `v${i}`, ...shape)),
);
console.log(
  JSON.stringify({
    convolutional: await digest(network),
    perceptron: await digest(await trained(perceptron, weights)),
    gradient: await digest(gradient),
    product: await digest(product),
  }),
);
