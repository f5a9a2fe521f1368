import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../diagnostics/diagnostic.ts';
import type { Convention } from '../import.ts';
import { resized } from '../layers/images.ts';
import type { Layer } from '../layers/layer.ts';
import type { LayersSpec } from '../network.ts';
import { type NamedTensor, type ParameterVector, sizeOf } from '../tensors.ts';
import { readTopology, type Topology, type WeightPlace } from './topology.ts';

interface Manifest {
  readonly paths: readonly string[];
  readonly weights: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
    readonly quantization?: { readonly dtype: string; readonly scale?: number; readonly min?: number };
  }[];
}

/** @throws UserError where there is no such file or it is no JSON. */
function parseModel(path: string, label: string): { readonly weightsManifest?: readonly Manifest[] } {
  if (!existsSync(path)) throw bad(`${label} does not exist`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw bad(`${label} is no JSON: ${(cause as Error).message}`);
  }
}

const bad = (message: string): UserError =>
  new UserError({ severity: 'error', code: 'bad-network', message });

/**
 * A model's architecture for a data set: images of another size than the model's are resized, and the last dense layer
 * has as many units as there are classes where `classifier` is new.
 * @throws UserError where the model cannot be read or does not take such examples.
 */
export function readLayersModel(
  path: string,
  label: string,
  { inputs, classes, classifier }: { inputs: number; classes: number; classifier: 'own' | 'new' },
): { readonly spec: LayersSpec; readonly topology: Topology } {
  const topology = readTopology(parseModel(path, label), label);
  const layers = classifier === 'new' ? withClasses(topology.layers, classes) : topology.layers;
  const images = topology.input.length === 3;
  const side = Math.sqrt(inputs / 3);
  if (images ? topology.input[2] !== 3 || !Number.isInteger(side) : sizeOf(topology.input) !== inputs)
    throw new UserError({
      severity: 'error',
      code: 'wrong-dataset',
      message: `${label} takes inputs [${topology.input}]; the data set has ${inputs} features`,
    });
  const input = images ? [side, side, 3] : topology.input;
  const spec: LayersSpec = {
    name: 'layers',
    title: topology.title,
    input: [...input],
    layers: images ? resized(layers, input, topology.input) : layers,
    inputs,
    classes,
  };
  return { spec, topology };
}

function withClasses(layers: readonly Layer[], classes: number): Layer[] {
  const at = layers.findLastIndex(({ does }) => does.kind === 'dense');
  if (at < 0) throw bad('the model has no dense layer that could be its classifier');
  return layers.map((layer, l) =>
    l === at && layer.does.kind === 'dense' ? { ...layer, does: { ...layer.does, units: classes } } : layer,
  );
}

/** All weights of a model under their names there. @throws UserError where files are missing or too short. */
export async function readWeights(path: string, label: string): Promise<NamedTensor[]> {
  const tensors: NamedTensor[] = [];
  for (const { paths, weights } of parseModel(path, label).weightsManifest ?? []) {
    const parts: Buffer[] = [];
    for (const shard of paths) {
      const file = join(dirname(path), shard);
      if (!existsSync(file)) throw bad(`${label} names the weights "${shard}", which are not beside it`);
      parts.push(await readFile(file));
    }
    const bytes = Buffer.concat(parts);
    let at = 0;
    for (const weight of weights) {
      const { values, length } = decoded(bytes.subarray(at), weight, label);
      tensors.push({ name: weight.name, shape: weight.shape, values });
      at += length;
    }
    if (at !== bytes.length)
      throw bad(`${label}: ${paths.join(', ')} should have ${at} bytes and has ${bytes.length}`);
  }
  return tensors;
}

const widths: Readonly<Record<string, number>> = { float32: 4, uint8: 1, uint16: 2 };

function decoded(
  bytes: Buffer,
  { name, shape, dtype, quantization }: Manifest['weights'][number],
  label: string,
): { values: Float32Array; length: number } {
  const stored = quantization?.dtype ?? dtype;
  const width = widths[stored];
  if (dtype !== 'float32' || !width)
    throw bad(
      `${label}: "${name}" is stored as ${stored}; float32, and quantized uint8 and uint16 can be read`,
    );
  const count = sizeOf(shape);
  if (bytes.length < count * width) throw bad(`${label}: the weights end inside "${name}"`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, count * width);
  const { scale = 1, min = 0 } = quantization ?? {};
  const values = Float32Array.from({ length: count }, (_, i) => {
    if (width === 4) return view.getFloat32(4 * i, true);
    return (width === 2 ? view.getUint16(2 * i, true) : view.getUint8(i)) * scale + min;
  });
  return { values, length: count * width };
}

/** Names and layouts of a model's weights. Nested models may put their own names in front. */
export function tensorflowNames({ weights }: Topology, there: ParameterVector): Convention {
  const names = there.map(({ name }) => name);
  const placeOf = (name: string) => weights.get(name);
  return {
    candidates(name) {
      const place = placeOf(name);
      if (!place) return [name];
      const own = `${place.layer}/${place.role}`;
      return [own, ...names.filter((other) => other.endsWith(`/${own}`))];
    },
    // Only depthwise kernels differ, [h, w, channels, multiplier] there: the same numbers in the same order.
    shape({ name, shape }) {
      if (placeOf(name)?.role !== 'depthwise_kernel') return shape;
      const channels = channelsOf(there, placeOf(name)!) ?? shape[3]!;
      return [shape[0]!, shape[1]!, channels, shape[3]! / channels];
    },
    values: ({ values }) => values,
  };
}

/** How many channels a depthwise kernel in the file is for. */
function channelsOf(there: ParameterVector, { layer, role }: WeightPlace): number | undefined {
  return there.find(({ name }) => name === `${layer}/${role}` || name.endsWith(`/${layer}/${role}`))
    ?.shape[2];
}
