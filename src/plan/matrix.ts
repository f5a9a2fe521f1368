import { describe, evaluate, type Scope } from '../declare/evaluate.ts';
import { type ListNode, type MapNode, type Node, valueAt } from '../declare/node.ts';
import { literal } from '../declare/params.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { positionOf, type Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { Json, JsonObject } from '../util/json.ts';

/** The most instances of a plan. More is a mistake in a matrix far more often than a wish. */
export const mostInstances = 100_000;

export interface AxisValue {
  readonly value: Json;
  /** How references, ids and folders name the value. */
  readonly label: string;
  readonly at: Span;
}

export interface Matrix {
  readonly axes: readonly string[];
  /** Of each axis the labels that occur, `include` ones too: what a selector may name. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
  /** One value an axis, in the order of the axes; the first axis changes slowest, `include` comes last. */
  readonly combinations: readonly (readonly AxisValue[])[];
}

export const noMatrix: Matrix = { axes: [], labels: new Map(), combinations: [[]] };

/**
 * All combinations of the axes' values, less `exclude`, plus `include`. Undefined where that cannot be told; the
 * reasons are in `problems`.
 * @param key where to point for what is wrong with the whole
 */
export function expandMatrix(node: MapNode, key: Span, scope: Scope, problems: Problems): Matrix | undefined {
  const before = problems.errors;
  const axes: { name: string; values: AxisValue[] }[] = [];
  for (const [name, { value }] of node.entries) {
    if (name === 'exclude' || name === 'include') continue;
    axes.push({ name, values: axisValues(name, value, scope, problems) });
  }
  if (axes.length === 0) {
    problems.error('empty-matrix', key, 'the matrix has no axes', {
      expected: 'an axis and its values, such as seed: [1, 2]',
    });
  }
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > mostInstances) {
    const factors = axes.map(({ values }) => values.length).join(' x ');
    problems.error('too-many-instances', key, `the matrix has ${factors} = ${count} instances`, {
      expected: `at most ${mostInstances}`,
    });
  }
  if (problems.errors > before) {
    // Which values there are is not known; which axes there are, is.
    const names = axes.map(({ name }) => name);
    for (const part of ['exclude', 'include']) {
      const list = axes.length > 0 ? valueAt(node, part) : undefined;
      for (const item of (list && asList(list, scope, problems))?.items ?? [])
        readEntry(item, names, scope, problems);
    }
    return undefined;
  }

  const labels = new Map(axes.map(({ name, values }) => [name, new Set(values.map(({ label }) => label))]));
  const excluded = readExcludes(valueAt(node, 'exclude'), labels, scope, problems);
  const combinations: AxisValue[][] = [];
  for (let index = 0; index < count; index++) {
    let rest = index;
    const combination = axes
      .toReversed()
      .map(({ values }) => {
        const value = values[rest % values.length]!;
        rest = Math.floor(rest / values.length);
        return value;
      })
      .reverse();
    if (!excluded.some((rule) => rule.matches(combination))) combinations.push(combination);
  }
  for (const rule of excluded) {
    for (const { at, used } of rule.entries.values()) {
      if (!used) problems.warning('idle-exclude', at, 'this excludes nothing that another entry does not');
    }
  }
  addIncludes(valueAt(node, 'include'), labels, combinations, scope, problems);
  if (problems.errors > before) return undefined;
  if (combinations.length === 0) {
    problems.error('empty-matrix', key, 'every combination of the matrix is excluded');
    return undefined;
  }
  if (!distinct(axes, combinations, problems)) return undefined;
  return { axes: axes.map(({ name }) => name), labels, combinations };
}

/** What an axis value is called: itself, or a mapping its `name` or `id`; undefined where it has neither. */
function ownLabel(value: Json): string | undefined {
  if (value === null || typeof value !== 'object') return String(value);
  const { name, id } = value as JsonObject;
  return [name, id].find((own) => typeof own === 'string' || typeof own === 'number')?.toString();
}

function axisValues(name: string, node: Node, scope: Scope, problems: Problems): AxisValue[] {
  const list = asList(node, scope, problems);
  if (!list) return [];
  if (list.items.length === 0) {
    problems.error('empty-matrix', list, `the axis "${name}" has no values`);
  }
  return list.items.flatMap((item, index) => {
    const value = evaluate(item, scope, problems);
    if (value === undefined) return [];
    if (value === null || Array.isArray(value) || value === '') {
      problems.error(
        'bad-axis-value',
        item,
        `${value === '' ? 'an empty text' : describe(value)} cannot be a value of an axis`,
        {
          expected: 'a text, number, boolean or mapping',
        },
      );
      return [];
    }
    // A mapping without a name is called by its place in the list.
    return [{ value, label: ownLabel(value) ?? String(index), at: item }];
  });
}

/** The list that a value is, or that its placeholder stands for. */
function asList(node: Node, scope: Scope, problems: Problems): ListNode | undefined {
  let list = node;
  if (node.kind === 'scalar' && node.templated) {
    const value = evaluate(node, scope, problems);
    if (value === undefined) return undefined;
    list = literal(value, node);
    if (list.kind !== 'list') {
      problems.error('wrong-type', node, `an axis cannot be ${describe(value)}`, { expected: 'a list' });
    }
  }
  return list.kind === 'list' ? list : undefined;
}

