/**
 * The symmetries of networks: which hidden units, channels of feature maps, may change places together. What is added
 * up channel by channel, through shortcuts above all, is tied: one group.
 */
import { deepResnetLayers } from '../../src/network/deep-resnet.ts';
import { mobilenetLayers } from '../../src/network/mobilenet.ts';
import type { NetworkSpec, ResnetSpec } from '../../src/network/network.ts';
import { blocksOf, resnetWidths } from '../../src/network/resnet.ts';
import type { Part, Symmetry } from './symmetry.ts';
import { symmetryOfLayers } from './symmetry-of-layers.ts';

/** The symmetry of a network, or undefined where it is not known. */
export function symmetryOf(spec: NetworkSpec): Symmetry | undefined {
  switch (spec.name) {
    case 'mlp':
      return ofPerceptron(spec.widths);
    case 'resnet':
      return ofResnet(spec);
    case 'layers':
      return symmetryOfLayers(spec.layers, spec.input);
    case 'module':
      return undefined;
    case 'mobilenet-v2':
      return symmetryOfLayers(mobilenetLayers(spec), imageShape(spec.inputs, spec.size));
    default:
      return symmetryOfLayers(deepResnetLayers(spec), imageShape(spec.inputs, spec.size));
  }
}

function imageShape(inputs: number, size = Math.sqrt(inputs / 3)): [number, number, number] {
  return [size, size, 3];
}

/** Each hidden layer's units, on its own kernel and bias and on the next kernel's inputs. */
function ofPerceptron(widths: readonly number[]): Symmetry {
  const whole = (l: number): Part[] =>
    l >= 0 && l < widths.length ? [{ group: l, at: range(0, widths[l]!) }] : [];
  const axes = new Map<string, readonly (readonly Part[])[]>();
  for (let l = 0; l <= widths.length; l++) {
    axes.set(`dense${l + 1}/kernel`, [whole(l - 1), whole(l)]);
    axes.set(`dense${l + 1}/bias`, [whole(l)]);
  }
  return { groups: widths.map((size, l) => ({ name: `dense${l + 1}`, size })), axes };
}

/**
 * Of the ResNets for CIFAR. The maps between the blocks of a stage are one group, and each block's inner maps another.
 * Where a shortcut of option A widens, the maps before it come back in the middle of those behind it: a part of the wider
 * maps belongs to the narrow ones' group, and the channels that were zero are a group of their own. Without shortcuts
 * every convolution's maps are a group.
 */
function ofResnet(spec: ResnetSpec): Symmetry {
  const groups: { name: string; size: number }[] = [];
  const axes = new Map<string, readonly (readonly Part[])[]>();
  const group = (name: string, at: Uint32Array): Part => ({
    group: groups.push({ name, size: at.length }) - 1,
    at,
  });
  const convolution = (
    { name, normName }: { readonly name: string; readonly normName: string },
    into: readonly Part[],
    out: readonly Part[],
  ): void => {
    axes.set(`${name}/kernel`, [[], [], into, out]);
    for (const role of ['scale', 'offset', 'mean', 'variance']) axes.set(`${normName}/${role}`, [out]);
  };
  let stream: Part[] = [group('conv1', range(0, resnetWidths[0]))];
  convolution({ name: 'conv1', normName: 'norm1' }, [], stream);
  for (const { first, second, widens, shortcut } of blocksOf(spec)) {
    const inner = [group(first.name, range(0, first.to))];
    convolution(first, stream, inner);
    let out = stream;
    if (spec.shortcut === 'none' || shortcut) out = [group(second.name, range(0, second.to))];
    else if (widens) {
      const extra = (second.to - first.from) / 2;
      const zeros = Uint32Array.of(...range(0, extra), ...range(second.to - extra, second.to));
      out = [
        ...stream.map((part) => ({ ...part, at: part.at.map((position) => position + extra) })),
        group(second.name, zeros),
      ];
    }
    convolution(second, inner, out);
    if (shortcut) convolution(shortcut, stream, out);
    stream = out;
  }
  axes.set('dense/kernel', [stream, []]);
  return { groups, axes };
}

function range(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to - from }, (_, i) => from + i);
}
