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

type Constant = ModelTensor & { readonly bytes: Uint8Array };

export const inOrder = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

export class Lowering {
  readonly nodes: ModelNode[] = [];
  readonly constants: Constant[] = [];
  readonly #forms = new Map<GraphNode, Form[]>();
  readonly #emitted = new Map<string, string>();
  #names = 0;

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
    this.#forms.set(
      node,
      this.#forms.get(from)!.map(({ name, axes }) => ({ name, axes: axes.map(renamed) })),
    );
  }

  forms(node: GraphNode): readonly Form[] {
    return this.#forms.get(node)!;
  }

  /** The form that the node's operation made. */
  form(node: GraphNode): Form {
    return this.#forms.get(node)![0]!;
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
    const forms = this.#forms.get(node)!;
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
    return axes.map((axis) => node.shape[axis]!);
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

/** Row-major order of the numbers of a shape, from those in a physical order of its axes. */
export function ordered<T extends Float32Array | Int32Array | Uint8Array>(
  numbers: T,
  shape: readonly number[],
  axes: readonly number[] | undefined,
): T {
  const result = numbers.slice() as T;
  if (!axes || same(axes, inOrder(shape.length))) return result;
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (const axis of axes.toReversed()) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  const position = new Array<number>(shape.length).fill(0);
  let from = 0;
  const size = sizeOf(shape);
  for (let to = 0; to < size; to++) {
    result[to] = numbers[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}
