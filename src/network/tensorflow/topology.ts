/**
 * TensorFlow.js layers models (`model.json`) as lists of our layers. Only what an evaluation needs is read: the layers,
 * how they are connected, and what their weights are called. Anything that would change what the model computes and
 * that we do not have is refused by name.
 */
import { UserError } from '../../diagnostics/diagnostic.ts';
import { type ActivationName, inputName, type Layer, type Operation, shapesOf } from '../layers/layer.ts';

type Pads = [[number, number], [number, number]];
// biome-ignore lint/suspicious/noExplicitAny: Keras' configurations are JSON of many forms; each field is checked where it is read.
type Config = Record<string, any>;
interface KerasLayer {
  readonly class_name: string;
  readonly name?: string;
  readonly config: Config;
  readonly inbound_nodes?: readonly (readonly (readonly [string, number, number])[])[];
}

/** What a tensor of ours is called in a model's weights: by its layer and its role there. */
export interface WeightPlace {
  readonly layer: string;
  readonly role: string;
}

export interface Topology {
  readonly title: string;
  /** [height, width, channels] or [features]. */
  readonly input: readonly number[];
  /** Without a softmax at the end: the last layer gives logits. */
  readonly layers: readonly Layer[];
  /** By our tensors' names. */
  readonly weights: ReadonlyMap<string, WeightPlace>;
}

/** @param json a parsed model.json. @throws UserError that names every layer which cannot be read. */
export function readTopology(json: unknown, label: string): Topology {
  const top = (json as { modelTopology?: Config } | null)?.modelTopology;
  const model = (top?.model_config ?? top) as Config | undefined;
  if (!top || (json as { format?: string }).format === 'graph-model' || top.node)
    throw problem(label, 'is no TensorFlow.js layers model', {
      hint: 'convert with "tensorflowjs_converter --output_format=tfjs_layers_model": a graph model has no layers',
    });
  if (typeof model?.class_name !== 'string' || !model.config)
    throw problem(label, 'has no topology of layers');
  const reader = new Reader();
  const out = reader.model(model as KerasLayer, [inputName]);
  if (reader.refused.length > 0)
    throw problem(label, `cannot be read: ${reader.refused.join('; ')}`, {
      hint: 'write such a network as a TypeScript module',
    });
  if (!reader.input) throw problem(label, 'does not say the shape of its inputs');
  const layers = withoutSoftmax(reader.layers, out);
  return { title: titleOf(model), input: reader.input, layers, weights: reader.weights };
}

function problem(label: string, message: string, more: { hint?: string } = {}): UserError {
  return new UserError({ severity: 'error', code: 'bad-network', message: `${label} ${message}`, ...more });
}

function titleOf(model: Config): string {
  const name = Array.isArray(model.config) ? undefined : model.config.name;
  return typeof name === 'string' ? name : 'layers model';
}

/** The list ends with the layer that gives the model's output, or the one before a last softmax. */
function withoutSoftmax(layers: readonly Layer[], out: string): Layer[] {
  const last = layers.find(({ name }) => name === out);
  const does = last?.does;
  const end = does?.kind === 'activation' && does.name === 'softmax' ? last!.from[0]! : out;
  // What only others' outputs need goes with them.
  const needed = new Set([end]);
  for (const layer of [...layers].reverse())
    if (needed.has(layer.name)) for (const name of layer.from) needed.add(name);
  const kept = layers.filter(({ name }) => needed.has(name) && name !== end);
  return [...kept, ...layers.filter(({ name }) => name === end)];
}

const activationNames: Readonly<Record<string, ActivationName>> = {
  relu: 'relu',
  relu6: 'relu6',
  elu: 'elu',
  selu: 'selu',
  sigmoid: 'sigmoid',
  hardSigmoid: 'hard-sigmoid',
  hard_sigmoid: 'hard-sigmoid',
  tanh: 'tanh',
  softplus: 'softplus',
  softsign: 'softsign',
  swish: 'swish',
  silu: 'swish',
  mish: 'mish',
  gelu: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_tanh: 'gelu-tanh',
  exponential: 'exponential',
  softmax: 'softmax',
};

