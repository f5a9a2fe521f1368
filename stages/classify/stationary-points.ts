/**
 * Step 1. Number of stationary points of a sampled curve by the paper's own count: interior samples t with
 * (y[t] - y[t+1]) · (y[t] - y[t-1]) > 0, unfiltered. A plateau has none, a sample beside one that is not a number
 * does not count, and one below two infinite ones does.
 *
 * Source: Li, Li and Zhan, "Visualizing, Rethinking, and Mining the Loss Landscape of Deep Neural Networks" (2024).
 */
export function countStationaryPoints(values: readonly number[]): number {
  return stationaryIndices(values).length;
}

/** The samples that `countStationaryPoints` counts. */
export function stationaryIndices(values: readonly number[]): number[] {
  const indices: number[] = [];
  for (let t = 1; t + 1 < values.length; t++)
    if ((values[t]! - values[t + 1]!) * (values[t]! - values[t - 1]!) > 0) indices.push(t);
  return indices;
}
