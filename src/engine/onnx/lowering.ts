/**
 * From a graph of TensorFlow.js operations to the nodes of an ONNX model. A tensor may be there in several physical
 * forms, its axes in one order or another: each operation takes the form that suits it, transposing an array of maps
 * is only a new name for the order of its axes, and data moves only where an operation insists.
 */
import type { GraphNode } from './graph.ts';
import type { Attributes, DType, ModelNode, ModelTensor } from './model.ts';
import { sizeOf } from './value.ts';

/** A tensor of the model that holds a node's numbers: its dimension j is the node's axis `axes[j]`. */
export interface Form {
  readonly name: string;
  readonly axes: readonly number[];
}

/** Kernels for maps in blocks. */
export const nchwc = 'com.microsoft.nchwc';

type Constant = ModelTensor & { readonly bytes: Uint8Array };

/** The order in which maps [n, rows, columns, channels] lie inside: examples, channels, rows, columns. */
export const planes: readonly number[] = [0, 3, 1, 2];
/**
 * The same with channels in blocks: those of a block, which are neighbours, lie beside each other (NCHWc). ONNX's shape
 * stays [n, channels, rows, columns].
 */
export const blocks: readonly number[] = [0, 3, 1, 2, 3];

export const inOrder = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

export class Lowering {
  readonly nodes: ModelNode[] = [];
  readonly constants: Constant[] = [];
  /** Channels of a block; 0 where there are no kernels for them. */
  readonly block: number;
  /** Nodes whose numbers somebody asks for. */
  readonly #wanted: ReadonlySet<GraphNode>;
  readonly #forms = new Map<GraphNode, Form[]>();
  readonly #emitted = new Map<string, string>();
  /** Nodes whose numbers are made elsewhere: nowhere, or with those of others that follow them. */
  readonly #made = new Map<GraphNode, () => void>();
  #names = 0;

  constructor(block = 0, wanted: readonly GraphNode[] = []) {
    this.block = block;
    this.#wanted = new Set(wanted);
  }

  /** The node that alone takes this one's numbers; undefined where there are several, or others that want them. */
  onlyUse(node: GraphNode): GraphNode | undefined {
    return node.uses.length === 1 && !this.#wanted.has(node) ? node.uses[0] : undefined;
  }

  /** Whether nobody asks for a node's numbers after another node has taken them. */
  endsWith(node: GraphNode, last: GraphNode): boolean {
    return !this.#wanted.has(node) && node.uses.every(({ index }) => index <= last.index);
  }

  /** Makes a run of nodes, each of which takes the one before and nobody else does, in one go: when the last's turn comes. */
  together(nodes: readonly GraphNode[], make: () => void): void {
    for (const node of nodes) this.#made.set(node, () => {});
    this.#made.set(nodes.at(-1)!, make);
  }

  /** What `together` said of a node. */
  madeTogether(node: GraphNode): (() => void) | undefined {
    return this.#made.get(node);
  }

  fresh(): string {
    return `t${this.#names++}`;
  }

