import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Eigenvalues of a small symmetric matrix, ascending, with unit eigenvectors `vectors[i]`. */
export function smallEigen(matrix: readonly (readonly number[])[]): {
  values: number[];
  vectors: number[][];
} {
  const result = new EigenvalueDecomposition(new Matrix(matrix.map((row) => [...row])), {
    assumeSymmetric: true,
  });
  const { realEigenvalues, eigenvectorMatrix } = result;
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[a]! - realEigenvalues[b]!);
  return {
    values: order.map((i) => realEigenvalues[i]!),
    vectors: order.map((i) => eigenvectorMatrix.getColumn(i)),
  };
}
