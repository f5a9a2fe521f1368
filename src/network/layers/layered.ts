import { recomputed } from '../../engine/recomputed.ts';
import type { tf as TensorFlow } from '../../engine/tensorflow.ts';
import { affineOf, batchNormalised } from '../batch-norm.ts';
import { biasedConvolution, groupedConvolution, type Rectifier, shiftedChannels } from '../convolution.ts';
import { initialTensor } from '../initialise.ts';
import type { BatchNormMode, Network } from '../network.ts';
import { sizeOf } from '../tensors.ts';
import { inputName, type Layer, parametersOf, shapesOf, stateOf } from './layer.ts';
import {
  activated,
  affine,
  convolved,
  dense,
  depthwiseKernel,
  isDepthwise,
  layerNormalised,
  plain,
  windowOf,
} from './operations.ts';
import { type Passage, type Segment, segmentsOf } from './segments.ts';

type Tf = typeof TensorFlow;
type Tensor = TensorFlow.Tensor;

/** A layer, or a convolution with the batch norm and the activation after it, which are computed together. */
interface Step extends Passage {
  readonly layer: Layer;
  readonly norm?: Layer;
  readonly rectifier?: Layer;
}

/** A network of a list of layers over images of the shape [height, width, channels], or over vectors [features]. */
export function layered(
  layers: readonly Layer[],
  input: readonly number[],
): Omit<Network, 'spec'> & { readonly output: readonly number[] } {
  const shapes = shapesOf(layers, input);
  const before = (layer: Layer): readonly number[] => shapes.get(layer.from[0]!)!;
  const forms = layers.flatMap((layer) => parametersOf(layer, before(layer)));
  const parameters = forms.map(({ name, shape }) => ({ name, shape }));
  const state = layers.flatMap((layer) => stateOf(layer, before(layer)));
  const places = new Map(parameters.map(({ name }, p) => [name, p]));
  const statistics = new Map(state.map(({ name }, s) => [name, s]));
  const steps = stepsOf(layers, (name) => sizeOf(shapes.get(name)!));
  const uses = usesOf(steps);
  const last = layers.at(-1)!.name;
  const segments = segmentsOf(steps, sizeOf(input), last);
  const namesOf = (layer: Layer | undefined): string[] =>
    layer ? parametersOf(layer, before(layer)).map(({ name }) => name) : [];
  return {
    parameters,
    state,
    newest: layers.flatMap(({ does }) => (does.kind === 'batch-norm' ? [does.newest] : [])),
    output: shapes.get(last)!,
    forward(tf, tensors, inputs, norm) {
      if (state.length > 0 && !norm)
        throw new Error('a network with batch norm needs to be told what to normalise with');
      const through = (
        segment: Segment<Step>,
        x: Tensor,
        parameter: (name: string) => Tensor | undefined,
        mode: BatchNormMode | undefined,
      ): Tensor => passed(tf, segment, uses, new Pass(tf, parameter, statistics, mode), x);
      const all = (name: string): Tensor | undefined => tensors[places.get(name)!];
      let x = tf.tidy(() => images(tf, inputs, input));
      for (const segment of segments) {
        const given = x;
        if (norm?.statistics === 'batch' && norm.frugal && isDeep(segment)) {
          const names = segment.steps.flatMap(({ layer, norm }) => [...namesOf(layer), ...namesOf(norm)]);
          const own = names.map((name) => all(name)!);
          const again = (x: Tensor, own: readonly Tensor[], isAgain: boolean): Tensor => {
            const byName = new Map(names.map((name, n) => [name, own[n]!]));
            // Moments are told once.
            return through(segment, x, (name) => byName.get(name), isAgain ? { statistics: 'batch' } : norm);
          };
          x =
            segment.from === inputName
              ? // By the images nothing is differentiated: resizing could not be.
                recomputed(tf, (own, [x], isAgain) => again(x!, own, isAgain), own, [given])
              : recomputed(tf, ([x, ...own], _, isAgain) => again(x!, own, isAgain), [given, ...own]);
        } else x = through(segment, given, all, norm);
        given.dispose();
      }
      return x as TensorFlow.Tensor2D;
    },
    initialise: (init, seed) =>
      forms.map(({ fanIn, ...form }) => {
        const { name, shape } = form;
        const role = name.slice(name.lastIndexOf('/') + 1);
        if (role === 'scale') return { ...form, values: new Float32Array(sizeOf(shape)).fill(1) };
        if (role === 'offset') return { ...form, values: new Float32Array(sizeOf(shape)) };
        return initialTensor(init, seed, form, fanIn);
      }),
  };
}

