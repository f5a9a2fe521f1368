import { Random } from '../../src/util/random.ts';

/**
 * A multilayer perceptron in plain float64, written out from the formulas: the reference that ships with the
 * repository. It shares no code with what it proves.
 */
export interface ReferenceLayer {
  /** [in][out] */
  kernel: number[][];
  bias: number[];
}
export interface ReferenceBatch {
  inputs: number[][];
  labels: number[];
}

const copy = (layers: readonly ReferenceLayer[]): ReferenceLayer[] =>
  structuredClone(layers) as ReferenceLayer[];

/** Random data that float32 holds exactly. */
export function randomBatch(name: string, count: number, features: number, classes: number): ReferenceBatch {
  const random = new Random([11, name]);
  return {
    inputs: Array.from({ length: count }, () => [...random.gaussians(features)]),
    labels: Array.from({ length: count }, () => random.below(classes)),
  };
}

export function randomLayers(name: string, sizes: readonly number[]): ReferenceLayer[] {
  const random = new Random([11, name]);
  return sizes.slice(1).map((out, i) => ({
    kernel: Array.from({ length: sizes[i]! }, () =>
      [...random.gaussians(out)].map((z) => Math.fround(0.3 * z)),
    ),
    bias: [...random.gaussians(out)].map((z) => Math.fround(0.1 * z)),
  }));
}

/** Activations before ReLU, layer by layer, of one example. */
function forward(layers: readonly ReferenceLayer[], input: readonly number[]): number[][] {
  const sums: number[][] = [];
  let x = input;
  layers.forEach(({ kernel, bias }, l) => {
    const z = bias.map((b, o) => b + x.reduce((sum, value, i) => sum + value * kernel[i]![o]!, 0));
    sums.push(z);
    if (l + 1 < layers.length) x = z.map((value) => Math.max(0, value));
  });
  return sums;
}

export function referenceLosses(
  layers: readonly ReferenceLayer[],
  { inputs, labels }: ReferenceBatch,
): number[] {
  return inputs.map((input, n) => {
    const z = forward(layers, input).at(-1)!;
    const largest = Math.max(...z);
    return largest + Math.log(z.reduce((sum, value) => sum + Math.exp(value - largest), 0)) - z[labels[n]!]!;
  });
}

export function referenceLoss(layers: readonly ReferenceLayer[], batch: ReferenceBatch): number {
  const losses = referenceLosses(layers, batch);
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

export function referenceAccuracy(
  layers: readonly ReferenceLayer[],
  { inputs, labels }: ReferenceBatch,
): number {
  const hits = inputs.filter((input, n) => {
    const z = forward(layers, input).at(-1)!;
    return z.indexOf(Math.max(...z)) === labels[n];
  });
  return hits.length / inputs.length;
}

/** Backpropagation of the mean cross entropy. */
export function referenceGradient(
  layers: readonly ReferenceLayer[],
  { inputs, labels }: ReferenceBatch,
): ReferenceLayer[] {
  const gradient = copy(layers).map(({ kernel, bias }) => ({
    kernel: kernel.map((row) => row.map(() => 0)),
    bias: bias.map(() => 0),
  }));
  inputs.forEach((input, n) => {
    const sums = forward(layers, input);
    const z = sums.at(-1)!;
    const largest = Math.max(...z);
    const exps = z.map((value) => Math.exp(value - largest));
    const total = exps.reduce((a, b) => a + b, 0);
    let delta = exps.map((e, c) => (e / total - (c === labels[n] ? 1 : 0)) / inputs.length);
    for (let l = layers.length - 1; l >= 0; l--) {
      const x = l === 0 ? input : sums[l - 1]!.map((value) => Math.max(0, value));
      x.forEach((value, i) => {
        delta.forEach((d, o) => {
          gradient[l]!.kernel[i]![o]! += value * d;
        });
      });
      delta.forEach((d, o) => {
        gradient[l]!.bias[o]! += d;
      });
      if (l > 0)
        delta = sums[l - 1]!.map((value, i) =>
          value > 0 ? delta.reduce((sum, d, o) => sum + d * layers[l]!.kernel[i]![o]!, 0) : 0,
        );
    }
  });
  return gradient;
}

/** torch.optim.SGD, element by element, in the order of its documentation. */
export class ReferenceSgd {
  layers: ReferenceLayer[];
  readonly settings: { momentum: number; weightDecay: number; nesterov: boolean };
  buffers: ReferenceLayer[] | undefined;
  constructor(layers: readonly ReferenceLayer[], settings: ReferenceSgd['settings']) {
    this.layers = copy(layers);
    this.settings = settings;
  }
  step(gradient: readonly ReferenceLayer[], learningRate: number): void {
    const { momentum, weightDecay, nesterov } = this.settings;
    const first = this.buffers === undefined;
    this.buffers ??= copy(gradient);
    const update = (w: number, g: number, b: number): [number, number] => {
      const decayed = g + weightDecay * w;
      const buffer = first ? decayed : momentum * b + decayed;
      const direction = momentum === 0 ? decayed : nesterov ? decayed + momentum * buffer : buffer;
      return [w - learningRate * direction, buffer];
    };
    this.layers.forEach(({ kernel, bias }, l) => {
      const g = gradient[l]!;
      const b = this.buffers![l]!;
      for (const [i, row] of kernel.entries())
        for (let o = 0; o < row.length; o++)
          [row[o], b.kernel[i]![o]] = update(row[o]!, g.kernel[i]![o]!, b.kernel[i]![o]!);
      for (let o = 0; o < bias.length; o++) [bias[o], b.bias[o]] = update(bias[o]!, g.bias[o]!, b.bias[o]!);
    });
  }
}
