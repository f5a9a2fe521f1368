/** How the learning rate changes; every length counts epochs or optimiser steps, whichever `by` says. */
export interface Schedule {
  readonly name: 'constant' | 'step' | 'cosine';
  readonly by: 'epoch' | 'step';
  /** Of `step`: after so many, the rate is multiplied by `gamma`. */
  readonly milestones: readonly number[];
  readonly gamma: number;
  /** Of `cosine`: the rate at its end, and where that is; warm-up included. */
  readonly minimum: number;
  readonly horizon: number;
  readonly warmUp: { readonly length: number; readonly from: number } | null;
}

/**
 * The learning rate after t epochs or steps, as PyTorch's schedulers give it: LinearLR from rate·from to the rate for the
 * warm-up, MultiStepLR, CosineAnnealingLR. The warm-up multiplies `constant` and `step`, whose milestones count from the
 * start (ChainedScheduler); a cosine begins when the warm-up has ended (SequentialLR).
 */
export function learningRateAt(schedule: Schedule, rate: number, t: number): number {
  const { name, milestones, gamma, minimum, horizon, warmUp } = schedule;
  const warming = warmUp !== null && t < warmUp.length;
  const warm = warming ? warmUp.from + ((1 - warmUp.from) * t) / warmUp.length : 1;
  switch (name) {
    case 'constant':
      return rate * warm;
    case 'step':
      return rate * warm * gamma ** milestones.filter((milestone) => milestone <= t).length;
    case 'cosine': {
      if (warming) return rate * warm;
      const start = warmUp?.length ?? 0;
      const share = (Math.PI * (t - start)) / (horizon - start);
      return minimum + ((rate - minimum) * (1 + Math.cos(share))) / 2;
    }
  }
}
