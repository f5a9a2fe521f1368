import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Json, JsonObject } from '../util/json.ts';
import { Expansion, measure } from './expansion.ts';
import { type Node, type ScalarNode, within } from './node.ts';
import { isPlaceholder, type Part, type Placeholder, parseTemplate, scopes } from './template.ts';

/** A value that a placeholder stands for, and where it was written. */
export interface Found {
  readonly value: Json;
  readonly at: Span | undefined;
}

/** Why a placeholder stands for nothing. */
export interface NotFound {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly expected?: string | undefined;
  /** Told already, at another place. */
  readonly silent?: boolean;
}

/** What the placeholders of a text may refer to. */
export interface Scope {
  /** Undefined: nothing of that name may be used here. */
  readonly params?: (path: readonly string[]) => Found | NotFound;
  readonly matrix?: (path: readonly string[]) => Found | NotFound;
  readonly env?: (path: readonly string[]) => Found | NotFound;
  /** Whether `inputs` and `outputs` may stand here: they are left as they are. */
  readonly files?: boolean;
}

/** Values for a path under a JSON object, with suggestions. `what` names the object in messages: `matrix`. */
export function lookUp(values: JsonObject, path: readonly string[], what: string): Found | NotFound {
  let value: Json = values;
  for (const [i, name] of path.entries()) {
    const next: Json | undefined =
      value === null || typeof value !== 'object'
        ? undefined
        : Object.hasOwn(value, name)
          ? (value as JsonObject)[name]
          : undefined;
    if (next === undefined) {
      const names = value !== null && typeof value === 'object' ? Object.keys(value) : [];
      const outer = [what, ...path.slice(0, i)].join('.');
      return {
        code: `unknown-${what === 'params' ? 'param' : what}`,
        message: `there is no "${name}" in ${outer}`,
        expected: names.length > 0 ? oneOf(names) : `${outer} has no values`,
        hint: didYouMean(name, names),
      };
    }
    value = next;
  }
  return { value, at: undefined };
}

const parsed = new WeakMap<ScalarNode, readonly Part[]>();

/** The parts of a scalar's text; parsed once a scalar, however many instances use it. */
export function partsOf(node: ScalarNode): readonly Part[] {
  let parts = parsed.get(node);
  if (!parts) {
    parts = parseTemplate(String(node.value));
    parsed.set(node, parts);
  }
  return parts;
}

/** The placeholder that is the whole of a value, and so keeps its type. */
export function wholePlaceholder(node: Node): Placeholder | undefined {
  if (node.kind !== 'scalar' || !node.templated) return undefined;
  const [only, more] = partsOf(node);
  return more === undefined && only !== undefined && isPlaceholder(only) ? only : undefined;
}

/**
 * A fresh copy of a value with its placeholders filled in. A placeholder that is the whole value keeps its type;
 * inside a text it must stand for a text, number or boolean. Undefined where one could not be filled: it has been told.
 */
export function evaluate(node: Node, scope: Scope, problems: Problems): Json | undefined {
  const { value, complete } = evaluatePartly(node, scope, problems);
  return complete ? value : undefined;
}

/** As `evaluate`, with `undefined` in the places that could not be filled, so that the rest can be checked. */
export function evaluatePartly(
  node: Node,
  scope: Scope,
  problems: Problems,
): { readonly value: Json; readonly complete: boolean } {
  const state = { scope, problems, complete: true };
  return { value: fill(node, state, 0), complete: state.complete };
}

/** @param depth lists and mappings around the value. */
function fill(
  node: Node,
  state: { readonly scope: Scope; readonly problems: Problems; complete: boolean },
  depth: number,
): Json {
  if (node.kind === 'scalar') {
    const value = node.broken
      ? undefined
      : node.templated
        ? fillScalar(node, state.scope, state.problems, depth)
        : node.value;
    if (value === undefined) state.complete = false;
    return value as Json;
  }
  if (node.kind === 'list') return node.items.map((item) => fill(item, state, depth + 1));
  const object: JsonObject = {};
  for (const [key, entry] of node.entries) object[key] = fill(entry.value, state, depth + 1);
  return object;
}

function fillScalar(node: ScalarNode, scope: Scope, problems: Problems, depth: number): Json | undefined {
  const parts = partsOf(node);
  const expansion = Expansion.of(problems);
  if (parts.length === 1 && isPlaceholder(parts[0]!)) {
    const found = find(parts[0], node, scope, problems);
    if (found === undefined || found === 'later') return found && node.value;
    return expansion.takes(measure(found.value), depth, node) ? structuredCopy(found.value) : undefined;
  }
  let text: string | undefined = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      // A command is read once more when it runs: what was escaped stays escaped until then.
      const piece = scope.files ? part.replaceAll('${{', '$$${{') : part;
      if (text !== undefined) text += piece;
      continue;
    }
    const value = isPlaceholder(part) ? find(part, node, scope, problems) : tellBad(part, node, problems);
    if (value === 'later') {
      if (text !== undefined) text += String(node.value).slice(part.start, part.end);
    } else if (value === undefined) text = undefined;
    else if (value.value === null || typeof value.value === 'object') {
      problems.error(
        'bad-interpolation',
        within(node, part.start, part.end),
        `${describe(value.value)} cannot stand inside a text`,
        {
          expected: 'a text, number or boolean',
          hint: 'let the placeholder be the whole value',
          related: [{ message: 'it is given here', at: value.at }],
        },
      );
      text = undefined;
    } else if (text !== undefined) text += String(value.value);
  }
  return text !== undefined && expansion.takesText(text.length, node) ? text : undefined;
}

function find(
  place: Placeholder,
  node: ScalarNode,
  scope: Scope,
  problems: Problems,
): Found | 'later' | undefined {
  const at = () => within(node, place.start, place.end);
  if (place.scope === 'inputs' || place.scope === 'outputs') {
    if (scope.files) return 'later';
    problems.error('misplaced-placeholder', at(), `"${place.scope}" can be used in a command only`);
    return undefined;
  }
  const look = scope[place.scope];
  if (!look) {
    problems.error('misplaced-placeholder', at(), `"${place.scope}" cannot be used here`, {
      expected: oneOf(scopes.filter((name) => name in scope && name !== 'inputs' && name !== 'outputs')),
    });
    return undefined;
  }
  const found = look(place.path);
  if ('value' in found) return found;
  if (!found.silent) {
    problems.error(found.code, at(), found.message, { expected: found.expected, hint: found.hint });
  }
  return undefined;
}

function tellBad(part: Part, node: ScalarNode, problems: Problems): undefined {
  if (typeof part === 'string' || !('bad' in part)) return undefined;
  problems.error('bad-placeholder', within(node, part.start, part.end), part.bad, {
    expected: 'a placeholder such as ${{ params.x }}, ${{ matrix.x }} or ${{ env.X }}',
    hint: part.scope === null ? undefined : didYouMean(part.scope, scopes),
  });
  return undefined;
}

export function describe(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}..."`;
}

function structuredCopy(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(structuredCopy);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, structuredCopy(inner)]));
}
