import type { Examples } from '../../src/network/examples.ts';
import { flattened, Hessian } from '../../src/network/hessian.ts';
import { evaluationMode, meanGradient } from '../../src/network/loss.ts';
import type { Network } from '../../src/network/network.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';

/**
 * εᵀg and εᵀHε of the mean loss at θ, the paper's Listing 3 without its missing create_graph: gradient and product are
 * float32, the inner products float64.
 * @param state running statistics of batch norm, which is in evaluation mode.
 */
export async function quadraticAt(
  network: Network,
  theta: ParameterVector,
  state: ParameterVector,
  epsilon: ParameterVector,
  examples: Examples,
  batch: number,
): Promise<{ slope: number; curvature: number }> {
  const fixed = evaluationMode(network, state);
  const hessian = new Hessian(fixed.network, theta, examples, { batch, keptBytes: 0 });
  try {
    const v = flattened(epsilon);
    const gradient = flattened(await meanGradient(fixed.network, theta, examples, batch));
    return { slope: inner(v, gradient), curvature: inner(v, await hessian.product(v)) };
  } finally {
    hessian.dispose();
    fixed.dispose();
  }
}

/** In float64. */
export function inner(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
