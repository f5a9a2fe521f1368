import { smallEigen } from './small.ts';

/** Eigenvalues below this share of the largest are float32's rounding of what they were computed from. */
const negligible = 1e-10;

/**
 * Principal components of vectors xᵢ of which only the inner products are known: component k is Σᵢ weights[k][i]·xᵢ, a
 * unit vector, and the components are orthogonal. The sign is that with which the first vector (centred, where
 * `centred`) does not lie on the negative side.
 * @param gram xᵢᵀxⱼ.
 * @param centred whether the mean of the vectors is subtracted from them.
 * @returns largest variance first, without those that vanish; a variance is divided by n - 1, or by n where not centred.
 */
export function principalWeights(
  gram: readonly (readonly number[])[],
  centred: boolean,
): { weights: number[][]; variances: number[] } {
  const n = gram.length;
  const means = gram.map((row) => row.reduce((a, b) => a + b, 0) / n);
  const grand = means.reduce((a, b) => a + b, 0) / n;
  const matrix = centred
    ? gram.map((row, i) => row.map((value, j) => value - means[i]! - means[j]! + grand))
    : gram;
  const { values, vectors } = smallEigen(matrix);
  const largest = Math.max(0, ...values);
  const weights: number[][] = [];
  const variances: number[] = [];
  for (let k = n - 1; k >= 0; k--) {
    const value = values[k]!;
    if (!(value > negligible * largest)) break;
    const vector = vectors[k]!;
    // Rounding leaves a sum that is not quite 0, and with it a share of the mean.
    const mean = centred ? vector.reduce((a, b) => a + b, 0) / n : 0;
    const sign = vector[0]! < 0 ? -1 : 1;
    weights.push(vector.map((u) => (sign * (u - mean)) / Math.sqrt(value)));
    variances.push(value / (centred ? Math.max(1, n - 1) : n));
  }
  return { weights, variances };
}
