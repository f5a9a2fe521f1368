import type { tf } from '../engine/tensorflow.ts';
import type { JsonObject } from '../util/json.ts';
import type { Layer } from './layers/layer.ts';
import type { LossSpec } from './objective.ts';
import type { ParameterVector } from './tensors.ts';

/** An architecture for inputs and classes of given numbers: plain JSON, stored in every checkpoint. */
export type NetworkSpec = MlpSpec | ResnetSpec | MobilenetSpec | DeepResnetSpec | LayersSpec | ModuleSpec;

export interface MlpSpec {
  readonly name: 'mlp';
  /** Units of the hidden layers, from input to output. */
  readonly widths: readonly number[];
  /** Features of an example. */
  readonly inputs: number;
  readonly classes: number;
}

/** What a residual block adds where its number of channels changes; see `resnet.ts`. */
export const shortcuts = ['A', 'B', 'none'] as const;
export type Shortcut = (typeof shortcuts)[number];

export interface ResnetSpec {
  readonly name: 'resnet';
  /** 6n + 2: 20, 32, 44, 56, 110. */
  readonly depth: number;
  readonly shortcut: Shortcut;
  /** Features of an example: three square planes. */
  readonly inputs: number;
  readonly classes: number;
}

/** What every spec says of the examples. */
interface Ends {
  /** Features of an example. */
  readonly inputs: number;
  readonly classes: number;
}

export interface MobilenetSpec extends Ends {
  readonly name: 'mobilenet-v2';
  /** Multiplies the channels. */
  readonly width: number;
  /** Side that images are resized to, where it is not their own. */
  readonly size?: number;
}

/** The residual networks for large images, under torchvision's names. */
export const deepResnets = [
  'resnet18',
  'resnet34',
  'resnet50',
  'resnet101',
  'resnet152',
  'resnext50-32x4d',
  'resnext101-32x8d',
  'wide-resnet50-2',
  'wide-resnet101-2',
] as const;

export interface DeepResnetSpec extends Ends {
  readonly name: (typeof deepResnets)[number];
  readonly size?: number;
}

/** Any network as a list of layers: what a TensorFlow.js layers model becomes. */
export interface LayersSpec extends Ends {
  readonly name: 'layers';
  readonly title: string;
  /** [height, width, channels] or [features]. */
  readonly input: readonly number[];
  readonly layers: readonly Layer[];
}

/** A network that a TypeScript module of the user's builds. The code stays in the workspace; its digest is here. */
export interface ModuleSpec extends Ends {
  readonly name: 'module';
  readonly title: string;
  /** Path in the workspace. */
  readonly file: string;
  /** Digest of the code, blind to comments and white space. */
  readonly code: string;
  readonly settings: JsonObject;
}

/** What a parameter is for. Scalings and weight decay treat kernels and one-dimensional parameters differently. */
export interface ParameterForm {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Mean and biased variance [c] of one layer's inputs over one batch, and over how many values a channel. */
export interface Moments {
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
  readonly count: number;
}

/** What batch norm normalises with. */
export type BatchNormMode =
  /** Evaluation mode: given statistics, tensors in the order of `Network.state`. */
  | { readonly statistics: 'fixed'; readonly tensors: readonly tf.Tensor[] }
  /**
   * Training mode: the batch's own, through which gradients flow. `observe` is told each layer's moments in order; the
   * tensors are its to dispose. `frugal`: a gradient takes less memory and more time, where the network can.
   */
  | {
      readonly statistics: 'batch';
      readonly observe?: (layer: number, moments: Moments) => void;
      readonly frugal?: boolean;
    };

/**
 * An architecture: the form of its parameters and the function from parameters and inputs to logits. It holds no
 * parameters itself, because a landscape evaluates the same network at many of them.
 */
export interface Network {
  readonly spec: NetworkSpec;
  /** What it is trained and measured by, bound when a checkpoint is read; cross entropy where there is none. */
  readonly loss?: LossSpec;
  readonly parameters: readonly ParameterForm[];
  /**
   * Running statistics of batch norm, mean and variance of one layer after the other: part of a checkpoint, never
   * trained by gradients, never perturbed. Empty without batch norm.
   */
  readonly state: readonly ParameterForm[];
  /** Of each batch norm in training, the weight of the newest batch in its statistics; PyTorch's 0.1 where it is absent. */
  readonly newest?: readonly (number | undefined)[];
  /**
   * Logits [n, classes] of inputs [n, inputs]. Differentiable in both; tensors in between are the caller's to tidy.
   * @param norm what batch norm normalises with; must be given where `state` is not empty (`normalisedBy` binds it).
   */
  forward(
    tensorflow: typeof tf,
    parameters: readonly tf.Tensor[],
    inputs: tf.Tensor,
    norm?: BatchNormMode,
  ): tf.Tensor2D;
  /** Initial parameters from the stream of the seed. */
  initialise(init: Initialisation, seed: number): ParameterVector;
}

/**
 * How running statistics of batch norm are averaged over the batches of one pass:
 * - `cumulative`: the mean over all batches so far, each weighing as much as it has examples (PyTorch's
 *   `momentum=None` where batches are of one size);
 * - `ema`: 0.9 of the old and 0.1 of the batch's, starting from mean 0 and variance 1 (PyTorch's default momentum);
 * - `full-batch`: of all examples as one batch.
 */
export const averages = ['cumulative', 'ema', 'full-batch'] as const;
export type Average = (typeof averages)[number];

/** How kernels and biases start; see `initialise.ts`. */
export const initialisations = ['pytorch', 'he', 'he-fan-out', 'glorot'] as const;
export type Initialisation = (typeof initialisations)[number];
