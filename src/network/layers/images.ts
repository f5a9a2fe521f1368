import { UserError } from '../../diagnostics/diagnostic.ts';
import type { Network, NetworkSpec } from '../network.ts';
import { inputName, type Layer } from './layer.ts';
import { layered } from './layered.ts';

/** Side of the square colour images of a number of features, undefined where they are none. */
export function squareSide(inputs: number): number | undefined {
  const side = Math.sqrt(inputs / 3);
  return Number.isInteger(side) && side > 0 ? side : undefined;
}

/** The layers after a resizing of the images, where they are not of the size that the layers take. */
export function resized(layers: readonly Layer[], from: readonly number[], to: readonly number[]): Layer[] {
  if (from.join() === to.join()) return [...layers];
  const name = 'resized';
  return [
    { name, from: [inputName], does: { kind: 'resize', size: [to[0]!, to[1]!] } },
    ...layers.map((layer) => ({
      ...layer,
      from: layer.from.map((other) => (other === inputName ? name : other)),
    })),
  ];
}

/** A network of layers over square colour images. @param size side that the layers take (default: the images'). */
export function ofImages(spec: NetworkSpec & { readonly size?: number }, layers: readonly Layer[]): Network {
  const side = squareSide(spec.inputs)!;
  const size = spec.size ?? side;
  const shape = [side, side, 3];
  return ofLayers(spec, resized(layers, shape, [size, size, 3]), shape);
}

/** A network of layers, which must end in one logit a class. @throws UserError where it does not. */
export function ofLayers(spec: NetworkSpec, layers: readonly Layer[], input: readonly number[]): Network {
  const { output, ...network } = layered(layers, input);
  if (output.length !== 1 || output[0] !== spec.classes)
    throw new UserError({
      severity: 'error',
      code: 'bad-network',
      message: `the network's last layer, "${layers.at(-1)!.name}", gives [${output}]; one number for each of the ${spec.classes} classes is needed`,
      ...(spec.name === 'layers' && {
        hint: 'network: { name: layers, file: …, classifier: new } gives its last dense layer as many units as there are classes',
      }),
    });
  return { spec, ...network };
}