const identities = [
  'Dropout',
  'SpatialDropout2D',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'ActivityRegularization',
];
const models = ['Sequential', 'Model', 'Functional'];
const merges: Readonly<Record<string, 'add' | 'multiply' | 'average' | 'maximum'>> = {
  Add: 'add',
  Multiply: 'multiply',
  Average: 'average',
  Maximum: 'maximum',
};

/** Thrown inside a layer, told with the layer's name. */
class Refusal extends Error {}

class Reader {
  readonly layers: Layer[] = [];
  readonly weights = new Map<string, WeightPlace>();
  readonly refused: string[] = [];
  input: readonly number[] | undefined;
  #shapes: ReadonlyMap<string, readonly number[]> = new Map();

  /** A model, perhaps inside another. @returns the name of the layer that gives its output. */
  model({ class_name: kind, config }: KerasLayer, given: readonly string[]): string {
    const list = (Array.isArray(config) ? config : config.layers) as KerasLayer[];
    if (kind === 'Sequential') {
      let at = given[0]!;
      for (const layer of list) at = this.#layer(layer, [at]);
      return at;
    }
    /** Where each layer's output is found among ours. */
    const outputs = new Map<string, string>();
    const inputs = (config.input_layers as [string][] | undefined)?.map(([name]) => name) ?? [];
    for (const layer of list) {
      const name = layer.name ?? layer.config.name;
      if (layer.class_name === 'InputLayer') {
        this.#starts(layer.config);
        outputs.set(name, given[Math.max(0, inputs.indexOf(name))] ?? inputName);
        continue;
      }
      const nodes = layer.inbound_nodes ?? [];
      if (nodes.length !== 1) {
        this.refused.push(`layer "${name}" is used ${nodes.length} times (shared layers are not supported)`);
        continue;
      }
      const from = nodes[0]!.map(([other]) => outputs.get(other) ?? other);
      outputs.set(name, this.#layer(layer, from));
    }
    if (inputs.length > 1) this.refused.push(`the model takes ${inputs.length} inputs`);
    const ends = (config.output_layers ?? []) as [string][];
    if (ends.length !== 1) this.refused.push(`the model gives ${ends.length} outputs`);
    return outputs.get(ends[0]?.[0] ?? '') ?? inputName;
  }

  #starts(config: Config): void {
    const shape = config.batch_input_shape ?? config.batchInputShape ?? config.batch_shape;
    if (this.input || !Array.isArray(shape)) return;
    const own = shape.slice(1);
    if (own.every((extent) => Number.isInteger(extent) && extent > 0)) this.input = own as number[];
    else this.refused.push(`the input's shape [${own}] leaves extents open`);
  }

