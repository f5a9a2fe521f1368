import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Json } from '../util/json.ts';
import { describe } from './evaluate.ts';
import { type Located, locate, type Node } from './node.ts';
import { namePattern, variablePattern } from './schema.ts';
import { isPlaceholderSchema, type Schema } from './schema-transform.ts';

/** What the patterns of names mean. */
const nameForms: ReadonlyMap<string, string> = new Map([
  [namePattern, 'a letter, then letters, digits, "_" or "-"'],
  [variablePattern, 'a letter or "_", then letters, digits or "_"'],
]);

/** How errors of a schema are told. */
export interface Telling {
  /** The value that was checked. */
  readonly base: Node;
  /** Where to point for what is missing at the top, where there is no text. */
  readonly fallback: Span;
  /** Put before names in messages: `with` gives `with.epochs`. */
  readonly prefix: string;
  /** Where a value came from that a placeholder stands for. */
  readonly origin?: (node: Node) => { readonly message: string; readonly at: Span | undefined } | undefined;
}

/** Tells each mistake once, in the user's words, at its place. */
export function explain(errors: readonly ErrorObject[], telling: Telling, problems: Problems): void {
  // A value that is undefined is a placeholder that could not be filled, which has been told.
  const real = errors.filter(
    ({ keyword, data, params }) =>
      data !== undefined &&
      !(keyword === 'required' && Object.hasOwn(data as object, params.missingProperty)),
  );
  for (const error of settleChoices(real)) tell(error, telling, problems);
}

/** An error that stands for all branches of a choice; `wanted` says what would have been right. */
type Settled = ErrorObject & { wanted?: string };

/**
 * ajv reports every branch of a choice (anyOf, oneOf) and then the choice itself. What the user meant is the branch
 * that fits best: its errors are kept. Where none is meant more than another, the choice becomes one sentence.
 */
function settleChoices(errors: readonly ErrorObject[]): Settled[] {
  const choices = errors
    .filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  let rest: Settled[] = [...errors];
  for (const choice of choices) {
    if (!rest.includes(choice)) continue;
    const under = (error: ErrorObject) =>
      error !== choice &&
      error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
      (error.instancePath === choice.instancePath ||
        error.instancePath.startsWith(`${choice.instancePath}/`));
    const branches = ((choice.parentSchema as Schema)[choice.keyword] as Schema[])
      .map((schema, i) => ({
        schema,
        errors: rest.filter(
          (error) => under(error) && `${error.schemaPath}/`.startsWith(`${choice.schemaPath}/${i}/`),
        ),
      }))
      .filter(({ schema }) => !isPlaceholderSchema(schema));
    rest = rest.filter((error) => error !== choice && !under(error));
    rest.push(...chosen(choice, branches));
  }
  return rest;
}

interface Branch {
  readonly schema: Schema;
  readonly errors: readonly ErrorObject[];
}

function chosen(choice: ErrorObject, branches: readonly Branch[]): Settled[] {
  // Nothing is known against a branch whose only errors were placeholders that could not be filled.
  if (branches.some(({ errors }) => errors.length === 0)) return [];
  const ranked = branches.map((branch) => ({
    ...branch,
    misfit: misfit(branch.errors, choice.instancePath),
  }));
  const least = Math.min(...ranked.map(({ misfit }) => misfit));
  const near = ranked.filter(({ misfit }) => misfit === least);
  if (ranked.length === 1) return settleChoices(ranked[0]!.errors);
  const { description } = choice.parentSchema as Schema;
  if (least === 1) {
    // Objects told apart by one key, whose value fits none of them.
    const tags = near.map(({ errors }) => errors.find(({ keyword }) => keyword === 'const')!);
    if (tags.every((tag) => tag.instancePath === tags[0]!.instancePath)) {
      const allowedValues = tags.map((tag) => tag.params.allowedValue);
      return [{ ...tags[0]!, keyword: 'enum', params: { allowedValues } }];
    }
  }
  if (least < 2) {
    const best = near.reduce((a, b) => (b.errors.length < a.errors.length ? b : a));
    // The choice says in words what its branches say in patterns.
    const byPattern = best.errors.every(
      ({ instancePath, keyword }) => instancePath === choice.instancePath && keyword === 'pattern',
    );
    if (byPattern && typeof description === 'string') return [{ ...choice, wanted: sentence(description) }];
    return settleChoices(best.errors);
  }
  const allowedValues = ranked.flatMap(({ schema }) => constants(schema) ?? []);
  if (ranked.every(({ schema }) => constants(schema))) {
    return [{ ...choice, keyword: 'enum', params: { allowedValues } }];
  }
  const kinds = [...new Set(ranked.map(({ schema }) => wanted(schema)))].join(', or ');
  return [
    {
      ...choice,
      params: { allowedValues },
      wanted: typeof description === 'string' ? sentence(description) : kinds,
    },
  ];
}

