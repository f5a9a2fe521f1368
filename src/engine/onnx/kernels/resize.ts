/** Images of another size: bilinear, or each pixel the nearest of the image's own. */
import type { GraphNode } from '../graph.ts';
import type { Lowering } from '../lowering.ts';
import { planes } from '../lowering.ts';
import { lowering, type Recording, recording } from './registry.ts';

type Four = [number, number, number, number];
type Pair = readonly [number, number];

interface Centres {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** A pixel of the result as a mixture of an image's pixels: their places along an axis and their shares. */
type Mixture = readonly { readonly at: number; readonly share: number }[];

/** Where along the image's axis a pixel of the result lies, as TensorFlow has it. */
function scaleOf(from: number, to: number, { alignCorners }: Centres): number {
  return alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
}

function bilinear(from: number, to: number, centres: Centres): Mixture[] {
  const scale = scaleOf(from, to, centres);
  return Array.from({ length: to }, (_, i) => {
    const place = centres.halfPixelCenters ? (i + 0.5) * scale - 0.5 : i * scale;
    const low = Math.max(0, Math.floor(place));
    const high = Math.min(from - 1, Math.ceil(place));
    if (low >= high) return [{ at: high, share: 1 }];
    return [
      { at: low, share: 1 - (place - low) },
      { at: high, share: place - low },
    ];
  });
}

function nearest(from: number, to: number, centres: Centres): Mixture[] {
  const scale = scaleOf(from, to, centres);
  return Array.from({ length: to }, (_, i) => {
    const place = (centres.halfPixelCenters ? i + 0.5 : i) * scale;
    const at = centres.alignCorners ? Math.round(place) : Math.floor(place);
    return [{ at: Math.min(from - 1, at), share: 1 }];
  });
}

const mixtures = { ResizeBilinear: bilinear, ResizeNearestNeighbor: nearest };

for (const name of ['ResizeBilinear', 'ResizeNearestNeighbor'] as const) {
  const forward: Recording = ({ inputs: { images }, make, attributes }) => {
    const [n, , , c] = images!.shape as Four;
    const [height, width] = attributes.size as Pair;
    const { alignCorners, halfPixelCenters } = attributes as Centres;
    const x = images!.dtype === 'float32' ? images! : make('Cast', [images!], images!.shape);
    return make(name, [x], [n, height, width, c], 'float32', { alignCorners, halfPixelCenters });
  };
  recording(name, forward);
  recording(`${name}Grad`, ({ inputs: { dy, images }, make, attributes }) => {
    const { alignCorners, halfPixelCenters } = attributes as Centres;
    return make(`${name}Grad`, [dy!], images!.shape, 'float32', { alignCorners, halfPixelCenters });
  });
  lowering(name, (g, node) => along(g, node, node.inputs[0]!, mixtures[name], false));
  lowering(`${name}Grad`, (g, node) => along(g, node, node.inputs[0]!, mixtures[name], true));
}

/** Rows and columns mixed, by products with the matrices of shares; their transposes for the gradient. */
function along(
  g: Lowering,
  node: GraphNode,
  x: GraphNode,
  mixture: (from: number, to: number, centres: Centres) => Mixture[],
  turned: boolean,
): void {
  const [, height, width] = x.shape as Four;
  const [, rows, columns] = node.shape as Four;
  const centres = node.attributes as unknown as Centres;
  /** [to, from], or [from, to] where it stands on the right. */
  const matrix = (from: number, to: number, right: boolean): string => {
    const values = new Float32Array(from * to);
    const place = (result: number, image: number): number =>
      right ? image * to + result : result * from + image;
    const [image, result] = turned ? [to, from] : [from, to];
    mixture(image, result, centres).forEach((parts, i) => {
      for (const { at, share } of parts) values[turned ? place(at, i) : place(i, at)]! += share;
    });
    return g.constant('float32', right ? [from, to] : [to, from], values);
  };
  const wide = g.node('MatMul', [g.as(x, planes), matrix(width, columns, true)]);
  g.give(node, g.node('MatMul', [matrix(height, rows, false), wide]), planes);
}
