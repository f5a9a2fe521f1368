import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { examplesOf } from '../../src/dataset/examples.ts';
import { type Normalisation, normalisations } from '../../src/dataset/normalisation.ts';
import { Rows, residentBudget } from '../../src/dataset/rows.ts';
import type { Examples } from '../../src/network/examples.ts';
import { importTensors, pytorch } from '../../src/network/import.ts';
import type { Network } from '../../src/network/network.ts';
import { decodeSafetensors } from '../../src/network/safetensors.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { packageRoot } from '../../src/util/package-root.ts';

/**
 * Reference numbers of PyTorch and SciPy in float64, in `../shared/oracle` beside the repository, and the real images
 * they were made from: CIFAR-10's official binary files in `data/cifar10/` or in the folder that $CIFAR10 names.
 * Where either is absent, `oracleMissing` says so and the tests are skipped.
 */
const folder = join(dirname(packageRoot()), 'shared', 'oracle');
const images = [process.env.CIFAR10, join(packageRoot(), 'data', 'cifar10')].find(
  (path) => path && existsSync(join(path, 'data_batch_1.bin')),
);

export const oracleMissing: string | undefined = !existsSync(folder)
  ? 'skipped: no ../shared/oracle beside the repository'
  : images === undefined
    ? 'skipped: no CIFAR-10 in data/cifar10 or $CIFAR10 (get it with "orograph data get cifar10")'
    : undefined;

// biome-ignore lint/suspicious/noExplicitAny: each expected file has a form of its own, stated in its `fields`.
export function expected(name: string): any {
  return JSON.parse(readFileSync(join(folder, 'expected', `${name}.json`), 'utf8'));
}

/** A stored parameter vector of the MLP, from PyTorch's names and layout [out, in] to ours. */
export function oracleVector(name: string): ParameterVector {
  const { tensors } = decodeSafetensors(readFileSync(join(folder, 'inputs', `${name}.safetensors`)), name);
  return tensors.map(({ name: torch, shape, values }) => {
    const [layer, role] = torch.split('.') as [string, string];
    const ours = `dense${layer.slice(2)}/${role === 'weight' ? 'kernel' : 'bias'}`;
    if (role !== 'weight') return { name: ours, shape, values };
    const [out, into] = shape as [number, number];
    const transposed = new Float32Array(values.length);
    for (let o = 0; o < out; o++)
      for (let i = 0; i < into; i++) transposed[i * out + o] = values[o * into + i]!;
    return { name: ours, shape: [into, out], values: transposed };
  });
}

/** The reference's random λ: float64, one a batch of each epoch. */
export function oracleUnits(name: 'wpeak_u' | 'vvv_u', epochs: number): number[] {
  const bytes = readFileSync(join(folder, 'inputs', 'mlp_lambda_units.safetensors'));
  const size = Number(bytes.readBigUInt64LE(0));
  const [start] = JSON.parse(bytes.subarray(8, 8 + size).toString())[name].data_offsets as [number, number];
  return Array.from({ length: 79 * epochs }, (_, b) => bytes.readDoubleLE(8 + size + start + 8 * b));
}

/** Trained weights in `../shared/data/weights`, for a network. */
export function trainedWeights(
  name: string,
  network: Network,
): { readonly parameters: ParameterVector; readonly state: ParameterVector } {
  return imported(join(dirname(folder), 'data', 'weights', `${name}.safetensors`), network);
}

/** A stored vector of a network's parameters, without running statistics. */
export function oracleVectorOf(name: string, network: Network): ParameterVector {
  const path = join(folder, 'inputs', `${name}.safetensors`);
  return imported(path, { ...network, state: [] }).parameters;
}

function imported(path: string, network: Network): ReturnType<typeof importTensors> {
  const { tensors } = decodeSafetensors(readFileSync(path), path);
  return importTensors(tensors, network, pytorch(network, ''), {}, path);
}

/** Stored vectors of signs (int8 [count, d] in PyTorch's order and layout), each in our order of a parameter vector. */
export function oracleSigns(name: string, form: ParameterVector): Float32Array[] {
  const bytes = readFileSync(join(folder, 'inputs', `${name}.safetensors`));
  const header = Number(bytes.readBigUInt64LE(0));
  const d = form.reduce((sum, { values }) => sum + values.length, 0);
  const all = new Int8Array(bytes.subarray(8 + header));
  return Array.from({ length: all.length / d }, (_, row) => {
    const theirs = all.subarray(row * d, (row + 1) * d);
    const ours = new Float32Array(d);
    let start = 0;
    for (const { shape, values } of form) {
      const [into, out] = (shape.length === 2 ? shape : [1, values.length]) as [number, number];
      for (let o = 0; o < out; o++)
        for (let i = 0; i < into; i++) ours[start + i * out + o] = theirs[start + o * into + i]!;
      start += values.length;
    }
    return ours;
  });
}

/** The first images of one of the official files, in file order. */
export function oracleImages(
  file: 'data_batch_1.bin' | 'test_batch.bin',
  count: number,
  normalisation: Normalisation = normalisations.cifar10,
): Examples {
  const path = join(images!, file);
  const bytes = readFileSync(path);
  const chosen = Uint32Array.from({ length: count }, (_, row) => row);
  const source = {
    rows: new Rows([{ path, offset: 1, stride: 3073, rows: count }], 3072, 'uint8'),
    chosen,
    labels: Uint8Array.from(chosen, (row) => bytes[row * 3073]!),
    interleaved: false,
  };
  return examplesOf(source, 10, 3, normalisation, residentBudget).examples;
}

/** ‖a - b‖ / ‖b‖. */
export function relativeError(a: ParameterVector, b: ParameterVector): number {
  let difference = 0;
  let size = 0;
  for (const [t, { values }] of b.entries())
    for (const [i, value] of values.entries()) {
      difference += (a[t]!.values[i]! - value) ** 2;
      size += value ** 2;
    }
  return Math.sqrt(difference / size);
}
