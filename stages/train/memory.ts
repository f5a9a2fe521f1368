import { tf } from '../../src/engine/tensorflow.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { batches, type Examples, inOrder } from '../../src/network/examples.ts';
import { inputTensor, lossAndGradient, targetTensor } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';

/**
 * Bytes on the device from which on a gradient is computed frugally: half of what WebAssembly can address, because its
 * heap fragments. Natively it is the machine's memory that ends.
 */
export function frugalFrom(): number {
  return tf.getBackend() === 'wasm' ? 2 ** 31 : 2 ** 33;
}

/**
 * The peak of the device's memory while the gradient of a batch is computed in batch norm's training mode, extrapolated
 * from gradients of two and of four examples: maps grow with the batch, parameters do not. (ResNet-56, 128 images:
 * 501.8 MB expected and 501.7 MB measured when it is frugal.)
 * @param parameters stay the caller's.
 */
export async function expectedPeak(
  network: Network,
  parameters: readonly tf.Tensor[],
  examples: Examples,
  batch: number,
): Promise<number> {
  const bound = normalisedBy(network, { statistics: 'batch' });
  const peaks: number[] = [];
  for (const count of [2, 4]) {
    const [indices] = batches(inOrder(examples.count), count) as [Uint32Array];
    const { peakBytes } = await tf
      .profile(() => {
        const inputs = inputTensor(examples, indices);
        const targets = targetTensor(examples, indices);
        const { loss, gradient } = lossAndGradient(bound, parameters, inputs, targets);
        tf.dispose([inputs, targets, gradient]);
        return loss;
      })
      .then((profile) => {
        tf.dispose(profile.result as tf.Tensor);
        return profile;
      });
    peaks.push(peakBytes);
  }
  const [two, four] = peaks as [number, number];
  return two + ((four - two) / 2) * (batch - 2);
}