/** 2: another type altogether; 1: an object of another variant; 0: this branch was meant. */
function misfit(errors: readonly ErrorObject[], path: string): number {
  let worst = 0;
  for (const { keyword, instancePath } of errors) {
    const decides = keyword === 'const' || keyword === 'enum';
    if (instancePath === path && (keyword === 'type' || decides)) return 2;
    if (decides && keyword === 'const' && instancePath.lastIndexOf('/') === path.length) worst = 1;
  }
  return worst;
}

function constants(schema: Schema): Json[] | undefined {
  if ('const' in schema) return [schema.const as Json];
  return Array.isArray(schema.enum) ? (schema.enum as Json[]) : undefined;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  null: 'null',
};

function wanted(schema: Schema): string {
  const values = constants(schema);
  if (values) return oneOf(values.map((value) => JSON.stringify(value)));
  if (Array.isArray(schema.anyOf)) {
    const branches = (schema.anyOf as Schema[]).filter((branch) => !isPlaceholderSchema(branch));
    return [...new Set(branches.map(wanted))].join(', or ');
  }
  const types = [schema.type].flat().map((type) => typeNames[String(type)] ?? String(type));
  const keys = Object.keys((schema.properties as Schema | undefined) ?? {});
  const form =
    typeof schema.pattern === 'string' && typeof schema.description !== 'string'
      ? ` of the form ${schema.pattern}`
      : '';
  return types.join(' or ') + form + (keys.length > 0 ? ` with ${keys.join(', ')}` : '');
}

