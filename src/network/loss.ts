import { UserError } from '../diagnostics/diagnostic.ts';
import { compile } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import { normalisedBy } from './batch-norm.ts';
import { batches, type Examples, inOrder } from './examples.ts';
import type { BatchNormMode, Network } from './network.ts';
import { crossEntropy, exampleLoss, type LossSpec } from './objective.ts';
import { asConstant } from './second-order.ts';
import type { ParameterVector } from './tensors.ts';

/** Loss and accuracy over a set of examples. Non-finite where the network's outputs are. */
export interface Measurement {
  /** Mean of the loss that the network is trained by: cross entropy in nats, where none is named. */
  readonly loss: number;
  /** Share of examples whose largest logit is their class's, in [0, 1]; the first of equal logits counts. */
  readonly accuracy: number;
  /** Standard deviation of the examples' losses over √count: how well the mean is known for other examples. */
  readonly standardError: number;
}

/** Up to so many bytes of inputs stay on the device between passes. */
const keptBytes = 512 * 2 ** 20;

/** Whether all examples' inputs may stay on the device between passes. */
export function keepsInputs({ count, features }: Examples): boolean {
  return count * features * 4 <= keptBytes;
}

/** The loss that a network is trained by. */
export function lossOf(network: Network): LossSpec {
  return network.loss ?? crossEntropy;
}

/**
 * Measures a network's loss at many parameter vectors over the same examples. Logits are computed by the engine in
 * float32; the loss of each example from them in float64.
 */
export class LossMeter {
  readonly #network: Network;
  readonly #examples: Examples;
  readonly #batches: readonly Uint32Array[];
  readonly #kept: tf.Tensor2D[] | undefined;

  /** @param batch examples a forward pass. */
  constructor(network: Network, examples: Examples, batch: number) {
    this.#network = network;
    this.#examples = examples;
    this.#batches = batches(inOrder(examples.count), batch);
    if (keepsInputs(examples)) this.#kept = this.#batches.map((indices) => inputTensor(examples, indices));
  }