  #layer(layer: KerasLayer, from: readonly string[]): string {
    const { class_name: kind, config } = layer;
    const name = layer.name ?? config.name ?? kind;
    this.#starts(config);
    if (models.includes(kind)) return this.model(layer, from);
    if (this.refused.length > 0 && !this.input) return from[0]!;
    try {
      return this.#read(kind, name, config, from);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof UserError)) throw error;
      this.refused.push(
        error instanceof Refusal ? `layer "${name}" (${kind}) ${error.message}` : error.message,
      );
      return from[0]!;
    }
  }

  #add(name: string, from: readonly string[], does: Operation): string {
    const layer: Layer = { name, from: [...from], does };
    this.layers.push(layer);
    if (!this.input) throw new Refusal('comes before the shape of the inputs is known');
    this.#shapes = shapesOf(this.layers, this.input);
    return name;
  }

  #shapeOf(name: string): readonly number[] {
    const shape = name === inputName ? this.input : this.#shapes.get(name);
    if (!shape) throw new Refusal(`takes "${name}", whose shape is not known`);
    return shape;
  }

  /** Notes what a layer's tensors are called: `roles` by our roles. */
  #weights(name: string, layer: string, roles: Readonly<Record<string, string>>): void {
    for (const [ours, role] of Object.entries(roles)) this.weights.set(`${name}/${ours}`, { layer, role });
  }

  /** What `activation` in a layer's configuration asks for after it. */
  #activated(name: string, from: string, activation: unknown): string {
    if (activation === undefined || activation === null || activation === 'linear') return from;
    return this.#add(`${name}/activation`, [from], { kind: 'activation', name: activationOf(activation) });
  }

  #read(kind: string, name: string, config: Config, from: readonly string[]): string {
    const [x] = from as [string];
    if (identities.includes(kind)) return x;
    if (config.data_format && config.data_format !== 'channels_last')
      throw new Refusal(`has the format ${config.data_format}; channels_last is needed`);
    const merge = merges[kind];
    if (merge) return this.#add(name, from, { kind: merge });
    switch (kind) {
      case 'InputLayer':
        return x;
      case 'Dense': {
        this.#weights(name, name, { kernel: 'kernel', bias: 'bias' });
        const bias = config.use_bias !== false;
        const sums = this.#add(name, from, { kind: 'dense', units: config.units, bias });
        return this.#activated(name, sums, config.activation);
      }
      case 'Conv2D': {
        this.#weights(name, name, { kernel: 'kernel', bias: 'bias' });
        const does = this.#convolution(x, config, config.filters, config.groups ?? 1, config.use_bias);
        return this.#activated(name, this.#add(name, from, does), config.activation);
      }
      case 'DepthwiseConv2D': {
        this.#weights(name, name, { kernel: 'depthwise_kernel', bias: 'bias' });
        const does = this.#depthwise(x, config, config.use_bias);
        return this.#activated(name, this.#add(name, from, does), config.activation);
      }
      case 'SeparableConv2D': {
        const [deep, point] = [`${name}/depthwise`, `${name}/pointwise`];
        this.#weights(deep, name, { kernel: 'depthwise_kernel' });
        this.#weights(point, name, { kernel: 'pointwise_kernel', bias: 'bias' });
        this.#add(deep, from, this.#depthwise(x, config, false));
        const single = { kernel_size: 1, strides: 1, padding: 'valid' };
        const does = this.#convolution(deep, single, config.filters, 1, config.use_bias);
        return this.#activated(name, this.#add(point, [deep], does), config.activation);
      }
      case 'BatchNormalization':
      case 'LayerNormalization': {
        this.#lastAxis(config.axis, x);
        this.#weights(name, name, {
          scale: 'gamma',
          offset: 'beta',
          mean: 'moving_mean',
          variance: 'moving_variance',
        });
        return this.#add(name, from, {
          kind: kind === 'BatchNormalization' ? 'batch-norm' : 'layer-norm',
          epsilon: config.epsilon ?? 1e-3,
          scale: config.scale !== false,
          offset: config.center !== false,
          // Keras' momentum is the weight of the old statistics.
          ...(kind === 'BatchNormalization'
            ? { newest: Number((1 - (config.momentum ?? 0.99)).toPrecision(12)) }
            : {}),
        });
      }
      case 'Activation':
        if (config.activation === 'linear') return x;
        return this.#add(name, from, { kind: 'activation', name: activationOf(config.activation) });
      case 'Softmax':
        this.#lastAxis(config.axis, x);
        return this.#add(name, from, { kind: 'activation', name: 'softmax' });
      case 'ReLU': {
        const most = config.max_value ?? config.maxValue ?? null;
        if (config.negative_slope || config.threshold) throw new Refusal('has a slope or a threshold');
        if (most !== null && most !== 6)
          throw new Refusal(`is bounded by ${most}; 6 or nothing is supported`);
        return this.#add(name, from, { kind: 'activation', name: most === 6 ? 'relu6' : 'relu' });
      }
      case 'LeakyReLU': {
        const slope = config.alpha ?? config.negative_slope ?? 0.3;
        return this.#add(name, from, { kind: 'activation', name: 'leaky-relu', slope });
      }
      case 'ELU':
        if ((config.alpha ?? 1) !== 1) throw new Refusal(`has alpha ${config.alpha}; 1 is supported`);
        return this.#add(name, from, { kind: 'activation', name: 'elu' });
      case 'MaxPooling2D':
      case 'AveragePooling2D':
        return this.#add(name, from, {
          kind: kind === 'MaxPooling2D' ? 'max-pool' : 'average-pool',
          ...this.#placed(x, config.pool_size, config.strides ?? config.pool_size, config.padding, 1),
        });
      case 'GlobalAveragePooling2D':
      case 'GlobalMaxPooling2D': {
        if (config.keepdims || config.keep_dims) throw new Refusal('keeps its axes');
        const what = kind === 'GlobalMaxPooling2D' ? 'global-max' : 'global-average';
        return this.#add(name, from, { kind: what });
      }
      case 'Flatten':
        return this.#add(name, from, { kind: 'flatten' });
      case 'Reshape':
        return this.#add(name, from, { kind: 'reshape', shape: this.#target(x, config.target_shape) });
      case 'ZeroPadding2D':
        return this.#add(name, from, { kind: 'pad', pads: padsOf(config.padding) });
      case 'Concatenate':
        this.#lastAxis(config.axis, x);
        return this.#add(name, from, { kind: 'concatenate' });
      default:
        throw new Refusal('is not supported');
    }
  }

  #lastAxis(axis: unknown, x: string): void {
    const last = this.#shapeOf(x).length;
    const [given] = [axis ?? -1].flat();
    if (given !== -1 && given !== last) throw new Refusal(`works along axis ${given}; the last is needed`);
  }

  #placed(x: string, size: unknown, strides: unknown, padding: unknown, dilation: unknown) {
    const [kernel, steps, gaps] = [pairOf(size), pairOf(strides ?? 1), pairOf(dilation ?? 1)];
    const shape = this.#shapeOf(x);
    const pads = [0, 1].map((axis): [number, number] => {
      if (padding !== 'same') return [0, 0];
      const [side, stride] = [shape[axis]!, steps[axis]!];
      const reach = (kernel[axis]! - 1) * gaps[axis]! + 1;
      const total = Math.max(0, (Math.ceil(side / stride) - 1) * stride + reach - side);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    }) as Pads;
    if (padding !== 'same' && padding !== 'valid' && padding !== undefined)
      throw new Refusal(`pads "${padding}"; same and valid are supported`);
    return { size: kernel, strides: steps, pads };
  }

  #convolution(x: string, config: Config, filters: number, groups: number, bias: unknown): Operation {
    const place = this.#placed(x, config.kernel_size, config.strides, config.padding, config.dilation_rate);
    const dilations = pairOf(config.dilation_rate ?? 1);
    return { kind: 'convolution', filters, ...place, dilations, groups, bias: bias !== false };
  }

  #depthwise(x: string, config: Config, bias: unknown): Operation {
    const channels = this.#shapeOf(x).at(-1)!;
    return this.#convolution(x, config, channels * (config.depth_multiplier ?? 1), channels, bias);
  }

  #target(x: string, target: readonly number[]): number[] {
    const size = this.#shapeOf(x).reduce((a, b) => a * b, 1);
    const known = target.filter((extent) => extent !== -1 && extent !== null).reduce((a, b) => a * b, 1);
    return target.map((extent) => (extent === -1 || extent === null ? size / known : extent));
  }
}

function activationOf(given: unknown): ActivationName {
  const found = typeof given === 'string' ? activationNames[given] : undefined;
  if (!found) throw new Refusal(`has the activation ${JSON.stringify(given)}, which is not supported`);
  return found;
}

function pairOf(value: unknown): [number, number] {
  const pair = Array.isArray(value) ? (value.length === 1 ? [value[0], value[0]] : value) : [value, value];
  if (pair.length !== 2 || !pair.every((n) => Number.isInteger(n) && n > 0))
    throw new Refusal(`has ${JSON.stringify(value)} where a size or a pair of sizes belongs`);
  return pair as [number, number];
}

function padsOf(padding: unknown): Pads {
  if (typeof padding === 'number')
    return [
      [padding, padding],
      [padding, padding],
    ];
  const [rows, columns] = padding as [unknown, unknown];
  const both = (side: unknown): [number, number] =>
    typeof side === 'number' ? [side, side] : (side as [number, number]);
  return [both(rows), both(columns)];
}