/** Whether computing it again saves memory. */
function isDeep({ steps }: Segment<Step>): boolean {
  const [step, ...others] = steps as [Step];
  return others.length > 0 || step.norm !== undefined || step.rectifier !== undefined;
}

/** What comes out of a segment. @param x goes in, and stays. */
function passed(
  tf: Tf,
  { steps, from, to }: Segment<Step>,
  uses: ReadonlyMap<string, number>,
  pass: Pass,
  x: Tensor,
): Tensor {
  const values = new Map<string, Tensor>([[from, x]]);
  const left = new Map(uses);
  for (const step of steps) {
    const given = step.from.map((name) => values.get(name)!);
    values.set(
      step.to,
      tf.tidy(() => pass.step(step, given)),
    );
    // What no later layer reads goes: memory does not grow with depth.
    for (const name of step.from) {
      left.set(name, left.get(name)! - 1);
      if (left.get(name) === 0 && name !== from) values.get(name)!.dispose();
    }
  }
  return values.get(to)!;
}

/** Examples [n, features], the colours' planes one after the other, as maps; a copy, which may be disposed of. */
function images(tf: Tf, inputs: Tensor, shape: readonly number[]): Tensor {
  if (shape.length !== 3) return tf.reshape(inputs, [-1, ...shape]);
  const [h, w, c] = shape as [number, number, number];
  return tf.transpose(tf.reshape(inputs, [-1, c, h, w]), [0, 2, 3, 1]);
}

/** Puts together what can be computed in one pass: convolution, batch norm, ReLU, where nothing else reads between. */
function stepsOf(layers: readonly Layer[], sizeOf: (name: string) => number): Step[] {
  const readers = new Map<string, Layer[]>();
  for (const layer of layers)
    for (const name of layer.from) readers.set(name, [...(readers.get(name) ?? []), layer]);
  const only = (name: string): Layer | undefined => {
    const list = readers.get(name) ?? [];
    return list.length === 1 ? list[0] : undefined;
  };
  const taken = new Set<Layer>();
  const steps: Step[] = [];
  for (const layer of layers) {
    if (taken.has(layer)) continue;
    let to = layer.name;
    let norm: Layer | undefined;
    let rectifier: Layer | undefined;
    if (layer.does.kind === 'convolution') {
      const after = only(to);
      if (after?.does.kind === 'batch-norm') {
        norm = after;
        to = after.name;
      }
      const next = only(to);
      if (next && rectifierOf(next) !== 'linear') {
        rectifier = next;
        to = next.name;
      }
    }
    for (const one of [norm, rectifier]) if (one) taken.add(one);
    steps.push({
      layer,
      ...(norm ? { norm } : {}),
      ...(rectifier ? { rectifier } : {}),
      from: layer.from,
      to,
      inside: sizeOf(to) * (1 + (norm ? 1 : 0) + (rectifier ? 1 : 0)),
      size: sizeOf(to),
    });
  }
  return steps;
}

function rectifierOf(layer: Layer | undefined): Rectifier {
  const does = layer?.does;
  return does?.kind === 'activation' && (does.name === 'relu' || does.name === 'relu6')
    ? does.name
    : 'linear';
}

