import { UserError } from '../diagnostics/diagnostic.ts';
import { compile } from '../engine/compile.ts';
import { tf } from '../engine/tensorflow.ts';
import { normalisedBy } from './batch-norm.ts';
import { batches, type Examples, inOrder } from './examples.ts';
import { inputTensor, toTensors } from './loss.ts';
import type { Average, Network } from './network.ts';
import { initialState, singleValue } from './running-statistics.ts';
import type { ParameterVector } from './tensors.ts';

const momentum = 0.1;
/** The largest maps of a full batch may take so many bytes; some ten of them are in memory at once. */
const fullBatchBytes = 2 ** 27;

/**
 * Running statistics of batch norm for other parameters than those they were collected for (the paper's UpBN): reset,
 * then one pass over the examples in training mode, without augmentation. As in PyTorch, the running variance is the
 * unbiased one of the batch, while the batch itself is normalised with the biased one. Averaged in float64 on the host.
 * @param batch examples a forward pass; decides the result, except under `full-batch`.
 * @returns tensors in the form of `network.state`; empty for a network without batch norm.
 */
export async function recalibrated(
  network: Network,
  theta: ParameterVector,
  examples: Examples,
  average: Average,
  batch: number,
): Promise<ParameterVector> {
  if (network.state.length === 0) return [];
  if (average === 'full-batch') refuseTooMany(examples);
  // Under the cumulative average the first batch weighs 1: what stands there before does not matter.
  const sums = initialState(network).map(({ values }) => Float64Array.from(values));
  const parameters = toTensors(theta);
  const list = batches(inOrder(examples.count), average === 'full-batch' ? examples.count : batch);
  const counts: number[] = [];
  // As in LossMeter: a program with the parameters in it pays where it sees many batches.
  const program = compile((inputs) => momentsOf(network, parameters, inputs, counts), {
    embed: list.length >= 4,
  });
  let seen = 0;
  try {
    for (const indices of list) {
      seen += indices.length;
      const weight = average === 'ema' ? momentum : indices.length / seen;
      const inputs = inputTensor(examples, indices);
      const moments = program.call(inputs);
      inputs.dispose();
      try {
        for (const [m, tensor] of moments.entries()) {
          // Of this batch: only the last may differ in size, and is then recorded anew.
          const count = counts[m >> 1]!;
          if (count < 2) throw singleValue();
          const factor = m % 2 === 0 ? 1 : count / (count - 1);
          mix(sums[m]!, (await tensor.data()) as Float32Array, weight, factor);
        }
      } finally {
        tf.dispose(moments);
      }
    }
  } finally {
    program.dispose();
    tf.dispose(parameters);
  }
  return network.state.map(({ name, shape }, s) => ({ name, shape, values: Float32Array.from(sums[s]!) }));
}

/**
 * Mean and variance of each layer over one batch, in the order of `network.state`. The caller disposes.
 * @param counts filled with the values a channel of each layer.
 */
function momentsOf(
  network: Network,
  parameters: readonly tf.Tensor[],
  inputs: tf.Tensor,
  counts: number[],
): tf.Tensor[] {
  const moments: tf.Tensor[] = [];
  const observed = normalisedBy(network, {
    statistics: 'batch',
    observe: (layer, { mean, variance, count }) => {
      moments[2 * layer] = mean;
      moments[2 * layer + 1] = variance;
      counts[layer] = count;
    },
  });
  tf.dispose(tf.tidy(() => observed.forward(tf, parameters, inputs)));
  return moments;
}

function mix(sum: Float64Array, values: Float32Array, weight: number, factor: number): void {
  for (let c = 0; c < sum.length; c++) sum[c] = (1 - weight) * sum[c]! + weight * factor * values[c]!;
}

function refuseTooMany({ count, features }: Examples): void {
  // 16 channels of the images' own size: the largest maps of the networks for CIFAR.
  const bytes = (count * features * 4 * 16) / 3;
  if (bytes > fullBatchBytes)
    throw new UserError({
      severity: 'error',
      code: 'batch-too-large',
      message: `full-batch statistics of ${count} examples would need maps of ${Math.round(bytes / 2 ** 20)} MiB each`,
      expected: `at most ${Math.floor((fullBatchBytes * 3) / (features * 4 * 16))} examples`,
      hint: 'use fewer examples, or average: cumulative',
    });
}
