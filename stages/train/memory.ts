import { totalmem } from 'node:os';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { normalisedBy } from '../../src/network/batch-norm.ts';
import { batches, type Examples, inOrder } from '../../src/network/examples.ts';
import { inputTensor, lossAndGradient, targetTensor } from '../../src/network/loss.ts';
import type { Network, NetworkSpec } from '../../src/network/network.ts';

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
 * Whether a batch's gradient has to be computed frugally to fit; that decides no bits. Only networks with batch norm can be
 * (`Network.forward`); the others compute large batches in parts (`micro-batch`).
 * @param batch examples computed at once, two or more. @param examples two at least, of four for more than four at once.
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
  if (surelyFits(network.spec, batch, most)) return false;
  const plain = await gradientMemory(network, parameters, examples, false, probes(batch));
  const segmented = network.state.length > 0;
  if (plain.at(batch) <= (segmented ? frugalFrom : most)) return false;
  const best = segmented ? await gradientMemory(network, parameters, examples, true, probes(batch)) : plain;
  if (best.at(batch) <= most) return true;
  const fitting = best.most(most);
  const cure = segmented ? `lower the batch to ${fitting}` : `set micro-batch: ${fitting}`;
  throw new UserError({
    severity: 'error',
    code: 'training-too-large',
    message: `the gradient of ${batch} images takes ${megabytes(best.at(batch))}${segmented ? ', computed in segments' : ''}; ${because} ${megabytes(most)}`,
    hint:
      fitting > 0
        ? `${cure}, or give it more memory: resources, another engine`
        : 'not even one image fits: take a smaller network, smaller images, more memory (resources) or another engine',
  });
}

/** Numbers of examples that are tried: none may be more than what is asked about. */
function probes(batch: number): readonly [number, number] {
  return batch > 4 ? [2, 4] : [1, 2];
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** The peak of the device's memory while a gradient is computed, as a function of the number of images. */
export interface GradientMemory {
  at(batch: number): number;
  /** The largest batch whose gradient takes so many bytes, 0 where not even one image's does. */
  most(bytes: number): number;
}

/**
 * What the gradient of a batch takes in batch norm's training mode, extrapolated from gradients of few examples: maps grow
 * with the batch, parameters do not. (ResNet-56, 128 images: 501.8 MB expected and 501.7 MB measured when it is frugal.)
 * @param parameters stay the caller's. @param counts of examples that are tried, the second at most as many as there are.
 */
export async function gradientMemory(
  network: Network,
  parameters: readonly tf.Tensor[],
  examples: Examples,
  frugal: boolean,
  counts: readonly [number, number] = [2, 4],
): Promise<GradientMemory> {
  const bound = normalisedBy(network, { statistics: 'batch', frugal });
  const peaks: number[] = [];
  for (const count of counts) {
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
  const [few, more] = peaks as [number, number];
  return line(few, Math.max(1, (more - few) / (counts[1] - counts[0])), counts[0]);
}

/** Of a perceptron, ten times its numbers: a gradient takes about three times. Saves the trying where nothing is close. */
function surelyFits(spec: NetworkSpec, batch: number, most: number): boolean {
  if (spec.name !== 'mlp') return false;
  const sizes = [spec.inputs, ...spec.widths, spec.classes];
  const parameters = sizes.slice(1).reduce((sum, out, l) => sum + (sizes[l]! + 1) * out, 0);
  return 10 * 4 * (parameters + batch * sizes.reduce((a, b) => a + b, 0)) <= most;
}

/** Bytes that grow by `each` an example from `bytes` for `examples` on. */
function line(bytes: number, each: number, examples: number): GradientMemory {
  return {
    at: (batch) => bytes + each * (batch - examples),
    most: (limit) => Math.max(0, Math.floor((limit - bytes) / each) + examples),
  };
}
