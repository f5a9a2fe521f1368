import { dot, type ParameterVector } from '../../src/network/tensors.ts';

/** Vectors in memory at once: twice as many. */
const block = 16;

/**
 * Inner products of n vectors, in float64. They are read block by block, so that memory does not grow with n.
 * @param read gives the vector of an index; it is called about n²/32 times.
 */
export async function gramMatrix(
  n: number,
  read: (index: number) => Promise<ParameterVector>,
): Promise<number[][]> {
  const gram = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const load = async (start: number): Promise<ParameterVector[]> => {
    const vectors: ParameterVector[] = [];
    for (let i = start; i < Math.min(n, start + block); i++) vectors.push(await read(i));
    return vectors;
  };
  for (let a = 0; a < n; a += block) {
    const rows = await load(a);
    for (let b = a; b < n; b += block) {
      const columns = b === a ? rows : await load(b);
      rows.forEach((row, i) => {
        columns.forEach((column, j) => {
          if (b + j >= a + i) gram[a + i]![b + j] = gram[b + j]![a + i] = dot(row, column);
        });
      });
    }
  }
  return gram;
}
