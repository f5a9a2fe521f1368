import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { UserError } from '../diagnostics/diagnostic.ts';
import { deepResnetLayers, deepResnetSchema, deepResnetTitle } from './deep-resnet.ts';
import { ofImages, ofLayers, squareSide } from './layers/images.ts';
import { layerSchema } from './layers/layer.ts';
import { mlp, mlpSchema } from './mlp.ts';
import { mobilenetLayers, mobilenetSchema } from './mobilenet.ts';
import { deepResnets, type ModuleSpec, type Network, type NetworkSpec, shortcuts } from './network.ts';
import { blocksPerStage, imageSide, resnet, resnetSchema } from './resnet.ts';

const file = (description: string) => Type.String({ minLength: 1, description });

/** Networks of the user's own; `own-network.ts` opens them. */
export const layersSchema = Type.Object(
  {
    name: Type.Literal('layers'),
    file: file('The model.json of a TensorFlow.js layers model, a path in the workspace.'),
    classifier: Type.Optional(
      Type.Enum(['own', 'new'], {
        description:
          'own (default): the last dense layer as it is; new: with as many units as the data set has classes.',
      }),
    ),
  },
  { additionalProperties: false },
);
export const moduleSchema = Type.Object(
  {
    name: Type.Literal('module'),
    file: file('A TypeScript module whose default export is defineNetwork(…), a path in the workspace.'),
    settings: Type.Optional(
      Type.Record(Type.String(), Type.Any(), { description: 'What the module’s builder gets as settings.' }),
    ),
  },
  { additionalProperties: false },
);

/** What a pipeline may write after `network:`: a name alone, or an object with the architecture's settings. */
export const networkSchema = Type.Union(
  [
    Type.Enum(['mlp', 'mobilenet-v2', ...deepResnets]),
    mlpSchema,
    resnetSchema,
    mobilenetSchema,
    deepResnetSchema,
    layersSchema,
    moduleSchema,
  ],
  {
    description:
      'The architecture: mlp, mobilenet-v2, resnet50, resnext101-32x8d, …, or an object such as { name: mlp, widths: [128] }, { name: resnet, depth: 20 } (for CIFAR), { name: mobilenet-v2, width: 0.35 }, { name: layers, file: model.json }, { name: module, file: net.ts }.',
  },
);
export type NetworkChoice = Static<typeof networkSchema>;

/** A choice that its name and settings alone decide; the others depend on files (`own-network.ts`). */
export type BuiltInChoice = Exclude<NetworkChoice, { name: 'layers' } | { name: 'module' }>;

export function isBuiltIn(choice: NetworkChoice): choice is BuiltInChoice {
  return typeof choice === 'string' || (choice.name !== 'layers' && choice.name !== 'module');
}

/**
 * Fills in an architecture's defaults.
 * @throws UserError where the architecture cannot take such inputs.
 */
export function resolveNetwork(choice: BuiltInChoice, inputs: number, classes: number): DataSpec {
  const settings = typeof choice === 'string' ? { name: choice } : choice;
  if (settings.name === 'mlp')
    return { name: 'mlp', widths: ('widths' in settings && settings.widths) || [128], inputs, classes };
  if (settings.name === 'resnet') {
    if (imageSide(inputs) === undefined) throw wrongInputs(settings.name, 'the side a multiple of 4', inputs);
    return { name: 'resnet', depth: settings.depth, shortcut: settings.shortcut ?? 'B', inputs, classes };
  }
  if (squareSide(inputs) === undefined) throw wrongInputs(settings.name, 'of any size', inputs);
  const size = 'size' in settings && settings.size !== undefined ? { size: settings.size } : {};
  if (settings.name === 'mobilenet-v2') {
    const width = ('width' in settings && settings.width) || 1;
    return { name: settings.name, width, ...size, inputs, classes };
  }
  return { name: settings.name, ...size, inputs, classes };
}

function wrongInputs(name: string, which: string, inputs: number): UserError {
  return new UserError({
    severity: 'error',
    code: 'wrong-dataset',
    message: `the network "${name}" takes square images of three channels, ${which}; the data set has ${inputs} features`,
  });
}

/** A spec that says all of a network. */
export type DataSpec = Exclude<NetworkSpec, ModuleSpec>;

/** Builds all networks but those whose code is a module of the user's; see `own-network.ts`. */
export function buildNetwork(spec: DataSpec): Network {
  switch (spec.name) {
    case 'mlp':
      return mlp(spec);
    case 'resnet':
      return resnet(spec);
    case 'mobilenet-v2':
      return ofImages(spec, mobilenetLayers(spec));
    case 'layers':
      return ofLayers(spec, spec.layers, spec.input);
    default:
      return ofImages(spec, deepResnetLayers(spec));
  }
}

/** What figures call a network: 3072-128-10, ResNet-56, ResNet-56-A, ResNet-56-NS (no shortcuts), MobileNetV2-0.35. */
export function networkTitle(spec: NetworkSpec): string {
  switch (spec.name) {
    case 'mlp':
      return [spec.inputs, ...spec.widths, spec.classes].join('-');
    case 'resnet':
      return `ResNet-${spec.depth}${{ A: '-A', B: '', none: '-NS' }[spec.shortcut]}`;
    case 'mobilenet-v2':
      return spec.width === 1 ? 'MobileNetV2' : `MobileNetV2-${spec.width}`;
    case 'layers':
    case 'module':
      return spec.title;
    default:
      return deepResnetTitle(spec);
  }
}

const counted = Type.Integer({ minimum: 1 });
const ends = { inputs: counted, classes: counted };
const closed = { additionalProperties: false } as const;
const size = Type.Optional(counted);
const specSchemas = [
  Type.Object({ name: Type.Literal('mlp'), widths: Type.Array(counted), ...ends }, closed),
  Type.Object(
    { name: Type.Literal('resnet'), depth: counted, shortcut: Type.Enum([...shortcuts]), ...ends },
    closed,
  ),
  Type.Object({ name: Type.Literal('mobilenet-v2'), width: Type.Number(), size, ...ends }, closed),
  Type.Object({ name: Type.Enum([...deepResnets]), size, ...ends }, closed),
  Type.Object(
    {
      name: Type.Literal('layers'),
      title: Type.String(),
      input: Type.Array(counted),
      layers: Type.Array(layerSchema, { minItems: 1 }),
      ...ends,
    },
    closed,
  ),
  Type.Object(
    {
      name: Type.Literal('module'),
      title: Type.String(),
      file: Type.String(),
      code: Type.String(),
      settings: Type.Record(Type.String(), Type.Any()),
      ...ends,
    },
    closed,
  ),
];

/** Reads a spec back from a file. @throws UserError where it is none that this version knows. */
export function parseNetworkSpec(text: string, label: string): NetworkSpec {
  const spec = parse(text);
  if (specSchemas.some((schema) => Value.Check(schema, spec)) && possible(spec as NetworkSpec))
    return spec as NetworkSpec;
  throw new UserError({
    severity: 'error',
    code: 'unknown-network',
    message: `${label} was made for a network that this version does not know: ${text.slice(0, 300)}`,
  });
}

/** What the schema cannot say. */
function possible(spec: NetworkSpec): boolean {
  switch (spec.name) {
    case 'mlp':
    case 'layers':
    case 'module':
      return true;
    case 'resnet':
      return (
        Number.isInteger(blocksPerStage(spec.depth)) && spec.depth > 2 && imageSide(spec.inputs) !== undefined
      );
    default:
      return squareSide(spec.inputs) !== undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
