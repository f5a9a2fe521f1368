import type { Estimate } from '../../src/spectral/quadrature.ts';
import type { JsonObject } from '../../src/util/json.ts';

/** The output `spectrum`. */
export interface SpectrumTable {
  readonly format: 'orograph-spectrum/1';
  /** Ritz values and weights of each probe: all that the density is made of. */
  readonly probes: readonly { readonly nodes: readonly number[]; readonly weights: readonly number[] }[];
  readonly grid: readonly number[];
  /** At the grid's points; its sum times the grid's step is 1. */
  readonly density: readonly number[];
  /** Null where it was left out. */
  readonly trace: (Estimate & { readonly probes: number }) | null;
  /** ‖H‖_F with its standard error by the delta method. */
  readonly frobenius: Estimate | null;
  readonly products: number;
  readonly subject: JsonObject;
}
