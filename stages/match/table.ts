import type { JsonObject } from '../../src/util/json.ts';

/** The output `matching`. */
export interface MatchTable {
  readonly format: 'orograph-matching/1';
  /** Unit i of the matched network is unit `permutation[i]` of the input `to`. */
  readonly groups: readonly { readonly name: string; readonly permutation: readonly number[] }[];
  readonly sweeps: number;
  /** ‖θ' - θ‖ before and after. */
  readonly distance: { readonly before: number; readonly after: number };
  readonly subject: JsonObject;
}
