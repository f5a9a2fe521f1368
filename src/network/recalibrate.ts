import { UserError } from '../diagnostics/diagnostic.ts';
import { tf } from '../engine/tensorflow.ts';
import { normalisedBy } from './batch-norm.ts';
import { batches, type Examples, inOrder } from './examples.ts';
import { inputTensor, toTensors } from './loss.ts';
import type { Average, Moments, Network } from './network.ts';
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
  let seen = 0;
  try {
    for (const indices of batches(
      inOrder(examples.count),
      average === 'full-batch' ? examples.count : batch,
    )) {
      seen += indices.length;
      const weight = average === 'ema' ? momentum : indices.length / seen;
      const layers = momentsOf(network, parameters, examples, indices);
      try {
        for (const [layer, { mean, variance, count }] of layers.entries()) {
          if (count < 2) throw singleValue();
          mix(sums[2 * layer]!, (await mean.data()) as Float32Array, weight, 1);
          mix(sums[2 * layer + 1]!, (await variance.data()) as Float32Array, weight, count / (count - 1));
        }
      } finally {
        for (const { mean, variance } of layers) tf.dispose([mean, variance]);
      }
    }
  } finally {
    tf.dispose(parameters);
  }
  return network.state.map(({ name, shape }, s) => ({ name, shape, values: Float32Array.from(sums[s]!) }));
}

/** Each layer's moments over one batch. The caller disposes. */
function momentsOf(
  network: Network,
  parameters: readonly tf.Tensor[],
  examples: Examples,
  indices: Uint32Array,
): Moments[] {
  const layers: Moments[] = [];
  const observed = normalisedBy(network, {
    statistics: 'batch',
    observe: (layer, moments) => {
      layers[layer] = moments;
    },
  });
  const inputs = inputTensor(examples, indices);
  tf.dispose(tf.tidy(() => observed.forward(tf, parameters, inputs)));
  inputs.dispose();
  return layers;
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
