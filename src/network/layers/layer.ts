/**
 * Networks as lists of layers: plain JSON, so that a checkpoint holds the whole architecture. Here: what layers there
 * are, the shapes that come out of them, and their parameters. `layered.ts` makes a network of a list.
 */
import Type, { type Static } from 'typebox';
import { UserError } from '../../diagnostics/diagnostic.ts';
import { sizeOf } from '../tensors.ts';

const pair = Type.Tuple([Type.Integer(), Type.Integer()]);
/** Rows before and after, columns before and after. */
const pads = Type.Tuple([pair, pair]);
const placed = { size: pair, strides: pair, pads };
const closed = { additionalProperties: false } as const;

/** What an activation does, elementwise but for softmax. */
export const activations = [
  'relu',
  'relu6',
  'leaky-relu',
  'elu',
  'selu',
  'sigmoid',
  'hard-sigmoid',
  'tanh',
  'softplus',
  'softsign',
  'swish',
  'mish',
  'gelu',
  'gelu-tanh',
  'exponential',
  'softmax',
] as const;
export type ActivationName = (typeof activations)[number];

/**
 * One operation. Feature maps are [height, width, channels], vectors [features]; pads are given one by one, so that no
 * layer depends on a convention.
 */
export const operationSchema = Type.Union([
  /** `groups` as in PyTorch; as many as there are channels make it depthwise. Kernel [h, w, channels / groups, filters]. */
  Type.Object(
    {
      kind: Type.Literal('convolution'),
      filters: Type.Integer({ minimum: 1 }),
      ...placed,
      dilations: pair,
      groups: Type.Integer({ minimum: 1 }),
      bias: Type.Boolean(),
    },
    closed,
  ),
  /** Of the last axis. */
  Type.Object(
    { kind: Type.Literal('dense'), units: Type.Integer({ minimum: 1 }), bias: Type.Boolean() },
    closed,
  ),
  /**
   * Both of the last axis. `newest`, of batch norm: the weight of a batch in the running statistics, 0.1 where it is not
   * said.
   */
  Type.Object(
    {
      kind: Type.Enum(['batch-norm', 'layer-norm']),
      epsilon: Type.Number({ minimum: 0 }),
      scale: Type.Boolean(),
      offset: Type.Boolean(),
      newest: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    },
    closed,
  ),
  /** `slope` of leaky-relu for negative numbers. */
  Type.Object(
    {
      kind: Type.Literal('activation'),
      name: Type.Enum([...activations]),
      slope: Type.Optional(Type.Number()),
    },
    closed,
  ),
  /** Pixels outside the maps do not count. */
  Type.Object({ kind: Type.Enum(['max-pool', 'average-pool']), ...placed }, closed),
  /** Of each channel; maps become vectors. */
  Type.Object({ kind: Type.Enum(['global-average', 'global-max', 'flatten']) }, closed),
  Type.Object({ kind: Type.Literal('reshape'), shape: Type.Array(Type.Integer({ minimum: 1 })) }, closed),
  Type.Object({ kind: Type.Literal('pad'), pads }, closed),
  /** Bilinear, pixels as areas (PyTorch's align_corners=False). Of the images only: it has no derivative here. */
  Type.Object({ kind: Type.Literal('resize'), size: pair }, closed),
  /** Of two or more inputs of one shape. */
  Type.Object({ kind: Type.Enum(['add', 'multiply', 'average', 'maximum']) }, closed),
  /** Along the last axis. */
  Type.Object({ kind: Type.Literal('concatenate') }, closed),
]);
export type Operation = Static<typeof operationSchema>;

export const layerSchema = Type.Object(
  {
    /** Unique; its parameters are called `<name>/kernel`, …. */
    name: Type.String({ minLength: 1 }),
    /** Names of earlier layers; `input` are the images. */
    from: Type.Array(Type.String(), { minItems: 1 }),
    does: operationSchema,
  },
  closed,
);
/** The last layer's output are the logits. */
export type Layer = Static<typeof layerSchema>;

/** The name of what goes into the first layer. */
export const inputName = 'input';

const wrong = (layer: Layer, message: string): UserError =>
  new UserError({ severity: 'error', code: 'bad-network', message: `layer "${layer.name}" ${message}` });

/** What comes out of each layer, by name, without the batch's axis. @throws UserError where layers do not fit. */
export function shapesOf(
  layers: readonly Layer[],
  input: readonly number[],
): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>([[inputName, input]]);
  for (const layer of layers) {
    if (shapes.has(layer.name)) throw wrong(layer, 'stands there twice');
    const from = layer.from.map((name) => {
      const shape = shapes.get(name);
      if (!shape) throw wrong(layer, `takes "${name}", which no layer before it is called`);
      return shape;
    });
    const shape = shapeAfter(layer, from);
    if (!shape.every((extent) => Number.isInteger(extent) && extent > 0))
      throw wrong(layer, `makes [${shape}] of [${from.join('] and [')}]`);
    shapes.set(layer.name, shape);
  }
  return shapes;
}

