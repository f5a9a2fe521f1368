/**
 * Recorded values as one graph without repetitions: what is computed twice in the same way is one node, and the text
 * that says how the nodes hang together is the same for every recording of the same structure.
 */
import { createHash } from 'node:crypto';
import { type OperationAttributes, sizeOf, type Value, type ValueType } from './value.ts';

export interface GraphNode {
  readonly index: number;
  /** The operation's name; 'leaf' where numbers come in. */
  readonly name: string;
  readonly attributes: OperationAttributes;
  readonly inputs: readonly GraphNode[];
  readonly shape: readonly number[];
  readonly size: number;
  readonly dtype: ValueType;
  /** Of a leaf: the order of its numbers, as in `Value.axes`. */
  readonly axes: readonly number[] | undefined;
  /** The nodes that take it. */
  readonly uses: GraphNode[];
}

export interface Graph {
  /** Inputs before what they are inputs of. */
  readonly nodes: readonly GraphNode[];
  /** The values with numbers (or inputs of a function), and their nodes. */
  readonly leaves: readonly { readonly value: Value; readonly node: GraphNode }[];
  /** The node of each wanted value. */
  readonly outputs: readonly GraphNode[];
  /** Same structure, same key. */
  readonly key: string;
}

const none: OperationAttributes = {};

/**
 * @param isLeaf where to stop: a value with numbers is always a leaf.
 * @param twins values that stand for others, which are computed in the same way.
 */
export function graphOf(
  wanted: readonly Value[],
  isLeaf: (value: Value) => boolean = () => false,
  twins: ReadonlyMap<Value, Value> = new Map(),
): Graph {
  const nodes: GraphNode[] = [];
  const leaves: { value: Value; node: GraphNode }[] = [];
  const known = new Map<Value, GraphNode>();
  const byKey = new Map<string, GraphNode>();
  const keys: string[] = [];
  const one = (value: Value): Value => twins.get(value) ?? value;

  const add = (value: Value, key: string, name: string, inputs: readonly GraphNode[]): GraphNode => {
    const node: GraphNode = {
      index: nodes.length,
      name,
      attributes: value.operation?.attributes ?? none,
      inputs,
      shape: value.shape,
      size: sizeOf(value.shape),
      dtype: value.dtype,
      axes: name === 'leaf' ? value.axes : undefined,
      uses: [],
    };
    for (const input of inputs) input.uses.push(node);
    nodes.push(node);
    keys.push(key);
    return node;
  };

  const visit = (value: Value): void => {
    const form = `${value.dtype}[${value.shape}]`;
    if (value.numbers || !value.operation || isLeaf(value)) {
      // Functions bring the same numbers along again and again; what is made of them is then one node, too.
      const number = value.numbers && value.size === 1 ? value.numbers[0]! : undefined;
      const constant = number === undefined ? '' : `${form} ${Object.is(number, -0) ? '-0' : number}`;
      const twin = byKey.get(constant);
      if (twin) {
        known.set(value, twin);
        return;
      }
      const node = add(value, `leaf ${form}${value.axes ? ` in ${value.axes}` : ''}`, 'leaf', []);
      leaves.push({ value, node });
      known.set(value, node);
      if (constant) byKey.set(constant, node);
      return;
    }
    const { name, attributes, inputs } = value.operation;
    const from = inputs.map((input) => known.get(one(input))!);
    if (name === 'Copy' || (name === 'Reshape' && String(from[0]!.shape) === String(value.shape))) {
      known.set(value, from[0]!);
      return;
    }
    const settings = attributes === none ? '' : JSON.stringify(attributes, infinite);
    const key = `${name}${settings}(${from.map(({ index }) => index)})${form}`;
    let node = byKey.get(key);
    if (!node) byKey.set(key, (node = add(value, key, name, from)));
    known.set(value, node);
  };

  // Depth first without recursion: a network's graph is deeper than the stack.
  const stack = wanted.map(one).reverse();
  while (stack.length > 0) {
    const value = stack.at(-1)!;
    if (known.has(value)) {
      stack.pop();
      continue;
    }
    const open =
      value.numbers || !value.operation || isLeaf(value)
        ? []
        : value.operation.inputs.map(one).filter((input) => !known.has(input));
    if (open.length === 0) {
      visit(value);
      stack.pop();
    } else for (const input of open.toReversed()) stack.push(input);
  }
  const outputs = wanted.map((value) => known.get(one(value))!);
  const text = `${keys.join('\n')}\n-> ${outputs.map(({ index }) => index)}`;
  return { nodes, leaves, outputs, key: createHash('sha256').update(text).digest('hex') };
}

/**
 * The most that a graph's tensors take at once when its nodes run in order and each goes after its last use; those that
 * come in are somebody else's. onnxruntime keeps buffers of that extent for the next run.
 */
export function workingBytes({ nodes, outputs }: Graph): number {
  const bytes = ({ size, dtype }: GraphNode): number => size * (dtype === 'bool' ? 1 : 4);
  const open = new Map<GraphNode, number>(nodes.map((node) => [node, node.uses.length]));
  const wanted = new Set(outputs);
  let [now, most] = [0, 0];
  for (const node of nodes) {
    if (node.name === 'leaf') continue;
    now += bytes(node);
    most = Math.max(most, now);
    for (const input of node.inputs) {
      const left = open.get(input)! - 1;
      open.set(input, left);
      if (left === 0 && input.name !== 'leaf' && !wanted.has(input)) now -= bytes(input);
    }
  }
  return most;
}

/** JSON has no infinities. */
function infinite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
