import { type Graph, graphOf, workingBytes } from './graph.ts';
import { lowerNode } from './kernels/index.ts';
import { inOrder, Lowering, same } from './lowering.ts';
import type { ModelNode } from './model.ts';
import type { IoTensor, Program, Sessions } from './sessions.ts';
import { emptyNumbers, type Value } from './value.ts';

/** Computes values that have no numbers yet, and lets go of what they were made from. */
export function evaluate(sessions: Sessions, values: readonly Value[]): void {
  for (const value of values) if (value.size === 0) value.settle(emptyNumbers(value.dtype, 0));
  const open = values.filter((value) => !value.numbers);
  if (open.length === 0) return;
  const graph = graphOf(open);
  const prepared = sessions.of(graph.key, () => lowered(graph, sessions.block));
  const results = sessions.run(
    prepared,
    graph.leaves.map(({ value }) => value.numbers!),
  );
  for (const [i, value] of open.entries()) value.settle(results[i]!, prepared.outputs[i]!.axes);
}

/**
 * A graph as a model whose inputs are its leaves and whose outputs are its outputs, both in their order.
 * @param block of channels, as in `Lowering`.
 * @param plain outputs have their axes in order; else as their operations leave them.
 */
export function lowered(graph: Graph, block: number, plain = false): Program {
  const lowering = new Lowering(block, graph.outputs);
  const inputs: IoTensor[] = graph.leaves.map(({ node }, i) => {
    const axes = node.axes ?? inOrder(node.shape.length);
    lowering.give(node, `in${i}`, axes);
    return { name: `in${i}`, dtype: node.dtype, shape: lowering.extents(node, axes), axes: node.axes };
  });
  for (const node of graph.nodes) if (node.name !== 'leaf') lowerNode(lowering, node);
  const ends = graph.outputs.map((node) => {
    const order = inOrder(node.shape.length);
    const form = lowering.made(node);
    // An input under another order of its axes would have to be copied: it may as well be put in order.
    const renamed = inputs.some(({ name }) => name === form.name);
    return plain || renamed ? { name: lowering.as(node, order), axes: order } : form;
  });
  // What a node makes gets its output's name; an input, or a tensor that is an output already, is copied into it.
  const made = new Set(lowering.nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const copies: ModelNode[] = [];
  const outputs = graph.outputs.map((node, i): IoTensor => {
    const { name, axes } = ends[i]!;
    const inputs = [renamed.get(name) ?? name];
    if (made.has(name) && !renamed.has(name)) renamed.set(name, `out${i}`);
    else copies.push({ op: 'Identity', domain: '', inputs, outputs: [`out${i}`], attributes: {} });
    const straight = same(axes, inOrder(axes.length));
    return {
      name: `out${i}`,
      dtype: node.dtype,
      shape: lowering.extents(node, axes),
      axes: straight ? undefined : axes,
    };
  });
  const now = (name: string): string => renamed.get(name) ?? name;
  const nodes = wanted(lowering.nodes, new Set(ends.map(({ name }) => name))).map((node) => ({
    ...node,
    inputs: node.inputs.map(now),
    outputs: node.outputs.map(now),
  }));
  return {
    nodes: [...nodes, ...copies],
    inputs,
    outputs,
    constants: lowering.constants,
    working: workingBytes(graph),
  };
}

/** Without the nodes that nothing depends on: forms that were made and not taken. @param names of the outputs. */
function wanted(nodes: readonly ModelNode[], names: Set<string>): ModelNode[] {
  const kept: ModelNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => names.has(name))) continue;
    for (const name of node.inputs) names.add(name);
    kept.push(node);
  }
  return kept.reverse();
}
