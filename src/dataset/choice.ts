import Type, { type Static } from 'typebox';
import type { JsonObject } from '../util/json.ts';

/** What a data set may be called: a plain folder name. */
export const datasetNamePattern = '^[A-Za-z0-9][A-Za-z0-9._-]*$';

const name = Type.String({
  pattern: datasetNamePattern,
  description: 'A folder in data/: cifar10-mini, cifar10, cifar100, cub200, imagenet.',
});
const side = Type.Integer({ minimum: 1, maximum: 4096 });
const size = Type.Union([side, Type.Tuple([side, side]), Type.Literal('none')]);
const count = Type.Integer({ minimum: 1 });

/** Which data, for every kind that reads any: a name, or a name with what is to be made of it. */
export const datasetSchema = Type.Union(
  [
    name,
    Type.Object(
      {
        name,
        labels: Type.Optional(
          Type.Enum(['fine', 'coarse'], { description: 'Of CIFAR-100: 100 classes (default) or 20.' }),
        ),
        subset: Type.Optional(
          Type.Object(
            {
              train: Type.Optional(count),
              test: Type.Optional(count),
              balanced: Type.Optional(
                Type.Boolean({ description: 'As many of each class as the numbers allow.' }),
              ),
              seed: Type.Optional(
                Type.Integer({
                  minimum: 0,
                  maximum: Number.MAX_SAFE_INTEGER,
                  description: 'Draws instead of taking the first.',
                }),
              ),
            },
            { additionalProperties: false, minProperties: 1, description: 'Only so many examples.' },
          ),
        ),
        resize: Type.Optional({
          ...size,
          description:
            "The shorter side, or [height, width], by PIL's bilinear filter; none (default: 256 of image files).",
        }),
        crop: Type.Optional({
          ...size,
          description: 'The centre: a side, or [height, width]; none (default: 224 of image files).',
        }),
        'bounding-box': Type.Optional(
          Type.Boolean({ description: 'Of CUB-200-2011: cuts the bird out first (default: no).' }),
        ),
        tensors: Type.Optional(
          Type.Object(
            { inputs: Type.Optional(Type.String()), labels: Type.Optional(Type.String()) },
            {
              additionalProperties: false,
              description: 'Of safetensors: what they are called (default: inputs, labels).',
            },
          ),
        ),
        order: Type.Optional(
          Type.Enum(['channels-first', 'channels-last'], {
            description: 'Of arrays of images: [n, c, h, w] (default) or [n, h, w, c].',
          }),
        ),
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'A folder in data/, or { name, subset, resize, crop, … }.' },
);

/** What a pipeline may write after `dataset:`. */
export type DatasetChoice = Static<typeof datasetSchema>;
/** The same with a name and options. */
export type DatasetOptions = Exclude<DatasetChoice, string>;

export function optionsOf(choice: DatasetChoice): DatasetOptions {
  return typeof choice === 'string' ? { name: choice } : choice;
}

/** The options besides the name in one spelling, or undefined where there are none: part of a data set's identity. */
export function optionsBesideName({ name: _, ...rest }: DatasetOptions): JsonObject | undefined {
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  if (given.length === 0) return undefined;
  return Object.fromEntries(given.sort(([a], [b]) => (a < b ? -1 : 1))) as JsonObject;
}
