import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { learningRateAt, type Schedule } from '../../src/network/learning-rate.ts';
import { toVector } from '../../src/network/loss.ts';
import { type Clip, clipped, decayOf, type OptimiserSpec } from '../../src/network/optimiser.ts';
import { startOptimiser } from '../../src/network/start-optimiser.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import { engineWithoutLeaks } from '../support/tensors.ts';

type Nested = readonly (number | Nested)[];
interface TorchSettings {
  readonly lr: number;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  readonly betas?: [number, number];
  readonly eps?: number;
  readonly weight_decay?: number;
}
const reference = JSON.parse(readFileSync(new URL('../oracle/training.json', import.meta.url), 'utf8')) as {
  optimisers: {
    start: Nested[];
    gradients: Nested[][];
    settings: Record<string, TorchSettings>;
    runs: Record<string, Nested[][]>;
  };
  schedules: Record<string, number[]>;
};
const { start, gradients, settings, runs } = reference.optimisers;
const numbers = (nested: Nested): number[] => nested.flat(2) as number[];
const theta: ParameterVector = [
  { name: 'dense1/kernel', shape: [3, 2], values: Float32Array.from(numbers(start[0]!)) },
  { name: 'dense1/bias', shape: [2], values: Float32Array.from(numbers(start[1]!)) },
];
const clips: Record<string, Clip | undefined> = {
  none: undefined,
  norm: { norm: 1.5 },
  value: { value: 0.5 },
};

function specOf(name: string, torch: TorchSettings): OptimiserSpec {
  const { momentum = 0, dampening = 0, nesterov = false, betas = [0.9, 0.999], eps = 1e-8 } = torch;
  if (name.startsWith('sgd')) return { name: 'sgd', momentum, dampening, nesterov };
  return { name: name.startsWith('adamw') ? 'adamw' : 'adam', betas, epsilon: eps };
}

describe('optimisers against PyTorch in float64', () => {
  engineWithoutLeaks();

  test.each(Object.keys(runs))('%s: the parameters after each of six steps', async (title) => {
    const [, name, clip, decayed] = /^(.*), clip (.*), decay (.*)$/.exec(title) as unknown as string[];
    const torch = settings[name!]!;
    const spec = specOf(name!, torch);
    const decay = decayOf(theta, torch.weight_decay ?? 0, decayed as 'all');
    let optimiser = startOptimiser(spec, decay, theta);
    for (const [step, gradient] of gradients.entries()) {
      let tensors = gradient.map((g) => tf.tensor(g as number[]));
      if (clips[clip!]) tensors = clipped(tensors, clips[clip!]!);
      optimiser.step(tensors, torch.lr);
      tf.dispose(tensors);
      const now = await toVector(optimiser.parameters, theta);
      now.forEach(({ values }, t) => {
        const wanted = numbers(runs[title]![step]![t] as Nested);
        wanted.forEach((w, i) => {
          // Some ten roundings a step of numbers below 4.
          expect(Math.abs(values[i]! - w), `step ${step + 1}`).toBeLessThan(3e-6);
        });
      });
      if (step !== 2) continue;
      // Read back and started anew it goes on: what it remembers is all that it needs.
      const slots: Record<string, ParameterVector> = {};
      for (const [slot, list] of Object.entries(optimiser.slots)) slots[slot] = await toVector(list, theta);
      optimiser.dispose();
      optimiser = startOptimiser(spec, decay, now, step + 1, slots);
    }
    optimiser.dispose();
  });

  test('a gradient of no length is not divided by it', async () => {
    const [zero] = clipped([tf.zeros([3])], { norm: 1 });
    expect([...(await zero!.data())]).toEqual([0, 0, 0]);
    zero!.dispose();
  });
});

test('weight decay acts on parameters by name', () => {
  expect(decayOf(theta, 0.1, 'weights')).toEqual([0.1, 0]);
  expect(decayOf(theta, 0.1, ['*/bias'])).toEqual([0, 0.1]);
  expect(decayOf(theta, 0.1, ['dense*'])).toEqual([0.1, 0.1]);
  expect(decayOf(theta, 0.1, ['dense1/kernel'])).toEqual([0.1, 0]);
  expect(() => decayOf(theta, 0.1, ['dense.*'])).toThrow(/fits none of the network's parameters/);
});

describe('learning rates against PyTorch’s schedulers', () => {
  const plain: Schedule = {
    name: 'constant',
    by: 'step',
    milestones: [],
    gamma: 1,
    minimum: 0,
    horizon: 0,
    warmUp: null,
  };
  const warmUp = { length: 3, from: 0.1 };
  const step = { ...plain, name: 'step', milestones: [4, 7, 7], gamma: 0.3 } as const;
  const cosine = { ...plain, name: 'cosine', horizon: 10 } as const;
  const cases: Record<string, Schedule> = {
    step,
    cosine,
    'cosine to 0.01': { ...cosine, minimum: 0.01 },
    'constant, warm-up': { ...plain, warmUp },
    'step, warm-up': { ...step, warmUp },
    'cosine, warm-up': { ...cosine, warmUp },
  };
  test.each(Object.entries(cases))('%s', (name, schedule) => {
    const wanted = reference.schedules[name]!;
    expect(wanted).toHaveLength(10);
    wanted.forEach((rate, t) => {
      expect(Math.abs(learningRateAt(schedule, 0.2, t) / rate - 1)).toBeLessThan(1e-10);
    });
  });
  test('none is left out', () => {
    expect(Object.keys(cases)).toEqual(Object.keys(reference.schedules));
  });
});
