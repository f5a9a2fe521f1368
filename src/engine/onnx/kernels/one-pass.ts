/**
 * Several operations on maps in blocks as one pass over them. onnxruntime's convolution in blocks adds a bias and other
 * maps and applies an activation before it writes; and as a 1x1 convolution of each channel by itself, which its
 * convolution also is, so is a multiplication of channels by factors.
 */
import type { GraphNode } from '../graph.ts';
import { blocks, type Lowering, nchwc, same } from '../lowering.ts';
import type { Attributes } from '../model.ts';

/** What follows an operation and only that, up to the last of it. */
interface Run {
  readonly nodes: readonly GraphNode[];
  /** Added to each channel. */
  readonly bias: GraphNode | undefined;
  /** Maps that are added. */
  readonly sum: GraphNode | undefined;
  readonly activation: Attributes;
}

const activations: Readonly<Record<string, Attributes>> = {
  Relu: { activation: 'Relu' },
  Relu6: { activation: 'Clip', activation_params: { floats: [0, 6] } },
};

/** Whether an array has one number for each channel of maps, and is the same elsewhere. */
const perChannel = ({ shape, size }: GraphNode, channels: number): boolean =>
  size === channels && shape.at(-1) === channels && shape.length <= 4;

/** The other addend, where the node is the sum of two. */
function added(node: GraphNode | undefined, to: GraphNode): GraphNode | undefined {
  return node?.name === 'Add' ? node.inputs[node.inputs[0] === to ? 1 : 0] : undefined;
}

function runFrom(g: Lowering, first: GraphNode): Run {
  const nodes = [first];
  const channels = first.shape[3]!;
  const addend = (fits: (other: GraphNode, sum: GraphNode) => boolean): GraphNode | undefined => {
    const last = nodes.at(-1)!;
    const next = g.onlyUse(last);
    const other = added(next, last);
    // The other addend may have taken the sum along already.
    if (!other || g.madeTogether(next!) || !same(next!.shape, first.shape) || !fits(other, next!))
      return undefined;
    nodes.push(next!);
    return other;
  };
  const repeated = (other: GraphNode): GraphNode => (other.name === 'BroadcastTo' ? other.inputs[0]! : other);
  const addedChannels = addend((other) => perChannel(repeated(other), channels));
  const bias = addedChannels && repeated(addedChannels);
  // The sum is written where these maps are, if nobody needs them afterwards; to copy them would cost more than it saves.
  const sum = addend(
    (other, next) => other.name !== 'leaf' && same(other.shape, first.shape) && g.endsWith(other, next),
  );
  const next = g.onlyUse(nodes.at(-1)!);
  const activation = next ? activations[next.name] : undefined;
  if (activation) nodes.push(next!);
  return { nodes, bias, sum, activation: activation ?? {} };
}

/** Lowers a convolution in blocks with what follows it. @param operands its maps and its kernel. */
export function inOnePass(
  g: Lowering,
  node: GraphNode,
  operands: () => [string, string],
  settings: Attributes,
): void {
  const { nodes, bias, sum, activation } = runFrom(g, node);
  const [maps, kernel] = operands();
  g.together(nodes, () => {
    const inputs = [maps, kernel];
    if (bias || sum) inputs.push(bias ? g.reshape(g.as(bias), [bias.size]) : '');
    if (sum) inputs.push(g.asBlocks(sum));
    g.give(nodes.at(-1)!, g.node('Conv', inputs, { ...settings, ...activation }, nchwc), blocks);
  });
  if (nodes.length === 1) g.madeTogether(node)!();
}

/** A convolution that sees one pixel of one channel. */
export const pointwise = (channels: number): Attributes => ({
  strides: [1, 1],
  dilations: [1, 1],
  pads: [0, 0, 0, 0],
  kernel_shape: [1, 1],
  group: channels,
});

/** x·factors + offsets and what follows, where maps x are in blocks. @returns whether it is that. */
export function scaledInOnePass(g: Lowering, node: GraphNode): boolean {
  if (!g.blockable(node)) return false;
  const channels = node.shape[3]!;
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const [x, factors] = same(a.shape, node.shape) ? [a, b] : [b, a];
  if (!same(x.shape, node.shape) || !perChannel(factors, channels) || !g.blockable(x) || !g.inBlocks(x))
    return false;
  const { bias } = runFrom(g, node);
  if (!bias) return false;
  inOnePass(
    g,
    node,
    () => [g.asBlocks(x), g.reshape(g.as(factors), [channels, 1, 1, 1])],
    pointwise(channels),
  );
  return true;
}

/** Multiplied by it twice, any positive float32 is at least 1. */
const steep = 3e38;

/** 1 where x > 0 and else 0, for maps x in blocks: the smaller of 1 and x·∞, as it were. */
export function stepInOnePass(g: Lowering, node: GraphNode): boolean {
  const x = node.inputs[0]!;
  if (node.attributes.alpha !== 0 || !g.blockable(node) || !g.inBlocks(x)) return false;
  const channels = node.shape[3]!;
  const factors = g.constant('float32', [channels, 1, 1, 1], new Float32Array(channels).fill(steep));
  const settings = { activation: 'HardSigmoid', activation_params: { floats: [steep, 0] } };
  g.give(
    node,
    g.node('Conv', [g.asBlocks(x), factors], { ...pointwise(channels), ...settings }, nchwc),
    blocks,
  );
  return true;
}
