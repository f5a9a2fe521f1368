import type { JsonObject } from '../../src/util/json.ts';

/** The output `values`: most extreme first. */
export interface EigenTable {
  readonly format: 'orograph-eigenvalues/1';
  readonly largest: readonly Row[];
  readonly smallest: readonly Row[];
  /** Products with the Hessian, those that check the residuals included. */
  readonly products: number;
  readonly restarts: number;
  /** Whether every pair met the tolerance. */
  readonly converged: boolean;
  readonly subject: JsonObject;
}

interface Row {
  readonly value: number;
  /** ‖Hx - λx‖ for the unit eigenvector x. */
  readonly residual: number;
}
