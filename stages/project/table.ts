/** The output `path`: checkpoints in the coordinates of a curve's or a surface's axes, in the order given. */
export interface PathTable {
  readonly format: 'orograph-path/1';
  readonly points: readonly PathPoint[];
  /** Of λ = 0. */
  readonly model: { readonly epoch: number | null; readonly seed: number };
  readonly scale: number;
}

interface PathPoint {
  /** Null where weights were imported and nobody said. */
  readonly epoch: number | null;
  readonly seed: number;
  /** λ on each axis of the nearest point θ + s·(λ₁x + λ₂y). */
  readonly at: readonly number[];
  /** ‖θᵢ - θ‖. */
  readonly distance: number;
  /** Distance from that nearest point. */
  readonly off: number;
}
