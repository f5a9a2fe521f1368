import { dot, type ParameterVector } from '../../src/network/tensors.ts';
import type { Digest } from '../../src/util/digest.ts';
import type { Directions } from './directions.ts';
import type { Move } from './grid.ts';

/**
 * ‖θ + Σ by·d‖² at each point, from inner products in float64: ‖θ‖² + 2Σ by·θᵀd + ΣΣ by·by'·dᵀd'.
 * @returns one number a point.
 */
export async function squaredNorms(
  theta: ParameterVector,
  directions: Directions,
  points: readonly (readonly Move[])[],
): Promise<number[]> {
  const products = new Map<string, number>();
  const product = async (a: Digest | null, b: Digest | null): Promise<number> => {
    const name = `${a} ${b}`;
    const known = products.get(name);
    if (known !== undefined) return known;
    const value = dot(a ? await directions.vector(a) : theta, b ? await directions.vector(b) : theta);
    products.set(name, value);
    return value;
  };
  const squares: number[] = [];
  for (const moves of points) {
    const terms: readonly { readonly direction: Digest | null; readonly by: number }[] = [
      { direction: null, by: 1 },
      ...moves,
    ];
    let square = 0;
    for (const [i, a] of terms.entries())
      for (const b of terms.slice(i))
        square += (a === b ? 1 : 2) * a.by * b.by * (await product(a.direction, b.direction));
    squares.push(square);
  }
  return squares;
}
