import type { Plan } from './plan.ts';

/** A plan as a graph: what `orograph dag` shows, in whatever form. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  /** Pairs of node ids, from a dependency to its dependent; each pair once. */
  readonly edges: readonly (readonly [string, string])[];
}

export interface GraphNode {
  /** Of the instance, or of the stage. */
  readonly id: string;
  /** What people read: the id; of a stage with several instances, their number too. */
  readonly label: string;
  readonly kind: string;
  /** Length of the longest way from a node without dependencies: every edge leads to a larger layer. */
  readonly layer: number;
}

/**
 * @param by `instance`: a node each; `stage`: the instances of a stage are one node, which is what people want to see
 * of a large matrix. Instances of one stage that depend on each other make no edge then.
 */
export function graphOf(plan: Plan, by: 'stage' | 'instance' = 'stage'): Graph {
  const nodeOf = new Map(plan.instances.map(({ id, stage }) => [id, by === 'stage' ? stage : id]));
  const counts = new Map<string, number>();
  const dependencies = new Map<string, Set<string>>();
  const kinds = new Map<string, string>();
  for (const { id, kind, inputs } of plan.instances) {
    const node = nodeOf.get(id)!;
    counts.set(node, (counts.get(node) ?? 0) + 1);
    kinds.set(node, kind);
    const needs = dependencies.get(node) ?? new Set<string>();
    dependencies.set(node, needs);
    for (const { sources } of Object.values(inputs)) {
      for (const source of sources) {
        if (source.from !== 'stage') continue;
        const from = nodeOf.get(source.instance)!;
        if (from !== node) needs.add(from);
      }
    }
  }
  const layers = layersOf(dependencies);
  return {
    nodes: [...dependencies.keys()].map((id) => {
      const count = counts.get(id)!;
      const label = count > 1 ? `${id} (${count})` : id;
      return { id, label, kind: kinds.get(id)!, layer: layers.get(id)! };
    }),
    edges: [...dependencies].flatMap(([to, needs]) => [...needs].map((from) => [from, to] as const)),
  };
}

/**
 * Stages that need each other through different instances (`a[step=1]` reads `b`, which reads `a[step=0]`) share the
 * layer in which their circle was closed.
 */
function layersOf(dependencies: ReadonlyMap<string, ReadonlySet<string>>): Map<string, number> {
  const layers = new Map<string, number>();
  const open = new Set<string>();
  for (const start of dependencies.keys()) {
    const path = [start];
    while (path.length > 0) {
      const id = path.at(-1)!;
      if (layers.has(id)) {
        path.pop();
        continue;
      }
      open.add(id);
      const needs = [...dependencies.get(id)!];
      const next = needs.find((need) => !layers.has(need) && !open.has(need));
      if (next !== undefined) {
        path.push(next);
        continue;
      }
      layers.set(
        id,
        needs.reduce((layer, need) => Math.max(layer, (layers.get(need) ?? -1) + 1), 0),
      );
      open.delete(id);
      path.pop();
    }
  }
  return layers;
}

/** The graph as lines of text: each node under the layer before it, with what it needs. */
export function graphAsText({ nodes, edges }: Graph): string {
  const needs = new Map<string, string[]>();
  for (const [from, to] of edges) needs.set(to, [...(needs.get(to) ?? []), from]);
  const width = Math.max(0, ...nodes.map(({ label }) => label.length));
  const kindWidth = Math.max(0, ...nodes.map(({ kind }) => kind.length));
  return nodes
    .map(({ id, label, kind }) => {
      const from = needs.get(id);
      return `${label.padEnd(width)}  ${kind.padEnd(kindWidth)}${from ? `  <- ${from.join(', ')}` : ''}`.trimEnd();
    })
    .join('\n');
}

/** As a Mermaid flowchart. */
export function graphAsMermaid({ nodes, edges }: Graph): string {
  const names = new Map(nodes.map(({ id }, i) => [id, `n${i}`]));
  // Mermaid reads `#quot;` as an entity, and needs quotes around brackets.
  const text = (label: string) => `"${label.replaceAll('#', '#35;').replaceAll('"', '#quot;')}"`;
  return [
    'flowchart LR',
    ...nodes.map(({ id, label }) => `  ${names.get(id)}[${text(label)}]`),
    ...edges.map(([from, to]) => `  ${names.get(from)} --> ${names.get(to)}`),
  ].join('\n');
}

/** As a Graphviz digraph. */
export function graphAsDot({ nodes, edges }: Graph): string {
  const text = (id: string) => `"${id.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return [
    'digraph pipeline {',
    '  rankdir=LR;',
    '  node [shape=box];',
    ...nodes.map(({ id, label }) => `  ${text(id)}${label === id ? '' : ` [label=${text(label)}]`};`),
    ...edges.map(([from, to]) => `  ${text(from)} -> ${text(to)};`),
    '}',
  ].join('\n');
}
