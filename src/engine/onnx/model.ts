/**
 * ONNX models as bytes: the messages of onnx.proto3 (ModelProto, GraphProto, NodeProto, TensorProto, AttributeProto)
 * that a graph of tensors of known shapes needs.
 */
import { Message } from './protobuf.ts';

export type DType = 'float32' | 'int32' | 'bool' | 'int64';

/** TensorProto.DataType. */
const typeCodes: Readonly<Record<DType, number>> = { float32: 1, int32: 6, int64: 7, bool: 9 };

export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface ModelNode {
  readonly op: string;
  /** '' is ONNX's own. */
  readonly domain: string;
  /** '' where an optional input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface ModelTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface Model {
  readonly nodes: readonly ModelNode[];
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly constants: readonly (ModelTensor & { readonly bytes: Uint8Array })[];
}

/** The newest operator set in which reductions still take their axes as attributes. */
const opset = 17;
const irVersion = 8;
const domains = [
  ['', opset],
  ['com.microsoft', 1],
  ['com.microsoft.nchwc', 1],
] as const;

export function encodeModel({ nodes, inputs, outputs, constants }: Model): Uint8Array<ArrayBuffer> {
  const graph = new Message();
  for (const node of nodes) graph.message(1, encodeNode(node));
  graph.string(2, 'recorded');
  for (const { name, dtype, shape, bytes } of constants) {
    const tensor = new Message();
    for (const extent of shape) tensor.int(1, extent);
    graph.message(5, tensor.int(2, typeCodes[dtype]).string(8, name).bytes(9, bytes));
  }
  for (const input of inputs) graph.message(11, encodeValueInfo(input));
  for (const output of outputs) graph.message(12, encodeValueInfo(output));
  const model = new Message().int(1, irVersion).string(2, 'orograph').message(7, graph);
  for (const [domain, version] of domains) model.message(8, new Message().string(1, domain).int(2, version));
  return model.encode();
}

function encodeNode({ op, domain, inputs, outputs, attributes }: ModelNode): Message {
  const node = new Message();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  node.string(4, op);
  for (const [name, value] of Object.entries(attributes)) node.message(5, encodeAttribute(name, value));
  if (domain) node.string(7, domain);
  return node;
}

/** AttributeProto.AttributeType: FLOAT 1, INT 2, STRING 3, FLOATS 6, INTS 7. */
function encodeAttribute(name: string, value: Attribute): Message {
  const attribute = new Message().string(1, name);
  if (typeof value === 'number') return attribute.int(3, value).int(20, 2);
  if (typeof value === 'string') return attribute.string(4, value).int(20, 3);
  if ('float' in value) return attribute.float(2, value.float).int(20, 1);
  if ('floats' in value) {
    for (const one of value.floats) attribute.float(7, one);
    return attribute.int(20, 6);
  }
  for (const one of value) attribute.int(8, one);
  return attribute.int(20, 7);
}

function encodeValueInfo({ name, dtype, shape }: ModelTensor): Message {
  const extents = new Message();
  for (const extent of shape) extents.message(1, new Message().int(1, extent));
  const tensor = new Message().int(1, typeCodes[dtype]).message(2, extents);
  return new Message().string(1, name).message(2, new Message().message(1, tensor));
}
