import type { Problems } from '../diagnostics/problems.ts';
import { type Span, sourceText } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Json, JsonObject } from '../util/json.ts';
import { evaluate, type Found, lookUp, type NotFound, type Scope, wholePlaceholder } from './evaluate.ts';
import type { Entry, MapNode, Node } from './node.ts';
import { readYaml } from './read-yaml.ts';

/**
 * The parameters of one pipeline file. Parameters may refer to others; each is evaluated when it is first asked for,
 * so that a cycle is found where it is closed.
 */
export class Params {
  readonly #root: MapNode | undefined;
  readonly #env: NonNullable<Scope['env']>;
  readonly #problems: Problems;
  readonly #values = new Map<Node, Json | undefined>();
  /** Being evaluated, outermost first, with the names that led there. */
  readonly #open = new Map<Node, string>();
  /** Top-level names that something referred to. */
  readonly used = new Set<string>();

  constructor(root: MapNode | undefined, env: NonNullable<Scope['env']>, problems: Problems) {
    this.#root = root;
    this.#env = env;
    this.#problems = problems;
  }

  find = (path: readonly string[]): Found | NotFound => {
    this.used.add(path[0]!);
    let node = this.#root as Node | undefined;
    for (const [i, name] of path.entries()) {
      const next: Node | undefined =
        node?.kind === 'map'
          ? node.entries.get(name)?.value
          : node?.kind === 'list'
            ? node.items[Number(name)]
            : undefined;
      if (next) {
        node = next;
        continue;
      }
      // A parameter that is wholly a placeholder may lead on into the value it stands for.
      if (node && wholePlaceholder(node)) {
        const outer = this.#found(node, path.slice(0, i));
        if (!('value' in outer)) return outer;
        const rest = lookUp({ value: outer.value }, ['value', ...path.slice(i)], 'params');
        if ('value' in rest) return { value: rest.value, at: node };
      }
      const names = node?.kind === 'map' ? [...node.entries.keys()] : [];
      const outer = ['params', ...path.slice(0, i)].join('.');
      return {
        code: 'unknown-param',
        message: `there is no "${name}" in ${outer}`,
        expected: names.length > 0 ? oneOf(names) : `${outer} has no values`,
        hint: didYouMean(name, names),
      };
    }
    return this.#found(node!, path);
  };

  #found(node: Node, path: readonly string[]): Found | NotFound {
    const open = this.#open.get(node);
    if (open !== undefined) {
      const names = [...this.#open.values()];
      const cycle = [...names.slice(names.indexOf(open)), path.join('.')];
      return {
        code: 'param-cycle',
        message: `params refer to each other in a circle: ${cycle.map((name) => `params.${name}`).join(' -> ')}`,
      };
    }
    const value = this.#evaluate(node, path);
    if (value === undefined) return { code: 'unknown-param', message: '', silent: true };
    return { value, at: node };
  }

  /** All of them. Those that could not be evaluated are left out: they have been told. */
  all(): JsonObject {
    const values: JsonObject = {};
    for (const [name, { value: node }] of this.#root?.entries ?? []) {
      const value = this.#evaluate(node, [name]);
      if (value !== undefined) values[name] = value;
    }
    return values;
  }

  /** Where the value of a path is written. */
  whereIs(path: readonly string[]): Span | undefined {
    const found = this.find(path);
    return 'value' in found ? found.at : undefined;
  }

  warnOfUnused(): void {
    for (const [name, { key }] of this.#root?.entries ?? []) {
      if (this.used.has(name)) continue;
      this.#problems.warning('unused-param', key, `nothing uses params.${name}`);
    }
  }

