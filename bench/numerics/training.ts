import type { Dataset } from '../../src/dataset/dataset.ts';
import type { Examples } from '../../src/network/examples.ts';
import type { Network } from '../../src/network/network.ts';
import { crossEntropy } from '../../src/network/objective.ts';
import { initialState } from '../../src/network/running-statistics.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { Trainer } from '../../stages/train/trainer.ts';

/** The training of the stage `train`: SGD, momentum .9, weight decay 5e-4, batches of 128 in order, nothing measured. */
export function trainerOf(
  network: Network,
  parameters: ParameterVector,
  examples: Examples,
  learningRate: number,
): { epoch(): Promise<void>; losses(): Promise<number[]> } {
  const settings = {
    seed: 1,
    batch: 128,
    microBatch: 128,
    shuffle: false,
    loss: crossEntropy,
    optimiser: { name: 'sgd', momentum: 0.9, dampening: 0, nesterov: false },
    learningRate,
    weightDecay: 5e-4,
    decayed: 'all',
    clip: null,
    schedule: {
      name: 'constant',
      by: 'epoch',
      milestones: [],
      gamma: 1,
      minimum: 0,
      horizon: 0,
      warmUp: null,
    },
    augmentation: null,
    measureEvery: 1e9,
  } as const;
  // Its identity matters to augmentation alone.
  const dataset = { train: examples, test: { ...examples, count: 0 }, classNames: [] } as unknown as Dataset;
  const trainer = new Trainer(settings, network, dataset, { parameters, statistics: initialState(network) });
  const { signal } = new AbortController();
  let begun = false;
  return {
    async epoch() {
      if (!begun) await trainer.measureBeginning();
      begun = true;
      await trainer.advance(trainer.step + trainer.stepsPerEpoch, signal);
    },
    /** Each epoch's mean loss of its batches. */
    async losses() {
      const { history } = await trainer.state();
      return history.slice(1).map((row) => row['batch-loss']!);
    },
  };
}
