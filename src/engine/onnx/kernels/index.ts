/** All kernels of the engine `onnx`: how they are recorded, and how what they record is computed. */
import './composed.ts';
import './convolution.ts';
import './elementwise.ts';
import './indexed.ts';
import './matmul.ts';
import './pool.ts';
import './reduce.ts';
import './resize.ts';
import './shape.ts';
import type { GraphNode } from '../graph.ts';
import type { Lowering } from '../lowering.ts';
import { lowerings } from './registry.ts';

export { absent, absentKernel } from './absent.ts';
export { recordings } from './registry.ts';

export function lowerNode(g: Lowering, node: GraphNode): void {
  const together = g.madeTogether(node);
  if (together) {
    together();
    return;
  }
  const lower = lowerings.get(node.name);
  if (!lower) throw new Error(`the engine "onnx" cannot compute ${node.name}`);
  lower(g, node);
}
