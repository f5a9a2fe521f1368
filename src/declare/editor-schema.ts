import type { FactType, FactTypes } from '../kind/fact-types.ts';
import type { ResolvedKind } from '../kind/registry.ts';
import type { StageKind } from '../kind/stage-kind.ts';
import { PipelineFile, Stage } from './schema.ts';
import {
  allowPlaceholders,
  defaultsMayBeMissing,
  refuseUnknownKeys,
  type Schema,
} from './schema-transform.ts';

/** What an editor needs to know of a kind. */
type EditedKind = Pick<ResolvedKind, 'definition' | 'factTypes'>;

/**
 * The schema of a pipeline file for editors: what `uses` says decides what `with`, `inputs` and `expect` complete.
 * Published as `schema/pipeline.schema.json`; what it accepts is still checked further when a plan is made.
 */
export function editorSchema(kinds: Readonly<Record<string, EditedKind>>): Schema {
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
      ...claims,
      stage: {
        ...stage,
        properties: {
          ...stage.properties,
          uses: {
            description: uses!.description,
            anyOf: [
              ...entries.map(([name, { definition }]) => ({ const: name, description: definition.summary })),
              { type: 'string', pattern: '^\\.\\.?/' },
            ],
          },
        },
        allOf: entries.map(([name, { definition, factTypes }]) => ({
          if: { properties: { uses: { const: name } }, required: ['uses'] },
          // biome-ignore lint/suspicious/noThenProperty: it is JSON Schema's keyword
          then: {
            properties: {
              with: parametersOf(definition),
              inputs: inputsOf(definition),
              expect: claimsOf(factTypes ?? {}),
            },
          },
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

/** What can be claimed of a kind's facts. */
function claimsOf(types: FactTypes): Schema {
  const claims = Object.entries(types).map(([name, type]) => [name, claimOf(type)] as const);
  const isGroup = ([name]: readonly [string, Schema]): boolean => name.endsWith('*');
  const groups = claims.filter(isGroup).map(([name, claim]) => [`^${name.slice(0, -1)}`, claim]);
  return {
    properties: Object.fromEntries(claims.filter((claim) => !isGroup(claim))),
    ...(groups.length > 0 ? { patternProperties: Object.fromEntries(groups) } : {}),
    additionalProperties: false,
  };
}

function claimOf(type: FactType): Schema {
  if (type === 'any') return {};
  return typeof type === 'string' ? { $ref: `#/$defs/${type}` } : claimed({ enum: [...type] });
}

/** A value, or a list of which any will do. */
function claimed(value: Schema, ...others: readonly Schema[]): Schema {
  return allowPlaceholders({ anyOf: [value, { type: 'array', items: value, minItems: 1 }, ...others] });
}

const claims: Readonly<Record<Exclude<FactType, readonly string[] | 'any'>, Schema>> = {
  number: claimed(
    { type: 'number' },
    {
      type: 'object',
      properties: { min: { type: 'number' }, max: { type: 'number' } },
      minProperties: 1,
      additionalProperties: false,
    },
  ),
  boolean: claimed({ type: 'boolean' }),
  text: claimed({ type: 'string' }),
};
