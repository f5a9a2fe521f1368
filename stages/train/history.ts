/** One row of a training's `history` table: a JSON array of these, epoch 0 (the initialisation) first. */
export interface HistoryRow {
  readonly epoch: number;
  /** During the epoch; null for the initialisation. */
  readonly 'learning-rate': number | null;
  /** Mean of the mini-batches' losses while they were trained on, weighted by their size; null for epoch 0. */
  readonly 'batch-loss': number | null;
  /** Over the whole split with the parameters after the epoch. A loss that is not finite is null. */
  readonly 'train-loss': number | null;
  readonly 'train-accuracy': number;
  readonly 'test-loss': number | null;
  readonly 'test-accuracy': number;
}

/** JSON has no non-finite numbers. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
