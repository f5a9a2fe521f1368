import type { StageKind } from '../kind/stage-kind.ts';
import { PipelineFile, Stage } from './schema.ts';
import {
  allowPlaceholders,
  defaultsMayBeMissing,
  refuseUnknownKeys,
  type Schema,
} from './schema-transform.ts';

/**
 * The schema of a pipeline file for editors: what `uses` says decides what `with` completes. Published as
 * `schema/pipeline.schema.json`; what it accepts is still checked further when a plan is made.
 */
export function editorSchema(kinds: Readonly<Record<string, StageKind>>): Schema {
  const file = structuredClone(PipelineFile) as unknown as { properties: Record<string, Schema> } & Schema;
  const stage = structuredClone(Stage) as unknown as { properties: Record<string, Schema> } & Schema;
  const { uses } = stage.properties;
  const entries = Object.entries(kinds).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'An orograph pipeline',
    ...file,
    properties: {
      ...file.properties,
      stages: {
        type: 'object',
        propertyNames: file.properties.stages!.propertyNames,
        description: file.properties.stages!.description,
        additionalProperties: { $ref: '#/$defs/stage' },
      },
    },
    $defs: {
      stage: {
        ...stage,
        properties: {
          ...stage.properties,
          uses: {
            description: uses!.description,
            anyOf: [
              ...entries.map(([name, { summary }]) => ({ const: name, description: summary })),
              { type: 'string', pattern: '^\\.\\.?/' },
            ],
          },
        },
        allOf: entries.map(([name, kind]) => ({
          if: { properties: { uses: { const: name } }, required: ['uses'] },
          // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
          then: { properties: { with: parametersOf(kind), inputs: inputsOf(kind) } },
        })),
      },
    },
  };
}

function parametersOf(kind: StageKind): Schema {
  const written = defaultsMayBeMissing(refuseUnknownKeys(kind.with as unknown as Schema));
  const { anyOf } = allowPlaceholders(written) as { anyOf: Schema[] };
  return anyOf[0]!;
}

/** The names of a kind's inputs, for completion. */
function inputsOf({ inputs }: StageKind): Schema {
  const named = Object.entries(inputs).filter(([name]) => name !== '*');
  return {
    properties: Object.fromEntries(
      named.map(([name, { description, type }]) => [
        name,
        { description: description ?? [type].flat().join(' or ') },
      ]),
    ),
  };
}