  /** @param state running statistics for batch norm's evaluation mode; empty for a network without batch norm. */
  async measure(theta: ParameterVector, state: ParameterVector = []): Promise<Measurement> {
    const parameters = toTensors(theta);
    const fixed = evaluationMode(this.#network, state);
    const sums = { loss: 0, squares: 0, correct: 0 };
    // A program with the parameters in it pays where it sees many batches.
    const program = compile((x) => [fixed.network.forward(tf, parameters, x!)], {
      embed: this.#batches.length >= 4,
    });
    try {
      for (const [b, indices] of this.#batches.entries()) {
        const kept = this.#kept?.[b];
        const inputs = kept ?? inputTensor(this.#examples, indices);
        const [logits] = program.call(inputs) as [tf.Tensor];
        if (!kept) inputs.dispose();
        try {
          const values = (await logits.data()) as Float32Array;
          const { classes } = this.#examples;
          addExamples(
            sums,
            lossOf(this.#network),
            values,
            classes,
            this.#examples,
            indices[0]!,
            indices.length,
          );
        } finally {
          logits.dispose();
        }
      }
    } finally {
      program.dispose();
      tf.dispose(parameters);
      fixed.dispose();
    }
    return measurementOf(sums, this.#examples.count);
  }

  dispose(): void {
    if (this.#kept) tf.dispose(this.#kept);
  }
}

/** Sums over examples in float64. */
export interface LossSums {
  loss: number;
  squares: number;
  correct: number;
}

/**
 * Adds the losses of consecutive examples.
 * @param logits [count, stride], of which the first columns are the classes.
 */
export function addExamples(
  sums: LossSums,
  loss: LossSpec,
  logits: Float32Array,
  stride: number,
  { labels, classes }: Examples,
  first: number,
  count: number,
): void {
  for (let row = 0; row < count; row++) {
    const start = row * stride;
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[start + c]! > logits[start + best]!) best = c;
    const label = labels[first + row]!;
    const own = exampleLoss(loss, logits, start, classes, label, best);
    sums.loss += own;
    sums.squares += own * own;
    if (best === label && !Number.isNaN(own)) sums.correct++;
  }
}

export function measurementOf(sums: LossSums, count: number): Measurement {
  const loss = sums.loss / count;
  const variance = count > 1 ? Math.max(0, (sums.squares - count * loss * loss) / (count - 1)) : 0;
  return { loss, accuracy: sums.correct / count, standardError: Math.sqrt(variance / count) };
}

/** A network that normalises with given running statistics. Dispose of it after use. */
export function evaluationMode(
  network: Network,
  state: ParameterVector,
): { readonly network: Network; dispose(): void } {
  const norm: BatchNormMode = { statistics: 'fixed', tensors: toTensors(state) };
  return { network: normalisedBy(network, norm), dispose: () => tf.dispose([...norm.tensors]) };
}

/** Inputs of some examples on the device. The caller disposes. */
export function inputTensor(examples: Examples, indices: Uint32Array): tf.Tensor2D {
  return tf.tensor2d(examples.inputs(indices), [indices.length, examples.features]);
}

/** One-hot classes of some examples on the device. The caller disposes. */
export function targetTensor(examples: Examples, indices: Uint32Array): tf.Tensor2D {
  const values = new Float32Array(indices.length * examples.classes);
  return tf.tensor2d(oneHot(examples, indices, values), [indices.length, examples.classes]);
}

/** The same as numbers, written to `into`. */
export function oneHot(
  { classes, labels }: Examples,
  indices: Uint32Array,
  into: Float32Array,
): Float32Array {
  into.fill(0);
  for (let row = 0; row < indices.length; row++) into[row * classes + labels[indices[row]!]!] = 1;
  return into;
}

/** Parameters on the device. The caller disposes. */
export function toTensors(vector: ParameterVector): tf.Tensor[] {
  return vector.map(({ values, shape }) => tf.tensor(values, [...shape]));
}

/** Reads tensors back, with the names of `form`. The tensors stay. */
export async function toVector(
  tensors: readonly tf.Tensor[],
  form: ParameterVector,
): Promise<ParameterVector> {
  const read: ParameterVector[number][] = [];
  for (const [t, { name, shape }] of form.entries())
    read.push({ name, shape, values: Float32Array.from(await tensors[t]!.data()) });
  return read;
}

/**
 * Mean loss over a batch as a scalar tensor, differentiable twice: every operation on the way is among those whose
 * second derivatives are proven.
 * - cross entropy: log Σ exp(z - m) - Σ t·(z - m), the largest logit m taken as a constant, with t the one-hot class or
 *   (1 - s)·one-hot + s/K under smoothing s (Szegedy et al. 2016; PyTorch's CrossEntropyLoss). tf.js' own has no
 *   second derivative;
 * - mean squared error over examples and classes (PyTorch's MSELoss of logits and one-hot classes);
 * - hinge: Σ over the other classes max(0, 1 - z_y + z), divided by the number of classes (Weston and Watkins 1999;
 *   PyTorch's MultiMarginLoss);
 * - focal: (1 - p)^γ times the cross entropy (Lin et al. 2017), 1 - p taken as the sum of the other probabilities.
 * @param logits,targets [n, classes]; targets one-hot.
 */
export function meanLoss(spec: LossSpec, logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const classes = logits.shape[1];
    switch (spec.name) {
      case 'cross-entropy': {
        const wanted =
          spec.smoothing === 0
            ? targets
            : tf.add(tf.mul(targets, 1 - spec.smoothing), spec.smoothing / classes);
        return tf.mean(crossEntropies(logits, wanted));
      }
      case 'mean-squared-error':
        return tf.mean(tf.square(tf.sub(logits, targets)));
      case 'hinge': {
        const own = tf.sum(tf.mul(logits, targets), 1, true);
        const short = tf.relu(tf.add(tf.sub(logits, own), 1));
        return tf.mean(tf.mul(short, tf.sub(1, targets)));
      }
      case 'focal': {
        const others = tf.sum(tf.mul(tf.softmax(logits), tf.sub(1, targets)), 1);
        let weight = others;
        for (let power = 1; power < spec.gamma; power++) weight = tf.mul(weight, others);
        return tf.mean(tf.mul(weight, crossEntropies(logits, targets)));
      }
    }
  }) as tf.Scalar;
}

/** Of each example, [n]. */
function crossEntropies(logits: tf.Tensor2D, targets: tf.Tensor): tf.Tensor {
  const largest = asConstant(logits, (z) => tf.max(z, 1, true));
  const shifted = tf.sub(logits, largest);
  const logSum = tf.log(tf.sum(tf.exp(shifted), 1));
  return tf.sub(logSum, tf.sum(tf.mul(shifted, targets), 1));
}

/** Only a module of the user's can have such a parameter. */
function countsForNothing({ spec, parameters }: Network, index: number): UserError {
  const where = spec.name === 'module' ? spec.file : spec.name;
  return new UserError({
    severity: 'error',
    code: 'bad-network',
    message: `${where}: forward does not use "${parameters[index]!.name}": the loss does not depend on it`,
    hint: 'leave it out of the parameters, or use it in forward',
  });
}

/**
 * Mean loss over one batch and its gradient.
 * @returns tensors that the caller disposes; `gradient` in the order of `parameters`.
 * @throws UserError where the loss does not depend on a parameter.
 */
export function lossAndGradient(
  network: Network,
  parameters: readonly tf.Tensor[],
  inputs: tf.Tensor2D,
  targets: tf.Tensor2D,
): { loss: tf.Scalar; gradient: tf.Tensor[] } {
  // Not tf.valueAndGrads: where a parameter counts for nothing, it does not say which.
  const { value, grads } = tf
    .engine()
    .gradients(
      () => meanLoss(lossOf(network), network.forward(tf, parameters, inputs), targets),
      [...parameters],
      undefined,
      true,
    );
  const unused = grads.findIndex((gradient) => !gradient);
  if (unused >= 0) throw countsForNothing(network, unused);
  return { loss: value as tf.Scalar, gradient: grads };
}

/**
 * The gradient of the mean loss over all examples: micro-batches weighted by their size, summed in float64.
 * @param progress is told how many examples are done.
 */
export async function meanGradient(
  network: Network,
  theta: ParameterVector,
  examples: Examples,
  batch: number,
  progress: (done: number) => void = () => {},
): Promise<ParameterVector> {
  const parameters = toTensors(theta);
  const sums = theta.map(({ values }) => new Float64Array(values.length));
  let done = 0;
  try {
    for (const indices of batches(inOrder(examples.count), batch)) {
      const inputs = inputTensor(examples, indices);
      const targets = targetTensor(examples, indices);
      const { loss, gradient } = lossAndGradient(network, parameters, inputs, targets);
      tf.dispose([inputs, targets, loss]);
      for (const [t, tensor] of gradient.entries()) {
        const values = await tensor.data();
        const sum = sums[t]!;
        for (let i = 0; i < sum.length; i++) sum[i]! += values[i]! * indices.length;
        tensor.dispose();
      }
      done += indices.length;
      progress(done);
    }
  } finally {
    tf.dispose(parameters);
  }
  return theta.map(({ name, shape }, t) => ({
    name,
    shape,
    values: Float32Array.from(sums[t]!, (sum) => sum / examples.count),
  }));
}
