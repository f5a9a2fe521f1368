/** The output `variance` of principal components. */
export interface VarianceTable {
  readonly format: 'orograph-variance/1';
  /** Of the checkpoints along each component, all of them, largest first: eigenvalues over n - 1 (n where not centred). */
  readonly variances: readonly number[];
  /** The same as shares of their sum. */
  readonly explained: readonly number[];
  /** How many of them were made directions. */
  readonly components: number;
  readonly centred: boolean;
  readonly checkpoints: readonly { readonly epoch: number | null; readonly seed: number }[];
}
