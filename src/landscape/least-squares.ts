/** A plane whose axes make a smaller squared sine than this is none: float32 directions say no more about it. */
const parallel = 1e-9;

/**
 * Coefficients of the point nearest to a vector on the line or in the plane of one or two others.
 * @param gram inner products of the one or two vectors.
 * @param products those with the vector.
 * @returns undefined where they span less.
 */
export function leastSquares(
  gram: readonly (readonly number[])[],
  products: readonly number[],
): number[] | undefined {
  const [p, q] = products as [number, number?];
  const a = gram[0]![0]!;
  if (q === undefined) return a > 0 ? [p / a] : undefined;
  const [b, c] = [gram[0]![1]!, gram[1]![1]!];
  const determinant = a * c - b * b;
  if (!(determinant > parallel * a * c)) return undefined;
  return [(c * p - b * q) / determinant, (a * q - b * p) / determinant];
}