function usesOf(steps: readonly Step[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { from } of steps) for (const name of from) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

/** One forward pass. */
class Pass {
  readonly #tf: Tf;
  readonly #parameter: (name: string) => Tensor | undefined;
  readonly #statistics: ReadonlyMap<string, number>;
  readonly #norm: BatchNormMode | undefined;

  constructor(
    tf: Tf,
    parameter: (name: string) => Tensor | undefined,
    statistics: ReadonlyMap<string, number>,
    norm: BatchNormMode | undefined,
  ) {
    this.#tf = tf;
    this.#parameter = parameter;
    this.#statistics = statistics;
    this.#norm = norm;
  }

  step({ layer, norm, rectifier }: Step, inputs: readonly Tensor[]): Tensor {
    const tf = this.#tf;
    const { does, name } = layer;
    const [x] = inputs as [Tensor];
    switch (does.kind) {
      case 'convolution':
        return this.#convolution(layer, norm, rectifierOf(rectifier), x);
      case 'dense': {
        const sums = dense(tf, x, this.#parameter(`${name}/kernel`)!);
        const bias = this.#parameter(`${name}/bias`);
        return bias ? tf.add(sums, bias) : sums;
      }
      case 'batch-norm':
        return this.#batchNorm(layer, x);
      case 'layer-norm': {
        const normal = layerNormalised(tf, x, does.epsilon);
        const [scale, offset] = [this.#parameter(`${name}/scale`), this.#parameter(`${name}/offset`)];
        const scaled = scale ? tf.mul(normal, scale) : normal;
        return offset ? tf.add(scaled, offset) : scaled;
      }
      default:
        return plain(tf, does, inputs);
    }
  }

  #convolution(layer: Layer, norm: Layer | undefined, rectifier: Rectifier, x: Tensor): Tensor {
    const tf = this.#tf;
    if (layer.does.kind !== 'convolution') throw new Error(layer.name);
    const { does } = layer;
    const kernel = this.#parameter(`${layer.name}/kernel`)!;
    const bias = this.#parameter(`${layer.name}/bias`);
    const then = (maps: Tensor): Tensor => (rectifier === 'linear' ? maps : activated(tf, maps, rectifier));
    if (norm && this.#norm?.statistics !== 'fixed') {
      const maps = convolved(tf, x, kernel, does);
      return then(this.#batchNorm(norm, bias ? shiftedChannels(tf, maps, bias) : maps));
    }
    // With given statistics the norm is folded into the kernel.
    const folded = norm ? this.#affineOf(norm, kernel.shape[3]!) : undefined;
    const filter = folded ? tf.mul(kernel, folded.factor) : kernel;
    const shift = folded ? (bias ? tf.add(folded.shift, tf.mul(bias, folded.factor)) : folded.shift) : bias;
    if (!shift) return then(convolved(tf, x, filter, does));
    const window = windowOf(does);
    if (!isDepthwise(does, kernel))
      return groupedConvolution(tf, x, filter, window, does.groups, { values: shift, activation: rectifier });
    const own = depthwiseKernel(tf, filter, does.groups);
    return biasedConvolution(tf, x, own, shift, window, rectifier, true);
  }

  /** Scale and offset, ones and zeros where the layer has none. */
  #scaleAndOffset({ name }: Layer, channels: number): { scale: Tensor; offset: Tensor } {
    return {
      scale: this.#parameter(`${name}/scale`) ?? this.#tf.ones([channels]),
      offset: this.#parameter(`${name}/offset`) ?? this.#tf.zeros([channels]),
    };
  }

  /** What a batch norm with given statistics amounts to. */
  #affineOf(layer: Layer, channels: number): { factor: Tensor; shift: Tensor } {
    const { scale, offset } = this.#scaleAndOffset(layer, channels);
    if (this.#norm?.statistics !== 'fixed' || layer.does.kind !== 'batch-norm') throw new Error(layer.name);
    const at = this.#statistics.get(`${layer.name}/mean`)!;
    const [mean, variance] = this.#norm.tensors.slice(at, at + 2) as [Tensor, Tensor];
    return affineOf(this.#tf, scale, offset, mean, variance, layer.does.epsilon);
  }

  #batchNorm(layer: Layer, x: Tensor): Tensor {
    const tf = this.#tf;
    const norm = this.#norm!;
    const channels = x.shape.at(-1)!;
    if (norm.statistics === 'fixed') {
      const { factor, shift } = this.#affineOf(layer, channels);
      return affine(tf, x, factor, shift);
    }
    if (layer.does.kind !== 'batch-norm') throw new Error(layer.name);
    const { scale, offset } = this.#scaleAndOffset(layer, channels);
    const at = this.#statistics.get(`${layer.name}/mean`)! / 2;
    const { observe } = norm;
    const maps = x.shape.length === 4 ? x : tf.reshape(x, [-1, 1, 1, channels]);
    const normal = batchNormalised(
      tf,
      maps,
      scale,
      offset,
      observe && ((moments) => observe(at, moments)),
      layer.does.epsilon,
    );
    return x.shape.length === 4 ? normal : tf.reshape(normal, x.shape);
  }
}
