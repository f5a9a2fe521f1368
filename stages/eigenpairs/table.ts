import type { JsonObject } from '../../src/util/json.ts';

/** The output `values`: most extreme first. */
export interface EigenTable {
  readonly format: 'orograph-eigenvalues/1';
  readonly largest: readonly Row[];
  readonly smallest: readonly Row[];
  /** Products with the Hessian, those that check the residuals included. */
  readonly products: number;
  readonly restarts: number;
  /** Whether every pair's residual meets the tolerance. */
  readonly converged: boolean;
  /**
   * Pairs whose residual does not, but is at most 16·2⁻²⁴ times the largest |λ|, which is what rounding to float32 does
   * to a product: more products would not better them.
   */
  readonly rounded: number;
  readonly subject: JsonObject;
}

interface Row {
  readonly value: number;
  /** ‖Hx - λx‖ for the unit eigenvector x. */
  readonly residual: number;
}
