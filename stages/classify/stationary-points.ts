/**
 * Number of stationary points of a sampled curve by the paper's own count: interior samples t with
 * (y[t] - y[t+1]) · (y[t] - y[t-1]) > 0, unfiltered. A sample beside one that is not finite does not count.
 *
 * Source: Li, Li and Zhan, "Visualizing, Rethinking, and Mining the Loss Landscape of Deep Neural Networks" (2024).
 */
export function countStationaryPoints(values: readonly number[]): number {
  let count = 0;
  for (let t = 1; t + 1 < values.length; t++)
    if ((values[t]! - values[t + 1]!) * (values[t]! - values[t - 1]!) > 0) count++;
  return count;
}
