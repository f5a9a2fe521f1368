import { Composer, type CST, isAlias, isMap, isScalar, isSeq, type ParsedNode, Parser } from 'yaml';
import type { Problems } from '../diagnostics/problems.ts';
import type { SourceText, Span } from '../diagnostics/source-text.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import type { Entry, ListNode, MapNode, Node, ScalarNode } from './node.ts';

/** No pipeline nests deeper by hand, and the parser's recursion must not be led into a stack overflow. */
export const deepest = 64;
/** Values that aliases may add: ten lines of nested aliases could otherwise ask for a billion. */
const mostExpanded = 1_000_000;

/**
 * Reads one YAML document. Undefined where it cannot be read; every reason is in `problems`, with its position.
 * @param text what to read, at the offsets of `source`: a part of it, with spaces for the rest
 */
export function readYaml(source: SourceText, problems: Problems, text = source.text): Node | undefined {
  const span = (start: number, end: number): Span => ({ source, start, end: Math.max(end, start) });
  const tokens: CST.Token[] = [];
  for (const token of new Parser().parse(text)) {
    const deep = tooDeep(token);
    if (deep !== undefined) {
      problems.error('too-deep', span(deep, deep + 1), `values are nested deeper than ${deepest} levels`);
      return undefined;
    }
    tokens.push(token);
  }
  // uniqueKeys compares every pair of keys; the reader below finds duplicates with a map, and says where the first is.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, logLevel: 'silent' });
  const documents = [...composer.compose(tokens, true, text.length)];
  const before = problems.errors;
  for (const { code, message, pos } of documents.flatMap((d) => [...d.errors, ...d.warnings])) {
    const name = code === 'TAG_RESOLVE_FAILED' ? 'unsupported-tag' : 'yaml-syntax';
    const hint = hintFor(text, pos[0]);
    problems.error(name, span(pos[0], pos[1]), `not valid YAML: ${firstLine(message)}`, hint ? { hint } : {});
    // The parser stumbles over the same placeholder at each of its braces.
    if (hint) break;
  }
  const [document, second] = documents;
  if (second) {
    const at = second.range[0];
    problems.error('several-documents', span(at, at + 3), 'a pipeline file holds one YAML document', {
      hint: 'put the second document into a file of its own and include it',
    });
  }
  if (problems.errors > before) return undefined;
  if (!document?.contents) {
    problems.error('empty-file', span(0, 0), 'the file holds no pipeline', {
      expected: 'a mapping with the keys pipeline and stages',
    });
    return undefined;
  }
  return new Reader(source, problems).read(document.contents as ParsedNode);
}

