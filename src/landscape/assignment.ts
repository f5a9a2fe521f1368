/**
 * The assignment of rows to columns of a square matrix with the largest sum, exact: shortest augmenting paths with
 * potentials (Jonker and Volgenant 1987), O(n³).
 * @param gains n·n finite numbers, row by row.
 * @returns the column of each row.
 */
export function bestAssignment(gains: Float64Array, n: number): Uint32Array {
  // Columns and rows count from 1; column 0 holds the row that is being placed.
  const rowOf = new Uint32Array(n + 1);
  const rowPotential = new Float64Array(n + 1);
  const columnPotential = new Float64Array(n + 1);
  for (let row = 1; row <= n; row++) {
    const from = new Uint32Array(n + 1);
    const slack = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
    const visited = new Uint8Array(n + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      visited[column] = 1;
      const here = rowOf[column]!;
      let step = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let c = 1; c <= n; c++) {
        if (visited[c]) continue;
        const reduced = -gains[(here - 1) * n + c - 1]! - rowPotential[here]! - columnPotential[c]!;
        if (reduced < slack[c]!) {
          slack[c] = reduced;
          from[c] = column;
        }
        if (slack[c]! < step) {
          step = slack[c]!;
          next = c;
        }
      }
      for (let c = 0; c <= n; c++)
        if (visited[c]) {
          rowPotential[rowOf[c]!]! += step;
          columnPotential[c]! -= step;
        } else slack[c]! -= step;
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const before = from[column]!;
      rowOf[column] = rowOf[before]!;
      column = before;
    }
  }
  const result = new Uint32Array(n);
  for (let c = 1; c <= n; c++) result[rowOf[c]! - 1] = c - 1;
  return result;
}
