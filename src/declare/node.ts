/**
 * What the user wrote, as values that know where they stand. This folder turns YAML text into a pipeline whose shape
 * is right and whose every value has a position. It knows files, templates and the schema; it does not know what a
 * stage kind does, how stages depend on each other (that is plan/), or anything about running them.
 */
import type { Span } from '../diagnostics/source-text.ts';
import type { Json, JsonObject } from '../util/json.ts';

interface Common extends Span {
  /** Number of values in it, aliases expanded. */
  readonly size: number;
  /** Whether a `${{` stands somewhere in it. */
  readonly templated: boolean;
  /** Where an alias (`*name`) stands for a value, the value that it stands for. */
  readonly anchor?: Node;
}
export interface ScalarNode extends Common {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** What was written has no value, which has been told: nothing more can be said of it. */
  readonly broken?: true;
}
export interface ListNode extends Common {
  readonly kind: 'list';
  readonly items: readonly Node[];
}
export interface MapNode extends Common {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
}
export type Node = ScalarNode | ListNode | MapNode;
export interface Entry {
  readonly key: Span;
  readonly value: Node;
}

/** A fresh copy as plain data, placeholders as they stand; `undefined` where a value is broken. */
export function toJson(node: Node): Json {
  if (node.kind === 'scalar') return node.broken ? (undefined as unknown as Json) : node.value;
  if (node.kind === 'list') return node.items.map(toJson);
  const object: JsonObject = {};
  for (const [key, { value }] of node.entries) object[key] = toJson(value);
  return object;
}

/** The value under a key of a map, if it is a map and has the key. */
export function valueAt(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}

export function mapAt(node: Node | undefined, key: string): MapNode | undefined {
  const value = valueAt(node, key);
  return value?.kind === 'map' ? value : undefined;
}

export function textAt(node: Node | undefined, key: string): (ScalarNode & { value: string }) | undefined {
  const value = valueAt(node, key);
  return value?.kind === 'scalar' && typeof value.value === 'string'
    ? (value as ScalarNode & { value: string })
    : undefined;
}

/** The names in a list of texts; what is no text is left out (the schema has refused it). */
export function textsAt(node: Node | undefined, key: string): (ScalarNode & { value: string })[] {
  const value = valueAt(node, key);
  if (value?.kind !== 'list') return [];
  return value.items.filter(
    (item): item is ScalarNode & { value: string } =>
      item.kind === 'scalar' && typeof item.value === 'string',
  );
}

/** A value that a JSON pointer leads to, as far as the text spells it out. */
export interface Located {
  readonly node: Node;
  /** Of the innermost entry that the pointer passed. */
  readonly key: Span | undefined;
  /** False where a placeholder stands for what the pointer leads into. */
  readonly complete: boolean;
}

export function locate(base: Node, pointer: string): Located {
  let node = base;
  let key: Span | undefined;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const entry = node.kind === 'map' ? node.entries.get(name) : undefined;
    const next = entry ? entry.value : node.kind === 'list' ? node.items[Number(name)] : undefined;
    if (!next) return { node, key, complete: false };
    if (entry) key = entry.key;
    node = next;
  }
  return { node, key, complete: true };
}

/** A piece of a scalar's text, where the source spells it out; otherwise the whole scalar. */
export function within(node: ScalarNode, start: number, end: number): Span {
  const value = String(node.value);
  const raw = node.source.text.slice(node.start, node.end);
  if (!node.anchor) {
    const offset = raw === value ? 0 : raw.slice(1, -1) === value ? 1 : -1;
    if (offset >= 0) {
      return { source: node.source, start: node.start + offset + start, end: node.start + offset + end };
    }
    const piece = value.slice(start, end);
    const at = raw.indexOf(piece);
    if (piece.length > 3 && at >= 0 && at === raw.lastIndexOf(piece)) {
      return { source: node.source, start: node.start + at, end: node.start + at + piece.length };
    }
  }
  return node;
}
