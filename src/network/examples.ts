/** Labelled examples as networks see them: a data set's split, or the first so many of it. */
export interface Examples {
  readonly count: number;
  /** Features of one example. */
  readonly features: number;
  readonly classes: number;
  /** Class of each example. */
  readonly labels: Uint8Array | Uint16Array;
  /**
   * Normalised inputs, row-major [indices.length, features].
   * @param into where they may go instead of into an array of their own. What is returned holds them in any case; it may
   * then be a view of numbers that others read too, and must not be changed.
   */
  inputs(indices: ArrayLike<number>, into?: Float32Array): Float32Array;
}

/** The consecutive index lists of batches in order; the last one may be shorter. */
export function batches(order: Uint32Array, size: number): Uint32Array[] {
  const list: Uint32Array[] = [];
  for (let start = 0; start < order.length; start += size) list.push(order.subarray(start, start + size));
  return list;
}

/** 0 … count-1. */
export function inOrder(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}
