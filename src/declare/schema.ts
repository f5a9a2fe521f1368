import { type Static, type TSchema, Type } from 'typebox';
import { artifactTypes } from '../kind/artifact.ts';
import { templated } from './schema-transform.ts';

/** Names of pipelines, stages, prefixes, parameters and axes: they become folders, and parts of references. */
export const namePattern = '^[A-Za-z][A-Za-z0-9_-]*$';
export const variablePattern = '^[A-Za-z_][A-Za-z0-9_]*$';

export const engineNames = ['auto', 'wasm', 'onnx', 'tensorflow'] as const;

const onnxProviders = ['cpu', 'webgpu', 'cuda'] as const;

/** A year, in seconds. */
export const longestTimeout = 365 * 86_400;

/** As parts of a path, names must leave room for what stands around them. */
const longestName = 100;
const closed = { additionalProperties: false } as const;
const Name = (description: string) =>
  Type.String({ pattern: namePattern, maxLength: longestName, description });
const Anything = (description: string) => Type.Unknown({ description });
const Variables = (description: string) =>
  Type.Array(Type.String({ pattern: variablePattern }), { description });
const byName = (value: TSchema, description: string) =>
  Type.Record(Type.String(), value, {
    propertyNames: { pattern: namePattern, maxLength: longestName },
    description,
  });

const engineName = Type.Enum([...engineNames], {
  description: 'What computes tensors: auto takes the fastest that loads.',
});
const Engine = Type.Union(
  [
    engineName,
    Type.Object(
      {
        name: engineName,
        provider: Type.Optional(
          Type.Enum([...onnxProviders], {
            description: 'Of the engine onnx: what computes inside onnxruntime. Default: cpu.',
          }),
        ),
      },
      closed,
    ),
  ],
  { description: 'What computes tensors: auto, wasm, onnx or tensorflow.' },
);

const FileReference = Type.Object(
  {
    file: Type.String({
      minLength: 1,
      description: 'A file of the workspace. ./ and ../ start at the pipeline file, other paths at the root.',
    }),
  },
  closed,
);
const OneReference = Type.Union([
  Type.String({ description: 'stage, stage.output, stage[axis=value].output/member' }),
  FileReference,
]);

const OutputFile = Type.Union([
  Type.String({ minLength: 1, description: 'The name of the file that the command writes.' }),
  Type.Object(
    {
      file: Type.String({ minLength: 1 }),
      type: Type.Optional(
        Type.Enum([...artifactTypes], { description: 'What the file is (default: file).' }),
      ),
    },
    closed,
  ),
]);

const Axis = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Object({})]), {
  description: 'The values of an axis. A mapping among them is told by its name or id.',
});
const Combinations = Type.Array(Type.Record(Type.String(), Type.Unknown()));

/** The fields of a stage. `fill` says where a placeholder may stand for a value. */
function stageFields(fill: <T extends TSchema>(schema: T) => T) {
  const optional = <T extends TSchema>(schema: T) => Type.Optional(fill(schema));
  return {
    title: optional(Type.String({ description: 'A few words for people. In no key.' })),
    description: optional(Type.String({ description: 'Sentences for people. In no key.' })),
    caption: optional(Type.String({ description: 'What stands under the figure. In no key.' })),
    engine: optional(Engine),
    resources: optional(
      Type.Object(
        {
          cpu: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096, description: 'Cores.' })),
          memory: Type.Optional(
            Type.Union(
              [Type.Integer({ minimum: 1 }), Type.String({ pattern: '^\\d+(\\.\\d+)? ?[KMGT]B$' })],
              {
                description: 'Megabytes, or text such as 2GB.',
              },
            ),
          ),
          gpu: Type.Optional(Type.Integer({ minimum: 0, maximum: 64 })),
        },
        { ...closed, description: 'What the stage holds while it runs.' },
      ),
    ),
    timeout: optional(
      Type.Union(
        [
          Type.Number({ exclusiveMinimum: 0, maximum: longestTimeout }),
          Type.String({ pattern: '^\\d{1,9}(\\.\\d+)? ?(ms|s|m|h|d)$' }),
        ],
        { description: 'Seconds, or text such as 90s, 10m or 2h.' },
      ),
    ),
    retries: optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'How often a failed stage is tried again.' }),
    ),
    expect: optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Facts that the stage should find: name to value, or to a list of which any will do.',
      }),
    ),
  };
}

/** The fields that decide how a stage runs, once its placeholders are filled in. */
export const SettledStage = Type.Object(stageFields((schema) => schema));
export type SettledStage = Static<typeof SettledStage>;

export const Stage = Type.Object(
  {
    uses: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The kind of stage: a built-in one, or a TypeScript file (./my-stage.ts).',
      }),
    ),
    command: Type.Optional(Type.String({ minLength: 1, description: 'A program, run by sh -c.' })),
    matrix: Type.Optional(
      Type.Object(
        {
          exclude: Type.Optional(templated(Combinations)),
          include: Type.Optional(templated(Combinations)),
        },
        {
          additionalProperties: templated(Axis),
          propertyNames: { pattern: namePattern, maxLength: longestName },
          description: 'One instance a combination of the values of these axes.',
        },
      ),
    ),
    inputs: Type.Optional(
      byName(
        // The plan says of nothing at all that a reference is missing.
        Type.Union([OneReference, Type.Array(OneReference), Type.Null()]),
        'What the stage reads: references to stages, or { file: path }.',
      ),
    ),
    with: Type.Optional(Type.Object({}, { description: 'The parameters of the kind.' })),
    outputs: Type.Optional(byName(OutputFile, 'Of a command: what it writes, name to file name.')),
    env: Type.Optional(Variables('Environment variables that reach the stage. Their values are in its key.')),
    ...stageFields(templated),
  },
  closed,
);

export const Include = Type.Object(
  {
    file: Type.String({ minLength: 1, description: 'Another pipeline file.' }),
    prefix: Name('Its stages are called prefix.stage here.'),
    params: Type.Optional(Type.Object({}, { description: 'Overrides parameters of that file.' })),
  },
  closed,
);

/** A pipeline file as it is written, placeholders included. */
export const PipelineFile = Type.Object(
  {
    pipeline: Name('The name of the pipeline, and of its folder under artifacts/.'),
    title: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    engine: Type.Optional(Engine),
    params: Type.Optional(byName(Anything('Any value.'), 'Values for ${{ params.name }}.')),
    profiles: Type.Optional(
      byName(Type.Object({}), 'Named sets of parameters that override params: --profile smoke.'),
    ),
    env: Type.Optional(Variables('Environment variables that ${{ env.NAME }} may use in this file.')),
    include: Type.Optional(Type.Array(Include)),
    stages: byName(Stage, 'The stages by name.'),
  },
  closed,
);