  #evaluate(node: Node, path: readonly string[]): Json | undefined {
    if (this.#values.has(node)) return this.#values.get(node);
    this.#open.set(node, path.join('.'));
    const value = evaluate(node, { params: this.find, env: this.#env }, this.#problems);
    this.#open.delete(node);
    this.#values.set(node, value);
    return value;
  }
}

/** Whether a mapping makes another choice than the one before: it names another, and says more of it. */
function choosesAnother(before: MapNode, after: MapNode): boolean {
  const [old, chosen] = [before, after].map(({ entries }) => entries.get('name')?.value);
  if (old?.kind !== 'scalar' || chosen?.kind !== 'scalar' || after.entries.size < 2) return false;
  return old.value !== chosen.value;
}

/**
 * Lays values over parameters: mappings key by key, anything else is replaced. A key that the parameters do not have
 * is a mistake; of an empty mapping nothing is known, so it takes any. `{ name: b, … }` over `{ name: a, … }` is
 * another choice, whose keys need not be those of a: it is taken whole.
 */
export function override(base: MapNode, over: MapNode, problems: Problems, path = 'params'): MapNode {
  const entries = new Map<string, Entry>(base.entries);
  for (const [name, entry] of over.entries) {
    const before = base.entries.get(name);
    if (!before && (base.entries.size > 0 || path === 'params')) {
      problems.error('unknown-param', entry.key, `there is no "${name}" in ${path}`, {
        expected: base.entries.size > 0 ? oneOf(base.entries.keys()) : `${path} has no values`,
        hint: didYouMean(name, base.entries.keys()),
      });
      continue;
    }
    const value =
      before?.value.kind === 'map' && entry.value.kind === 'map' && !choosesAnother(before.value, entry.value)
        ? override(before.value, entry.value, problems, `${path}.${name}`)
        : entry.value;
    entries.set(name, { key: before?.key ?? entry.key, value });
  }
  const templated = base.templated || over.templated;
  return { ...base, entries, templated, size: base.size + over.size };
}

/** The values of `--set a.b=1 c=[1, 2]` as one mapping a value, each at its place in a text of one line a value. */
export function readSettings(settings: readonly string[], problems: Problems): MapNode[] {
  const source = sourceText('--set', null, settings.map((text) => text.replace(/[\r\n]+/g, ' ')).join('\n'));
  const read: MapNode[] = [];
  for (const [i, start] of source.lines.entries()) {
    if (settings.length === 0) break;
    const end = source.lines[i + 1] === undefined ? source.text.length : source.lines[i + 1]! - 1;
    const line = source.text.slice(start, end);
    const equals = line.indexOf('=');
    const path = line.slice(0, Math.max(0, equals)).trim().split('.');
    const key: Span = { source, start, end: equals < 0 ? end : start + equals };
    if (equals < 0 || path.some((name) => !/^[A-Za-z0-9_-]+$/.test(name))) {
      problems.error('bad-setting', key, `"${line}" is no setting`, {
        expected: 'name=value, with dots between the names of nested parameters',
      });
      continue;
    }
    const text = ' '.repeat(start + equals + 1) + line.slice(equals + 1);
    const written = text.trim();
    // `name=` sets the empty text, and `name=#ff0000` a colour; YAML would read nothing at all.
    let value: Node | undefined = /^(#|$)/.test(written)
      ? literal(written, { source, start: end - written.length, end })
      : readYaml(source, problems, text);
    for (const name of path.toReversed()) {
      if (!value) break;
      const { templated, size } = value;
      value = {
        source,
        start,
        end,
        kind: 'map',
        size,
        templated,
        entries: new Map([[name, { key, value }]]),
      };
    }
    if (value?.kind === 'map') read.push(value);
  }
  return read;
}

/** The value with its placeholders filled in, each part still at its place; undefined where one could not be. */
export function settle(node: Node, scope: Scope, problems: Problems): Node | undefined {
  if (!node.templated) return node;
  if (node.kind === 'map') {
    const entries = new Map<string, Entry>();
    for (const [name, entry] of node.entries) {
      const value = settle(entry.value, scope, problems);
      if (value) entries.set(name, { key: entry.key, value });
    }
    return { ...node, entries, templated: false };
  }
  const value = evaluate(node, scope, problems);
  return value === undefined ? undefined : literal(value, node);
}

/** A value that stands for what was written at one place. */
export function literal(value: Json, at: Span): Node {
  const { source, start, end } = at;
  const common = { source, start, end, templated: false };
  if (value === null || typeof value !== 'object') return { ...common, kind: 'scalar', size: 1, value };
  if (Array.isArray(value)) {
    return { ...common, kind: 'list', size: value.length, items: value.map((item) => literal(item, at)) };
  }
  const entries = new Map(
    Object.entries(value).map(([name, inner]) => [name, { key: at, value: literal(inner, at) }]),
  );
  return { ...common, kind: 'map', size: entries.size, entries };
}