/** The labels an entry of `exclude` or `include` names, by axis. Undefined where it names what there is not. */
function readEntry(
  node: Node,
  axes: readonly string[],
  scope: Scope,
  problems: Problems,
): Map<string, AxisValue> | undefined {
  if (node.kind !== 'map') return undefined;
  const named = new Map<string, AxisValue>();
  let good = true;
  for (const [name, { key, value: inner }] of node.entries) {
    const value = evaluate(inner, scope, problems);
    const label = value === undefined ? undefined : ownLabel(value);
    if (!axes.includes(name)) {
      problems.error('unknown-axis', key, `the matrix has no axis "${name}"`, {
        expected: oneOf(axes),
        hint: () => didYouMean(name, axes),
      });
      good = false;
    } else if (value === undefined) good = false;
    else if (label === undefined || value === null || value === '') {
      problems.error(
        'bad-axis-value',
        inner,
        `${describe(value)} does not tell which value of "${name}" is meant`,
        {
          expected: 'a value of the axis, or the name, id or place of a mapping',
        },
      );
      good = false;
    } else named.set(name, { value, label, at: inner });
  }
  return good ? named : undefined;
}

/** The entries of `exclude` that name the same axes: one look-up tells whether any of them matches. */
interface ExcludeRule {
  readonly entries: Map<string, { readonly at: Span; used: boolean }>;
  matches(combination: readonly AxisValue[]): boolean;
}

function readExcludes(
  node: Node | undefined,
  labels: ReadonlyMap<string, ReadonlySet<string>>,
  scope: Scope,
  problems: Problems,
): ExcludeRule[] {
  const axes = [...labels.keys()];
  const rules = new Map<string, ExcludeRule>();
  const list = node && asList(node, scope, problems);
  for (const item of list?.items ?? []) {
    const entry = readEntry(item, axes, scope, problems);
    if (!entry) continue;
    if (entry.size === 0) {
      problems.error('empty-matrix', item, 'an empty entry would exclude everything');
      continue;
    }
    let good = true;
    for (const [axis, { label, at }] of entry) {
      const known = labels.get(axis)!;
      if (known.has(label)) continue;
      good = false;
      problems.error('unknown-axis-value', at, `the axis "${axis}" has no value ${label}`, {
        expected: () => oneOf(known),
        hint: () => didYouMean(label, known),
      });
    }
    if (!good) continue;
    const places = axes.flatMap((axis, place) => (entry.has(axis) ? [place] : []));
    const entries = rules.get(places.join())?.entries ?? new Map<string, { at: Span; used: boolean }>();
    entries.set(JSON.stringify(places.map((place) => entry.get(axes[place]!)!.label)), {
      at: item,
      used: false,
    });
    rules.set(places.join(), {
      entries,
      matches(combination) {
        const found = entries.get(JSON.stringify(places.map((place) => combination[place]!.label)));
        if (found) found.used = true;
        return found !== undefined;
      },
    });
  }
  return [...rules.values()];
}

function addIncludes(
  node: Node | undefined,
  labels: ReadonlyMap<string, Set<string>>,
  combinations: AxisValue[][],
  scope: Scope,
  problems: Problems,
): void {
  const axes = [...labels.keys()];
  const list = node && asList(node, scope, problems);
  for (const item of list?.items ?? []) {
    const entry = readEntry(item, axes, scope, problems);
    if (!entry) continue;
    const missing = axes.filter((axis) => !entry.has(axis));
    if (missing.length > 0) {
      problems.error(
        'missing-axis',
        item,
        `an included combination names every axis; "${missing[0]}" is missing`,
        {
          expected: `values for ${axes.join(', ')}`,
        },
      );
      continue;
    }
    const combination = axes.map((axis) => entry.get(axis)!);
    for (const [i, axis] of axes.entries()) labels.get(axis)!.add(combination[i]!.label);
    combinations.push(combination);
  }
}

/** Two instances of one name, or of names that one folder would hold on a file system without upper case. */
function distinct(
  axes: readonly { name: string; values: readonly AxisValue[] }[],
  combinations: readonly (readonly AxisValue[])[],
  problems: Problems,
): boolean {
  const seen = new Map<string, readonly AxisValue[]>();
  for (const combination of combinations) {
    const id = JSON.stringify(combination.map(({ label }) => label.toLowerCase()));
    const first = seen.get(id);
    seen.set(id, combination);
    if (!first) continue;
    const place = combination.findIndex(({ at }, i) => at !== first[i]!.at);
    const { label, at } = combination[Math.max(0, place)]!;
    const axis = axes[Math.max(0, place)]!.name;
    const other = first[Math.max(0, place)]!;
    const same = combination.every(({ label }, i) => label === first[i]!.label);
    problems.error(
      'duplicate-id',
      at,
      same
        ? `two instances would have the same name: "${axis}" is ${label} twice`
        : `the values ${other.label} and ${label} of "${axis}" differ only in upper and lower case`,
      { related: [{ message: 'first given here', at: positionOf(other.at) }] },
    );
    return false;
  }
  return true;
}
