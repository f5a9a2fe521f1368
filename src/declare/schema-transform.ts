import type { TSchema } from 'typebox';

/** A JSON Schema as plain data. */
export type Schema = { [key: string]: unknown };

/** A text that holds a placeholder: it may stand for any value. */
export const placeholderSchema: Schema = { type: 'string', pattern: '\\$\\{\\{' };

export function isPlaceholderSchema(schema: unknown): boolean {
  return (schema as Schema | null)?.pattern === placeholderSchema.pattern;
}

/** The schema of what a user may write where this schema holds after placeholders are filled in. */
export function templated<T extends TSchema>(schema: T): T {
  const { description, ...rest } = allowPlaceholders(schema as unknown as Schema);
  const described = description === undefined ? {} : { description };
  // The optional mark of typebox is a hidden property: callers wrap the result, not the argument.
  return { ...rest, ...described } as unknown as T;
}

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const one = [
  'items',
  'additionalProperties',
  'contains',
  'not',
  'if',
  'then',
  'else',
  'unevaluatedProperties',
];
const many = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const named = ['properties', 'patternProperties', '$defs', 'dependentSchemas'];

function mapSchemas(schema: Schema, change: (inner: Schema, keyword: string) => Schema): Schema {
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) {
    if (one.includes(key) && isSchema(value)) result[key] = change(value, key);
    else if (many.includes(key) && Array.isArray(value)) {
      result[key] = value.map((inner) => (isSchema(inner) ? change(inner, key) : inner));
    } else if (named.includes(key) && isSchema(value)) {
      result[key] = Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, isSchema(inner) ? change(inner, key) : inner]),
      );
    } else result[key] = value;
  }
  return result;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Each value, at every level, may be a placeholder instead. Branches of a choice share one placeholder branch. */
export function allowPlaceholders(schema: Schema): Schema {
  const inner = mapSchemas(schema, (inner, keyword) =>
    keyword === 'anyOf' || keyword === 'oneOf' || keyword === 'allOf'
      ? mapSchemas(inner, (deeper) => allowPlaceholders(deeper))
      : allowPlaceholders(inner),
  );
  // A schema of any value takes a placeholder already.
  const keywords = Object.keys(inner).filter((key) => key !== 'description' && key !== 'default');
  if (keywords.length === 0) return inner;
  const { description, default: preset, ...rest } = inner;
  const kept = {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
  };
  const branches = Array.isArray(rest.anyOf) && keywords.length === 1 ? (rest.anyOf as Schema[]) : [rest];
  return { ...kept, anyOf: [...branches, placeholderSchema] };
}

/** typebox writes a tuple as drafts before 2020-12 did; since then its places are `prefixItems`. */
function modernTuples(schema: Schema): Schema {
  if (!Array.isArray(schema.items)) return schema;
  const { items, additionalItems, ...rest } = schema;
  return {
    ...rest,
    prefixItems: items,
    ...(additionalItems === undefined ? {} : { items: additionalItems }),
  };
}

/**
 * Refuses keys that an object schema does not name, at every level: a parameter that nothing reads is a mistake.
 * Objects that say themselves what further keys may be are left as they are.
 */
export function refuseUnknownKeys(written: Schema): Schema {
  const schema = modernTuples(written);
  if (Array.isArray(schema.allOf)) {
    // Each part of an intersection sees the keys of the others: only the whole can refuse.
    const parts = schema.allOf.map((part) => mapSchemas(part as Schema, refuseUnknownKeys));
    return { ...schema, allOf: parts, unevaluatedProperties: schema.unevaluatedProperties ?? false };
  }
  const inner = mapSchemas(schema, refuseUnknownKeys);
  const open = 'additionalProperties' in inner || 'patternProperties' in inner;
  return inner.type === 'object' && 'properties' in inner && !open
    ? { ...inner, additionalProperties: false }
    : inner;
}

/** The schema of what may be written where defaults are filled in: a key with a default may be left out. */
export function defaultsMayBeMissing(schema: Schema): Schema {
  const inner = mapSchemas(schema, defaultsMayBeMissing);
  if (!Array.isArray(inner.required)) return inner;
  const properties = (inner.properties ?? {}) as Record<string, Schema>;
  const required = inner.required.filter((name) => !('default' in (properties[String(name)] ?? {})));
  return { ...inner, required };
}
