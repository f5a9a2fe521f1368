import { closest } from '../diagnostics/suggest.ts';
import { Kinds } from '../fingerprint/registry.ts';
import type { InputSpec, StageKind } from '../kind/stage-kind.ts';
import type { Json, JsonObject } from '../util/json.ts';
import type { Paint } from './terminal.ts';

/** As much of JSON Schema as parameters of kinds use. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema | readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** A kind that ships, if there is one of that name. */
export async function shippedKind(name: string): Promise<StageKind | undefined> {
  // Only kinds of the user's are compiled into a cache.
  const kinds = await Kinds.open('');
  if (!kinds.builtin.includes(name)) return undefined;
  const found = await kinds.resolve(name, '', '');
  return 'severity' in found ? undefined : found.definition;
}

/** A name that was meant for a verb, as the kind that it is or nearly is. */
export async function kindLike(name: string): Promise<string | undefined> {
  const { builtin } = await Kinds.open('');
  return builtin.includes(name) ? name : closest(name, builtin);
}

/** What `orograph help KIND` prints: what a pipeline may write for a stage of this kind. */
export function kindHelp(name: string, { summary, inputs, with: schema }: StageKind, paint: Paint): string {
  const { properties = {}, required = [] } = schema as unknown as Schema;
  const entry = (title: string, words: string, description = ''): string[] => [
    ...wrapped(`${title}: ${words}`, '  ').map((line, i) =>
      i === 0 ? line.replace(title, () => paint('cyan', title)) : line,
    ),
    ...wrapped(description, '      '),
  ];
  return `${[
    ...wrapped(`${name}, a kind of stage: ${summary}`, ''),
    '',
    `${paint('bold', 'Usage')}  uses: ${name}`,
    '',
    paint('bold', 'Inputs (inputs:)'),
    ...Object.entries(inputs).flatMap(([input, spec]) =>
      entry(input, inputWords(input, spec), spec.description),
    ),
    '',
    paint('bold', 'Parameters (with:)'),
    ...Object.entries(properties).flatMap(([parameter, own]) =>
      entry(parameter, typeOf(own) + presetWords(own, required.includes(parameter)), own.description),
    ),
    '',
    '"The stage kinds" in docs/pipeline-format.md says what it does and gives.',
  ].join('\n')}\n`;
}

function inputWords(name: string, { type, shape = 'file', many, optional }: InputSpec): string {
  const forms = { file: '', folder: ', a folder', either: ', one or a folder' };
  const needed = !optional && name !== '*';
  return `${[type].flat().join(' or ')}${forms[shape]}${many ? ', a list' : ''}${needed ? ' (needed)' : ''}`;
}

function presetWords(schema: Schema, required: boolean): string {
  if (schema.default !== undefined) return ` (default ${written(schema.default)})`;
  return required ? ' (needed)' : '';
}

const columns = 110;

/** Lines of a text, the later ones further in. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${last === undefined ? '' : '  '}${word}`);
  }
  return lines;
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return written(schema.const);
  if (schema.enum) return schema.enum.map(written).join(' | ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' | ');
  switch (schema.type) {
    case 'integer':
      return `whole number${range(schema)}`;
    case 'number':
      return `number${range(schema)}`;
    case 'boolean':
      return 'true | false';
    case 'string':
      return 'text';
    case 'array':
      return Array.isArray(schema.items)
        ? `[${(schema.items as readonly Schema[]).map(typeOf).join(', ')}]`
        : `list of ${typeOf((schema.items ?? {}) as Schema)}`;
    case 'object':
      return mapping(schema);
    default:
      return 'any value';
  }
}

function mapping({ properties }: Schema): string {
  if (!properties) return 'mapping';
  // The name tells architectures apart.
  const names = Object.entries(properties).map(([name, { const: fixed }]) =>
    fixed === undefined ? name : `${name}: ${written(fixed)}`,
  );
  return `{ ${names.join(', ')} }`;
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const largest = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const parts = [
    ...(minimum === undefined ? [] : [`from ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(largest === undefined ? [] : [`to ${largest}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
  ];
  return parts.length > 0 ? ` ${parts.join(' ')}` : '';
}

/** As YAML has it on one line. */
function written(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (value !== null && typeof value === 'object')
    return `{ ${Object.entries(value as JsonObject)
      .map(([name, inner]) => `${name}: ${written(inner!)}`)
      .join(', ')} }`;
  return value === '' ? "''" : String(value);
}