function tell(error: Settled, telling: Telling, problems: Problems): void {
  const { keyword, params, parentSchema } = error;
  const place = locate(telling.base, error.instancePath);
  const name = nameOf(error.instancePath, telling.prefix);
  const subject = name === '' ? 'the file' : `"${name}"`;
  const related = telling.origin?.(place.node);
  const details = (expected?: string, hint?: string) => ({
    expected,
    hint,
    ...(related ? { related: [related] } : {}),
  });
  const value = error.data as Json;
  const at = spanOf(place, telling);
  if (error.wanted !== undefined) {
    const texts = ((params.allowedValues ?? []) as Json[]).filter((text) => typeof text === 'string');
    const hint = typeof value === 'string' ? didYouMean(value, texts) : undefined;
    problems.error('wrong-type', at, `${subject} cannot be ${describe(value)}`, details(error.wanted, hint));
    return;
  }
  switch (keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params.additionalProperty ?? params.unevaluatedProperty);
      const known = knownKeys(parentSchema as Schema);
      const entry = place.node.kind === 'map' && place.complete ? place.node.entries.get(key) : undefined;
      problems.error(
        'unknown-key',
        entry?.key ?? at,
        `unknown key "${key}"${name === '' ? '' : ` in "${name}"`}`,
        details(known.length > 0 ? oneOf(known, 20) : 'no keys', didYouMean(key, known)),
      );
      return;
    }
    case 'required':
      problems.error(
        'missing-key',
        place.key ?? telling.fallback,
        `"${name === '' ? '' : `${name}.`}${params.missingProperty}" is missing`,
        { ...details(describeProperty(parentSchema as Schema, String(params.missingProperty))) },
      );
      return;
    case 'propertyNames':
      return;
    case 'type':
      problems.error(
        'wrong-type',
        at,
        `${subject} cannot be ${describe(value)}`,
        details(wanted(parentSchema as Schema)),
      );
      return;
    case 'enum':
    case 'const': {
      const values = (keyword === 'const' ? [params.allowedValue] : params.allowedValues) as Json[];
      const texts = values.filter((value) => typeof value === 'string');
      problems.error(
        'unknown-value',
        at,
        `${subject} cannot be ${describe(value)}`,
        details(
          oneOf(
            values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))),
            20,
          ),
          typeof value === 'string' ? didYouMean(value, texts) : undefined,
        ),
      );
      return;
    }
    case 'pattern': {
      if (error.propertyName !== undefined) {
        const entry = place.node.kind === 'map' ? place.node.entries.get(error.propertyName) : undefined;
        problems.error('bad-name', entry?.key ?? at, `"${error.propertyName}" cannot be a name`, {
          expected: nameForms.get(String(params.pattern)) ?? `text of the form ${params.pattern}`,
        });
        return;
      }
      const form = nameForms.get(String(params.pattern));
      problems.error(
        form ? 'bad-name' : 'wrong-form',
        at,
        form ? `${describe(value)} cannot be a name` : `${subject} cannot be ${describe(value)}`,
        details(form ?? `text of the form ${params.pattern}`),
      );
      return;
    }
    default: {
      if (error.propertyName !== undefined) {
        const entry = place.node.kind === 'map' ? place.node.entries.get(error.propertyName) : undefined;
        problems.error('bad-name', entry?.key ?? at, `${describe(error.propertyName)} cannot be a name`, {
          expected: range(error),
        });
        return;
      }
      const what = Array.isArray(value) ? `a list of ${value.length}` : describe(value);
      problems.error('out-of-range', at, `${subject} cannot be ${what}`, details(range(error)));
    }
  }
}

function range({ keyword, params, schema, parentSchema }: ErrorObject): string {
  const limit = params.limit as number;
  const { prefixItems, minItems, maxItems } = parentSchema as Schema;
  const isTuple = Array.isArray(prefixItems) || minItems === maxItems;
  if (isTuple && /items$/i.test(keyword)) return `a list of ${limit}`;
  switch (keyword) {
    case 'minimum':
      return `at least ${limit}`;
    case 'maximum':
      return `at most ${limit}`;
    case 'exclusiveMinimum':
      return `more than ${limit}`;
    case 'exclusiveMaximum':
      return `less than ${limit}`;
    case 'multipleOf':
      return `a multiple of ${params.multipleOf}`;
    case 'minItems':
      return `a list of at least ${limit}`;
    case 'maxItems':
      return `a list of at most ${limit}`;
    case 'uniqueItems':
      return 'a list without repetitions';
    case 'minLength':
      return limit === 1 ? 'text that is not empty' : `text of at least ${limit} characters`;
    case 'maxLength':
      return `text of at most ${limit} characters`;
    default:
      return `${keyword} ${JSON.stringify(schema)}`;
  }
}

function spanOf({ node, key, complete }: Located, { fallback }: Telling): Span {
  if (node.kind === 'scalar' || !complete) return node;
  return key ?? fallback;
}

/** `/stages/model/with/seed` -> `stages.model.with.seed`, list places in brackets. */
export function nameOf(pointer: string, prefix: string): string {
  let name = prefix;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    name += /^\d+$/.test(key) ? `[${key}]` : name === '' ? key : `.${key}`;
  }
  return name;
}

function knownKeys(schema: Schema): string[] {
  const own = Object.keys((schema.properties as Schema | undefined) ?? {});
  const parts = Array.isArray(schema.allOf) ? (schema.allOf as Schema[]).flatMap(knownKeys) : [];
  return [...own, ...parts];
}

function describeProperty(schema: Schema, name: string): string | undefined {
  const properties = (schema.properties as Record<string, Schema> | undefined) ?? {};
  return Object.hasOwn(properties, name) ? wanted(properties[name]!) : undefined;
}

/** A description without its capital and its full stop, to stand after `expected:`. */
function sentence(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');
}
