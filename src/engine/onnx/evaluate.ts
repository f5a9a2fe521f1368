import { type Graph, graphOf } from './graph.ts';
import { lowerNode } from './kernels/index.ts';
import { inOrder, Lowering, same } from './lowering.ts';
import type { Model } from './model.ts';
import type { IoTensor, Sessions } from './sessions.ts';
import { emptyNumbers, type Value } from './value.ts';

/** What of a model is not in its bytes: the order of each output's numbers. */
export interface Layout {
  readonly axes: readonly (readonly number[] | undefined)[];
}

/** Computes values and lets go of what they were made from. */
export interface Evaluator {
  readonly sessions: Sessions;
  readonly layouts: Map<string, Layout>;
  dispose(): void;
}

export function evaluator(sessions: Sessions): Evaluator {
  const layouts = new Map<string, Layout>();
  return {
    sessions,
    layouts,
    dispose() {
      layouts.clear();
      sessions.dispose();
    },
  };
}

/** Computes values that have no numbers yet. */
export function evaluate({ sessions, layouts }: Evaluator, wanted: readonly Value[]): void {
  for (const value of wanted) if (value.size === 0) value.settle(emptyNumbers(value.dtype, 0));
  const open = wanted.filter((value) => !value.numbers);
  if (open.length === 0) return;
  const graph = graphOf(open);
  const prepared = sessions.of(graph.key, () => {
    const { model, layout } = lowered(graph);
    layouts.set(graph.key, layout);
    return model;
  });
  const results = sessions.run(
    prepared,
    graph.leaves.map(({ value }) => value.numbers!),
  );
  const { axes } = layouts.get(graph.key)!;
  for (const [i, value] of open.entries()) value.settle(results[i]!, axes[i]);
}

/** A graph as a model whose inputs are its leaves and whose outputs are its outputs, both in their order. */
export function lowered(graph: Graph): { readonly model: Model; readonly layout: Layout } {
  const lowering = new Lowering();
  const inputs: IoTensor[] = graph.leaves.map(({ node }, i) => {
    const axes = node.axes ?? inOrder(node.shape.length);
    lowering.give(node, `in${i}`, axes);
    return { name: `in${i}`, dtype: node.dtype, shape: lowering.extents(node, axes) };
  });
  for (const node of graph.nodes) if (node.name !== 'leaf') lowerNode(lowering, node);
  const axesOf: (readonly number[] | undefined)[] = [];
  const outputs = graph.outputs.map((node, i): IoTensor => {
    const { name, axes } = lowering.form(node);
    // A tensor may be several outputs, or an input: each output gets a name of its own.
    lowering.nodes.push({ op: 'Identity', domain: '', inputs: [name], outputs: [`out${i}`], attributes: {} });
    axesOf.push(same(axes, inOrder(axes.length)) ? undefined : axes);
    return { name: `out${i}`, dtype: node.dtype, shape: lowering.extents(node, axes) };
  });
  const { nodes, constants } = lowering;
  return { model: { nodes, inputs, outputs, constants }, layout: { axes: axesOf } };
}