function shapeAfter(layer: Layer, from: readonly (readonly number[])[]): readonly number[] {
  const { does } = layer;
  const [first] = from as [readonly number[]];
  const maps = (): [number, number, number] => {
    if (first.length !== 3) throw wrong(layer, `takes maps [height, width, channels], not [${first}]`);
    return first as [number, number, number];
  };
  const many = ['add', 'multiply', 'average', 'maximum', 'concatenate'].includes(does.kind);
  if (!many && from.length > 1) throw wrong(layer, `takes one input, not ${from.length}`);
  switch (does.kind) {
    case 'convolution': {
      const [h, w, channels] = maps();
      if (channels % does.groups !== 0 || does.filters % does.groups !== 0)
        throw wrong(
          layer,
          `cannot put ${channels} channels and ${does.filters} filters into ${does.groups} groups`,
        );
      return [...windows([h, w], does.size, does), does.filters];
    }
    case 'max-pool':
    case 'average-pool': {
      const [h, w, channels] = maps();
      return [...windows([h, w], does.size, { ...does, dilations: [1, 1] }), channels];
    }
    case 'dense':
      return [...first.slice(0, -1), does.units];
    case 'global-average':
    case 'global-max':
      return [maps()[2]];
    case 'flatten':
      return [sizeOf(first)];
    case 'reshape':
      if (sizeOf(does.shape) !== sizeOf(first))
        throw wrong(layer, `cannot give [${first}] the shape [${does.shape}]`);
      return does.shape;
    case 'pad': {
      const [h, w, channels] = maps();
      const [[top, bottom], [left, right]] = does.pads;
      return [h + top + bottom, w + left + right, channels];
    }
    case 'resize':
      return [...does.size, maps()[2]];
    case 'concatenate':
    case 'add':
    case 'multiply':
    case 'average':
    case 'maximum': {
      const kept = does.kind === 'concatenate' ? -1 : undefined;
      const [shape] = from as [readonly number[]];
      if (from.some((other) => other.slice(0, kept).join() !== shape.slice(0, kept).join()))
        throw wrong(layer, `joins the shapes [${from.join('] and [')}], which do not fit`);
      if (kept === undefined) return shape;
      return [...shape.slice(0, -1), from.reduce((sum, other) => sum + other.at(-1)!, 0)];
    }
    default:
      return first;
  }
}

function windows(
  sides: readonly [number, number],
  size: readonly number[],
  place: {
    readonly strides: readonly number[];
    readonly pads: readonly (readonly number[])[];
    readonly dilations: readonly number[];
  },
): number[] {
  return sides.map((side, axis) => {
    const [before, after] = place.pads[axis] as [number, number];
    const reach = (size[axis]! - 1) * place.dilations[axis]! + 1;
    return Math.floor((side + before + after - reach) / place.strides[axis]!) + 1;
  });
}

/** A tensor of a network; the `ParameterForm` of `network.ts`, which knows layers. */
interface Form {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A layer's parameters in the order of PyTorch: kernel, bias; scale, offset. With the fan-in of each. */
export function parametersOf(
  { name, does }: Layer,
  input: readonly number[],
): readonly (Form & { readonly fanIn: number })[] {
  const last = input.at(-1)!;
  switch (does.kind) {
    case 'convolution': {
      const into = last / does.groups;
      const fanIn = into * does.size[0] * does.size[1];
      return [
        { name: `${name}/kernel`, shape: [...does.size, into, does.filters], fanIn },
        ...(does.bias ? [{ name: `${name}/bias`, shape: [does.filters], fanIn }] : []),
      ];
    }
    case 'dense':
      return [
        { name: `${name}/kernel`, shape: [last, does.units], fanIn: last },
        ...(does.bias ? [{ name: `${name}/bias`, shape: [does.units], fanIn: last }] : []),
      ];
    case 'batch-norm':
    case 'layer-norm':
      return [
        ...(does.scale ? [{ name: `${name}/scale`, shape: [last], fanIn: 1 }] : []),
        ...(does.offset ? [{ name: `${name}/offset`, shape: [last], fanIn: 1 }] : []),
      ];
    default:
      return [];
  }
}

/** Running statistics of a batch norm. */
export function stateOf({ name, does }: Layer, input: readonly number[]): readonly Form[] {
  if (does.kind !== 'batch-norm') return [];
  const shape = [input.at(-1)!];
  return [
    { name: `${name}/mean`, shape },
    { name: `${name}/variance`, shape },
  ];
}
