/**
 * One row of a training's `history` table: a JSON array of these; first epoch 0 (the initialisation), or the epoch that
 * the training goes on from.
 */
export interface HistoryRow {
  readonly epoch: number;
  /** Of the epoch's last step; null for the first row. */
  readonly 'learning-rate': number | null;
  /** Mean of the mini-batches' losses while they were trained on, weighted by their size; null for the first row. */
  readonly 'batch-loss': number | null;
  /**
   * Over the whole split with the parameters after the epoch, training images as they are (not augmented). Null where
   * the epoch was not measured, there is no such split, or a loss is not finite.
   */
  readonly 'train-loss': number | null;
  readonly 'train-accuracy': number | null;
  readonly 'test-loss': number | null;
  readonly 'test-accuracy': number | null;
}

/** JSON has no non-finite numbers. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
