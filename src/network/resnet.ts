import Type from 'typebox';
import { explicit } from '../engine/convolution.ts';
import { recomputed } from '../engine/recomputed.ts';
import type { tf as TensorFlow } from '../engine/tensorflow.ts';
import { affineOf, batchNormalised } from './batch-norm.ts';
import { around, biasedConvolution, halved, shiftedChannels, widened } from './convolution.ts';
import { initialTensor } from './initialise.ts';
import {
  type BatchNormMode,
  type Network,
  type ParameterForm,
  type ResnetSpec,
  shortcuts,
} from './network.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;

export const resnetSchema = Type.Object(
  {
    name: Type.Literal('resnet'),
    depth: Type.Enum([8, 14, 20, 26, 32, 38, 44, 50, 56, 110], { description: '6n + 2 layers.' }),
    shortcut: Type.Optional(
      Type.Enum([...shortcuts], {
        description:
          'Where the number of channels changes: A pads with zero channels, B (default) is a 1x1 convolution with batch norm; none: no shortcuts anywhere.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Channels of the three stages. */
export const resnetWidths = [16, 32, 64] as const;

/** One convolution with its batch norm. */
interface Unit {
  readonly name: string;
  readonly normName: string;
  readonly size: 1 | 3;
  readonly from: number;
  readonly to: number;
  readonly stride: 1 | 2;
}

interface Block {
  readonly first: Unit;
  readonly second: Unit;
  readonly widens: boolean;
  /** Option B's, where the block widens. */
  readonly shortcut: Unit | undefined;
}

/** Number of residual blocks of each of the three stages. */
export function blocksPerStage(depth: number): number {
  return (depth - 2) / 6;
}

/** Side of the square images of a number of features, or undefined where they are no three planes that fit. */
export function imageSide(inputs: number): number | undefined {
  const side = Math.sqrt(inputs / 3);
  return Number.isInteger(side) && side % 4 === 0 && side > 0 ? side : undefined;
}

/** The residual blocks from the input on. */
export function blocksOf(spec: ResnetSpec): Block[] {
  const blocks: Block[] = [];
  let from: number = resnetWidths[0];
  resnetWidths.forEach((to, s) => {
    for (let b = 0; b < blocksPerStage(spec.depth); b++) {
      const at = `stage${s + 1}/block${b + 1}`;
      const widens = from !== to;
      const stride = widens ? 2 : 1;
      const unit = (conv: string, norm: string, size: 1 | 3, into: number, step: 1 | 2): Unit => ({
        name: `${at}/${conv}`,
        normName: `${at}/${norm}`,
        size,
        from: into,
        to,
        stride: step,
      });
      blocks.push({
        first: unit('conv1', 'norm1', 3, from, stride),
        second: unit('conv2', 'norm2', 3, to, 1),
        widens,
        shortcut:
          widens && spec.shortcut === 'B' ? unit('shortcut/conv', 'shortcut/norm', 1, from, 2) : undefined,
      });
      from = to;
    }
  });
  return blocks;
}

/**
 * The residual networks for CIFAR of He, Zhang, Ren and Sun, "Deep residual learning" (2015), section 4.2: a 3x3
 * convolution to 16 channels, three stages of n blocks of two 3x3 convolutions with 16, 32 and 64 channels, the second
 * and third of which start with stride 2, the mean of each channel, and a dense layer. ReLU follows the addition.
 * Shortcut `none` leaves all additions out.
 *
 * Parameters in PyTorch's usual order: `conv1/kernel` [3, 3, in, out], `norm1/scale`, `norm1/offset`, then of each block
 * `stage1/block1/conv1/kernel`, … and its shortcut's, last `dense/kernel` and `dense/bias`. Convolutions have no bias.
 * State: `…/mean` and `…/variance` of each norm, in the same order.
 */
export function resnet(spec: ResnetSpec): Network {
  const side = imageSide(spec.inputs)!;
  const stem: Unit = { name: 'conv1', normName: 'norm1', size: 3, from: 3, to: resnetWidths[0], stride: 1 };
  const blocks = blocksOf(spec);
  const units = [stem, ...blocks.flatMap((b) => [b.first, b.second, ...(b.shortcut ? [b.shortcut] : [])])];
  const last = resnetWidths.at(-1)!;
  const parameters: ParameterForm[] = [
    ...units.flatMap(({ name, normName, size, from, to }) => [
      { name: `${name}/kernel`, shape: [size, size, from, to] },
      { name: `${normName}/scale`, shape: [to] },
      { name: `${normName}/offset`, shape: [to] },
    ]),
    { name: 'dense/kernel', shape: [last, spec.classes] },
    { name: 'dense/bias', shape: [spec.classes] },
  ];
  return {
    spec,
    parameters,
    state: units.flatMap(({ normName, to }) => [
      { name: `${normName}/mean`, shape: [to] },
      { name: `${normName}/variance`, shape: [to] },
    ]),
    forward(tf, tensors, inputs, norm) {
      if (!norm) throw new Error('a network with batch norm needs to be told what to normalise with');
      const pass = new Pass(tf, tensors, norm);
      const planes = tf.reshape(inputs, [-1, 3, side, side]);
      let x: Tensor = tf.tidy(() => pass.unit(stem, tf.transpose(planes, [0, 2, 3, 1]), true));
      for (const block of blocks) {
        const before = x;
        // What a block leaves behind goes when it ends: memory does not grow with depth.
        x = tf.tidy(() => pass.block(block, before, spec.shortcut !== 'none'));
        before.dispose();
      }
      const [n, h, w, c] = x.shape as [number, number, number, number];
      const means = tf.mean(tf.reshape(x, [n, h * w, c]), 1) as TensorFlow.Tensor2D;
      const [kernel, bias] = tensors.slice(-2) as [TensorFlow.Tensor2D, Tensor];
      return tf.add(tf.matMul(means, kernel), bias);
    },
    initialise: (init, seed) =>
      parameters.map((form) => {
        const { name, shape } = form;
        if (name.endsWith('/scale')) return { name, shape, values: new Float32Array(shape[0]!).fill(1) };
        if (name.endsWith('/offset')) return { name, shape, values: new Float32Array(shape[0]!) };
        const fanIn = shape.length === 4 ? shape[0]! * shape[1]! * shape[2]! : last;
        return initialTensor(init, seed, form, fanIn);
      }),
  };
}

/** One forward pass: takes parameters and statistics unit by unit, in their order. */
class Pass {
  readonly #tf: Tf;
  readonly #tensors: readonly Tensor[];
  readonly #norm: BatchNormMode;
  #units: number;

  /** @param units how many units lie before the first. */
  constructor(tf: Tf, tensors: readonly Tensor[], norm: BatchNormMode, units = 0) {
    this.#tf = tf;
    this.#tensors = tensors;
    this.#norm = norm;
    this.#units = units;
  }

  /** In frugal training the gradient computes the block again. */
  block(block: Block, x: Tensor, adds: boolean): Tensor {
    const norm = this.#norm;
    if (norm.statistics !== 'batch' || !norm.frugal) return this.#block(block, x, adds);
    const tf = this.#tf;
    const start = this.#units;
    const end = start + (block.shortcut ? 3 : 2);
    this.#units = end;
    return recomputed(
      tf,
      ([maps, ...own], _, again) => {
        const tensors = [...this.#tensors];
        tensors.splice(3 * start, own.length, ...own);
        // Moments are told once.
        const mode: BatchNormMode = again ? { statistics: 'batch' } : norm;
        return new Pass(tf, tensors, mode, start).#block(block, maps!, adds);
      },
      [x, ...this.#tensors.slice(3 * start, 3 * end)],
    );
  }

  #block({ first, second, widens, shortcut }: Block, x: Tensor, adds: boolean): Tensor {
    const tf = this.#tf;
    const inner = this.unit(second, this.unit(first, x, true), !adds);
    if (!adds) return inner;
    if (!widens) return tf.relu(tf.add(inner, x));
    if (shortcut) return tf.relu(tf.add(inner, this.unit(shortcut, x, false)));
    return tf.relu(tf.add(inner, widened(tf, x, second.to)));
  }

  /** A convolution, its batch norm and, where asked for, ReLU. With given statistics the norm is folded into the kernel. */
  unit(unit: Unit, x: Tensor, relu: boolean): Tensor {
    const tf = this.#tf;
    const layer = this.#units++;
    const [kernel, scale, offset] = this.#tensors.slice(3 * layer, 3 * layer + 3) as [Tensor, Tensor, Tensor];
    if (this.#norm.statistics === 'batch') {
      const { observe } = this.#norm;
      const maps = unit.size === 3 ? padded(tf, x, kernel, unit.stride) : halved(tf, x, kernel);
      const normal = batchNormalised(
        tf,
        maps,
        scale,
        offset,
        observe && ((moments) => observe(layer, moments)),
      );
      return relu ? tf.relu(normal) : normal;
    }
    const [mean, variance] = this.#norm.tensors.slice(2 * layer, 2 * layer + 2) as [Tensor, Tensor];
    const { factor, shift } = affineOf(tf, scale, offset, mean, variance);
    const folded = tf.mul(kernel, factor);
    if (unit.size === 3)
      return biasedConvolution(tf, x, folded, shift, around(unit.stride), relu ? 'relu' : 'linear');
    const maps = shiftedChannels(tf, halved(tf, x, folded), shift);
    return relu ? tf.relu(maps) : maps;
  }
}

function padded(tf: Tf, x: Tensor, kernel: Tensor, stride: 1 | 2): TensorFlow.Tensor4D {
  const { strides, pads } = around(stride);
  return tf.conv2d(x as TensorFlow.Tensor4D, kernel as TensorFlow.Tensor4D, [...strides], explicit(pads));
}