  /** Adds a node and returns its output; one that is there already is not added again. */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    const key = `${domain}:${op}(${inputs})${JSON.stringify(attributes)}`;
    let output = this.#emitted.get(key);
    if (output === undefined) {
      output = this.fresh();
      this.#emitted.set(key, output);
      this.nodes.push({ op, domain, inputs, outputs: [output], attributes });
    }
    return output;
  }

  /** Adds a node of several outputs. */
  outputsOf(op: string, inputs: readonly string[], count: number, attributes: Attributes): string[] {
    const key = `${op}(${inputs})${JSON.stringify(attributes)}`;
    const known = this.#emitted.get(key);
    if (known !== undefined) return known.split(' ');
    const outputs = Array.from({ length: count }, () => this.fresh());
    this.#emitted.set(key, outputs.join(' '));
    this.nodes.push({ op, domain: '', inputs, outputs, attributes });
    return outputs;
  }

  constant(dtype: DType, shape: readonly number[], values: ArrayLike<number>): string {
    const list = Array.from(values);
    const key = `${dtype}[${shape}]${list.map((value) => (Object.is(value, -0) ? '-0' : String(value)))}`;
    let name = this.#emitted.get(key);
    if (name === undefined) {
      name = this.fresh();
      this.#emitted.set(key, name);
      this.constants.push({ name, dtype, shape, bytes: bytesOf(dtype, list) });
    }
    return name;
  }

  scalar(value: number, dtype: DType = 'float32'): string {
    return this.constant(dtype, [], [value]);
  }

  ints(values: readonly number[]): string {
    return this.constant('int64', [values.length], values);
  }

  cast(name: string, to: DType): string {
    return this.node('Cast', [name], { to: { float32: 1, int32: 6, int64: 7, bool: 9 }[to] });
  }

  reshape(name: string, shape: readonly number[]): string {
    return this.node('Reshape', [name, this.ints(shape)], { allowzero: 1 });
  }

  /** Says where a node's numbers are. The first form is the one that its operation made. */
  give(node: GraphNode, name: string, axes: readonly number[] = inOrder(node.shape.length)): void {
    const forms = this.#forms.get(node);
    if (!forms) this.#forms.set(node, [{ name, axes }]);
    else if (!forms.some((form) => same(form.axes, axes))) forms.push({ name, axes });
  }

  /** All forms of one node are those of another, with its axes renamed. */
  share(node: GraphNode, from: GraphNode, renamed: (axis: number) => number): void {
    const same = inOrder(node.shape.length).every((axis) => renamed(axis) === axis);
    const forms = same ? this.#forms.get(from)! : this.forms(from);
    this.#forms.set(
      node,
      forms.map(({ name, axes }) => ({ name, axes: axes.map(renamed) })),
    );
  }

  /** Where its axes lie in some order. */
  forms(node: GraphNode): readonly Form[] {
    const all = this.#forms.get(node)!;
    const plain = all.filter(({ axes }) => !same(axes, blocks));
    if (plain.length > 0) return plain;
    const channels = node.shape[3]!;
    const name = this.#asFloat(node, all[0]!.name, (x) =>
      this.node('ReorderOutput', [x], { channels }, nchwc),
    );
    all.push({ name, axes: planes });
    return all.slice(1);
  }

  /** The form, of those without blocks, that the node's operation made. */
  form(node: GraphNode): Form {
    return this.forms(node)[0]!;
  }

  /** The form that the node's operation made. */
  made(node: GraphNode): Form {
    return this.#forms.get(node)![0]!;
  }

  /** Whether maps can lie in blocks. */
  blockable({ shape, dtype }: GraphNode): boolean {
    return this.block > 0 && shape.length === 4 && shape[3]! % this.block === 0 && dtype !== 'int32';
  }

  /** Whether maps lie in blocks already. */
  inBlocks(node: GraphNode): boolean {
    return this.#forms.get(node)!.some(({ axes }) => same(axes, blocks));
  }

  /** Where blockable maps are in blocks. */
  asBlocks(node: GraphNode): string {
    const found = this.#forms.get(node)!.find(({ axes }) => same(axes, blocks));
    if (found) return found.name;
    const name = this.#asFloat(node, this.as(node, planes), (x) => this.node('ReorderInput', [x], {}, nchwc));
    this.give(node, name, blocks);
    return name;
  }

  /** Reordering is for numbers alone. */
  #asFloat({ dtype }: GraphNode, name: string, reorder: (name: string) => string): string {
    return dtype === 'float32' ? reorder(name) : this.cast(reorder(this.cast(name, 'float32')), dtype);
  }

  /** Where the node's numbers are in a given order of its axes; a transposition where there is none. */
  as(node: GraphNode, axes: readonly number[] = inOrder(node.shape.length)): string {
    return this.padded(node, axes.length, axes);
  }

  /**
   * The same with leading axes of extent 1 up to a rank, as broadcasting has them.
   * @param axes an order of the axes of that rank.
   */
  padded(node: GraphNode, rank: number, axes: readonly number[]): string {
    const lead = rank - node.shape.length;
    const shape = [...Array<number>(lead).fill(1), ...node.shape];
    const target = axes.map((axis) => shape[axis]!);
    const forms = this.forms(node);
    const long = axes.filter((axis) => shape[axis] !== 1);
    for (const form of forms) {
      // Axes of extent 1 may stand anywhere.
      const own = form.axes.map((axis) => axis + lead).filter((axis) => shape[axis] !== 1);
      if (!same(own, long)) continue;
      const extents = form.axes.map((axis) => node.shape[axis]!);
      return same(extents, target) ? form.name : this.reshape(form.name, target);
    }
    const { name, axes: from } = forms[0]!;
    const source =
      lead === 0 ? name : this.reshape(name, [...Array(lead).fill(1), ...from.map((a) => node.shape[a]!)]);
    const order = [...inOrder(lead), ...from.map((axis) => axis + lead)];
    const turned = this.node('Transpose', [source], { perm: axes.map((axis) => order.indexOf(axis)) });
    if (lead === 0) this.give(node, turned, axes);
    return turned;
  }

  /** Extents of a node in an order of its axes. */
  extents(node: GraphNode, axes: readonly number[]): number[] {
    return (same(axes, blocks) ? planes : axes).map((axis) => node.shape[axis]!);
  }
}

function bytesOf(dtype: DType, values: readonly number[]): Uint8Array {
  const numbers =
    dtype === 'float32'
      ? Float32Array.from(values)
      : dtype === 'int32'
        ? Int32Array.from(values)
        : dtype === 'bool'
          ? Uint8Array.from(values)
          : BigInt64Array.from(values, BigInt);
  return new Uint8Array(numbers.buffer);
}

/** Row-major order of the numbers of a shape, from those in a physical order of its axes. @param block of channels. */
export function ordered<T extends Float32Array | Int32Array | Uint8Array>(
  numbers: T,
  shape: readonly number[],
  axes: readonly number[] | undefined,
  block: number,
): T {
  const result = numbers.slice() as T;
  if (!axes || same(axes, inOrder(shape.length))) return result;
  // Blocks are an axis of their own, which follows the channels'.
  const split = same(axes, blocks);
  const extents = split ? [...shape.slice(0, 3), shape[3]! / block, block] : shape;
  const strides = new Array<number>(extents.length);
  let stride = 1;
  for (const axis of (split ? [0, 3, 1, 2, 4] : axes).toReversed()) {
    strides[axis] = stride;
    stride *= extents[axis]!;
  }
  const position = new Array<number>(extents.length).fill(0);
  let from = 0;
  const size = sizeOf(shape);
  for (let to = 0; to < size; to++) {
    result[to] = numbers[from]!;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++position[axis]! < extents[axis]!) break;
      from -= strides[axis]! * extents[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}
