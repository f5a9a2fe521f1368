import { totalmem } from 'node:os';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { batches, type Examples, inOrder } from '../../src/network/examples.ts';
import { inputTensor, lossAndGradient, targetTensor } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';

/** Bytes on the device: from which on a gradient is computed frugally, and which it may not take at all. */
interface Limits {
  readonly frugalFrom: number;
  readonly most: number;
  /** What sets the second one, for messages. */
  readonly because: string;
}

/**
 * Half and three quarters of what WebAssembly can address, because its heap fragments; natively it is the machine's
 * memory that ends. What a pipeline states bounds both.
 * @param stated bytes, or 0 where nothing is.
 */
function limitsOf(stated: number): Limits {
  const { frugalFrom, most, because } =
    tf.getBackend() === 'wasm'
      ? { frugalFrom: 2 ** 31, most: 3 * 2 ** 30, because: 'WebAssembly holds' }
      : { frugalFrom: 2 ** 33, most: totalmem(), because: 'this machine has' };
  if (stated === 0 || stated >= most)
    return { frugalFrom: Math.min(frugalFrom, stated || most), most, because };
  return { frugalFrom: Math.min(frugalFrom, stated), most: stated, because: "the stage's `resources` state" };
}

/**
 * Whether a batch's gradient has to be computed frugally to fit; that decides no bits.
 * @param stated bytes that the pipeline allows, or 0.
 * @throws UserError where it does not fit then, either.
 */
export async function mustBeFrugal(
  network: Network,
  parameters: readonly tf.Tensor[],
  examples: Examples,
  batch: number,
  stated = 0,
): Promise<boolean> {
  const { frugalFrom, most, because } = limitsOf(stated);
  const plain = await gradientMemory(network, parameters, examples, false);
  if (plain.at(batch) <= frugalFrom) return false;
  const frugal = await gradientMemory(network, parameters, examples, true);
  if (frugal.at(batch) <= most) return true;
  const fitting = frugal.most(most);
  throw new UserError({
    severity: 'error',
    code: 'training-too-large',
    message: `the gradient of ${batch} images takes ${megabytes(frugal.at(batch))}, computed in segments; ${because} ${megabytes(most)}`,
    hint:
      fitting > 0
        ? `lower the batch to ${fitting}, or give it more memory: resources, another engine`
        : 'not even one image fits: take a smaller network, smaller images, more memory (resources) or another engine',
  });
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** The peak of the device's memory while a gradient is computed, as a function of the number of images. */
export interface GradientMemory {
  at(batch: number): number;
  /** The largest batch whose gradient takes so many bytes, 0 where not even one image's does. */
  most(bytes: number): number;
}

/**
 * What the gradient of a batch takes in batch norm's training mode, extrapolated from gradients of two and of four
 * examples: maps grow with the batch, parameters do not. (ResNet-56, 128 images: 501.8 MB expected and 501.7 MB measured
 * when it is frugal.)
 * @param parameters stay the caller's. @param examples at least four.
 */
export async function gradientMemory(
  network: Network,
  parameters: readonly tf.Tensor[],
  examples: Examples,
  frugal: boolean,
): Promise<GradientMemory> {
  const bound = normalisedBy(network, { statistics: 'batch', frugal });
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
  const each = Math.max(1, (four - two) / 2);
  return {
    at: (batch) => two + each * (batch - 2),
    most: (bytes) => Math.max(0, Math.floor((bytes - two) / each) + 2),
  };
}