/** The two slips that YAML's own words do not explain, where the line shows one of them. */
function hintFor(text: string, offset: number): string | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const line = text.slice(start).split('\n', 1)[0]!;
  if (/(^|[:,[{]\s*)\$\{\{/.test(line)) return 'put the placeholder in quotes: "${{ … }}"';
  if (/^\s*[\w-]+:[^\s:/]/.test(line)) return 'YAML needs a space after the colon';
  return undefined;
}

class Reader {
  readonly #source: SourceText;
  readonly #problems: Problems;
  /** By name, the newest definition; 'open' while it is being read, so that a value within itself is noticed. */
  readonly #anchors = new Map<string, Node | 'open'>();
  #expanded = 0;
  /** Lists and mappings that are being read. */
  #depth = 0;
  /** Levels within a list or mapping, aliases expanded. */
  readonly #heights = new WeakMap<Node, number>();

  constructor(source: SourceText, problems: Problems) {
    this.#source = source;
    this.#problems = problems;
  }

  read(node: ParsedNode | null): Node {
    if (!node) return this.#scalar(null, [0, 0]);
    if (isAlias(node)) return this.#alias(node.source, node.range);
    if (node.anchor) this.#anchors.set(node.anchor, 'open');
    const value = isScalar(node)
      ? this.#scalar(node.value, node.range)
      : isMap(node)
        ? this.#map(node.items as Pairs, node.range)
        : isSeq(node)
          ? this.#list(node.items as ParsedNode[], node.range)
          : this.#scalar(null, [0, 0]);
    if (node.anchor) this.#anchors.set(node.anchor, value);
    return value;
  }

  #span([start, end]: readonly number[]): Span {
    return { source: this.#source, start: start!, end: end! };
  }

  #scalar(value: unknown, range: readonly number[]): ScalarNode {
    const span = this.#span(range);
    if (typeof value === 'number') {
      const written = this.#source.text.slice(span.start, span.end);
      if (!Number.isFinite(value)) {
        this.#problems.error('non-finite', span, `${written} is not a finite number`, {
          expected: 'a finite number',
        });
        return brokenAt(span);
      }
      if (
        Number.isInteger(value) &&
        !Number.isSafeInteger(value) &&
        /^([-+]?\d+|0x[\da-f]+|0o[0-7]+)$/i.test(written)
      ) {
        this.#problems.error('inexact-number', span, `${written} is too large to be held exactly`, {
          hint: 'quote it to keep it as text',
        });
        return brokenAt(span);
      }
      // Minus zero would be another key than zero.
      return scalarAt(span, value === 0 ? 0 : value);
    }
    if (value === null || typeof value === 'string' || typeof value === 'boolean')
      return scalarAt(span, value);
    this.#problems.error('unsupported-value', span, 'this value is neither text, number, boolean nor null');
    return brokenAt(span);
  }

  #list(items: readonly ParsedNode[], range: readonly number[]): ListNode {
    this.#depth++;
    const read = items.map((item) => this.read(item));
    this.#depth--;
    const list: ListNode = {
      ...this.#span(range),
      kind: 'list',
      items: read,
      size: read.reduce((sum, { size }) => sum + size, 1),
      templated: read.some(({ templated }) => templated),
    };
    this.#setHeight(list, read);
    return list;
  }

  #height(node: Node): number {
    return this.#heights.get(node) ?? 0;
  }

  #setHeight(node: Node, inner: readonly Node[]): void {
    this.#heights.set(node, inner.reduce((most, value) => Math.max(most, this.#height(value)), 0) + 1);
  }

  #map(pairs: Pairs, range: readonly number[]): MapNode {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    this.#depth++;
    for (const pair of pairs) {
      const { key } = pair;
      if (!isScalar(key)) {
        const at = this.#span(key?.range ?? range);
        this.#problems.error('bad-key', at, 'a key must be plain text', { expected: 'text as the key' });
        if (pair.value) this.read(pair.value);
        continue;
      }
      const span = this.#span(key.range ?? range);
      // `1: x` has the key "1": what was written counts, not how YAML would type it.
      const name = typeof key.value === 'string' ? key.value : String(key.source ?? key.value);
      const value = pair.value ? this.read(pair.value) : this.#scalar(null, [span.end, span.end]);
      const first = entries.get(name);
      if (name === '<<' && key.type === 'PLAIN') merged.push({ key: span, value });
      else if (name === '__proto__') {
        this.#problems.error('bad-key', span, '"__proto__" cannot be a key');
      } else if (first) {
        this.#problems.error('duplicate-key', span, `"${name}" is given twice`, {
          hint: 'remove or rename one of them',
          related: [{ message: 'first given here', at: first.key }],
        });
      } else entries.set(name, { key: span, value });
    }
    this.#depth--;
    for (const { key, value } of merged) this.#merge(entries, key, value);
    const values = [...entries.values()];
    const map: MapNode = {
      ...this.#span(range),
      kind: 'map',
      entries,
      size: values.reduce((sum, { value }) => sum + value.size, 1),
      templated: values.some(({ value }) => value.templated),
    };
    this.#setHeight(
      map,
      values.map(({ value }) => value),
    );
    return map;
  }

  /** `<<: *defaults`: the other map's entries, where this one has none of its own. */
  #merge(entries: Map<string, Entry>, key: Span, value: Node): void {
    for (const from of value.kind === 'list' ? value.items : [value]) {
      if (from.kind !== 'map') {
        this.#problems.error('bad-merge', key, 'only a mapping can be merged in by "<<"', {
          expected: 'an alias of a mapping, or a list of them',
        });
        continue;
      }
      for (const [name, entry] of from.entries) if (!entries.has(name)) entries.set(name, entry);
    }
  }

  #alias(name: string, range: readonly number[]): Node {
    const span = this.#span(range);
    const target = this.#anchors.get(name);
    if (target === 'open') {
      this.#problems.error('alias-cycle', span, `the value named &${name} contains itself`);
    } else if (target && this.#depth + this.#height(target) > deepest) {
      this.#problems.error(
        'too-deep',
        span,
        `with this alias, values are nested deeper than ${deepest} levels`,
      );
    } else if (target) {
      // Told once: each further alias would only repeat it.
      const before = this.#expanded;
      this.#expanded += target.size;
      if (this.#expanded <= mostExpanded) {
        const alias: Node = { ...target, ...span, anchor: target };
        this.#heights.set(alias, this.#height(target));
        return alias;
      }
      if (before <= mostExpanded)
        this.#problems.error('alias-expansion', span, `aliases expand to more than ${mostExpanded} values`);
    } else {
      this.#problems.error('unknown-alias', span, `no value before this one is named &${name}`, {
        hint: didYouMean(name, this.#anchors.keys()),
      });
    }
    return brokenAt(span);
  }
}

function scalarAt({ source, start, end }: Span, value: ScalarNode['value']): ScalarNode {
  const templated = typeof value === 'string' && value.includes('${{');
  return { source, start, end, kind: 'scalar', value, size: 1, templated };
}

function brokenAt(span: Span): ScalarNode {
  return { ...scalarAt(span, null), broken: true };
}

type Pairs = readonly { readonly key: ParsedNode | null; readonly value: ParsedNode | null }[];

/** The parser's sentence without its advice for programmers. */
function firstLine(message: string): string {
  const line = message.split('\n', 1)[0]!.trim();
  return line.charAt(0).toLowerCase() + line.slice(1);
}

/** Offset of the first token below the deepest level, without recursion: the text may nest as deep as it is long. */
function tooDeep(token: CST.Token): number | undefined {
  const open: [CST.Token, number][] = [[token, 0]];
  while (open.length > 0) {
    const [next, depth] = open.pop()!;
    if (depth > deepest) return next.offset;
    if ('value' in next && next.value && typeof next.value === 'object' && 'offset' in next.value) {
      open.push([next.value as CST.Token, depth]);
    }
    if (!('items' in next)) continue;
    for (const item of next.items) {
      if (item.key) open.push([item.key, depth + 1]);
      if (item.value) open.push([item.value, depth + 1]);
    }
  }
  return undefined;
}
