import type { AugmentationSpec } from '../../src/network/augmentation.ts';
import type { Schedule } from '../../src/network/learning-rate.ts';
import type { LossSpec } from '../../src/network/objective.ts';
import { resolveLoss } from '../../src/network/objective.ts';
import type { Clip, Decayed, OptimiserSpec } from '../../src/network/optimiser.ts';
import type { TrainParameters } from './parameters.ts';

/** What decides a trajectory from a given start on given data: plain JSON, all defaults filled in. */
export interface TrainSettings {
  readonly seed: number;
  readonly batch: number;
  readonly microBatch: number;
  readonly shuffle: boolean;
  readonly loss: LossSpec;
  readonly optimiser: OptimiserSpec;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly decayed: Decayed;
  readonly clip: Clip | null;
  readonly schedule: Schedule;
  readonly augmentation: AugmentationSpec | null;
  readonly measureEvery: number;
}

const defaults = {
  sgd: { learningRate: 0.01, weightDecay: 5e-4 },
  adam: { learningRate: 1e-3, weightDecay: 0 },
  adamw: { learningRate: 1e-3, weightDecay: 0.01 },
} as const;

/** @param stepsPerEpoch optimiser steps. */
export function settingsOf(params: TrainParameters, stepsPerEpoch: number): TrainSettings {
  const { optimiser: name, seed, batch, shuffle, decayed, augment } = params;
  return {
    seed,
    batch,
    microBatch: Math.min(batch, params['micro-batch'] ?? batch),
    shuffle,
    loss: resolveLoss(params.loss),
    optimiser:
      name === 'sgd'
        ? {
            name,
            momentum: params.momentum ?? 0.9,
            dampening: params.dampening ?? 0,
            nesterov: params.nesterov,
          }
        : { name, betas: params.betas ?? [0.9, 0.999], epsilon: params.epsilon ?? 1e-8 },
    learningRate: params['learning-rate'] ?? defaults[name].learningRate,
    weightDecay: params['weight-decay'] ?? defaults[name].weightDecay,
    decayed,
    clip: params.clip ?? null,
    schedule: scheduleOf(params, stepsPerEpoch),
    augmentation: augment ? { crop: augment.crop ?? 4, flip: augment.flip ?? true } : null,
    measureEvery: params['measure-every'],
  };
}

/** Only a cosine without a horizon of its own depends on the number of epochs. */
function scheduleOf(params: TrainParameters, stepsPerEpoch: number): Schedule {
  const { schedule: name, 'schedule-by': by, epochs, 'warm-up': warmUp } = params;
  const whole = by === 'epoch' ? epochs : epochs * stepsPerEpoch;
  return {
    name,
    by,
    milestones: name === 'step' ? [...(params.milestones ?? [])].sort((a, b) => a - b) : [],
    gamma: name === 'step' ? (params.gamma ?? 0.1) : 1,
    minimum: name === 'cosine' ? (params.minimum ?? 0) : 0,
    horizon: name === 'cosine' ? (params.horizon ?? whole) : 0,
    warmUp: warmUp ? { length: warmUp.length, from: warmUp.from ?? 1 / 3 } : null,
  };
}

type Problem = { readonly pointer: string; readonly message: string };

/** What parameters contradict each other in. */
export function contradictions(params: TrainParameters, inputs: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const { optimiser, schedule, epochs, 'schedule-by': by, 'warm-up': warmUp, horizon } = params;
  const refuse = (name: string, message: string) => problems.push({ pointer: `/${name}`, message });
  const belongsTo = (names: readonly (keyof TrainParameters)[], fits: boolean, where: string) => {
    for (const name of names)
      if (!fits && params[name] !== undefined && params[name] !== false)
        refuse(name, `${name} belongs to ${where}`);
  };
  if (params.resume && !inputs.includes('from'))
    refuse('resume', 'needs the input "from", the checkpoint whose training should go on');
  if (params.resume && params.classifier === 'new')
    refuse('resume', 'a new classifier cannot go on where another one was');
  for (const epoch of params.keep ?? [])
    if (epoch > epochs) refuse('keep', `epoch ${epoch} comes after the last, ${epochs}`);
  belongsTo(['momentum', 'dampening', 'nesterov'], optimiser === 'sgd', 'the optimiser sgd');
  belongsTo(['betas', 'epsilon'], optimiser !== 'sgd', 'the optimisers adam and adamw');
  belongsTo(['milestones', 'gamma'], schedule === 'step', 'the schedule step');
  belongsTo(['minimum', 'horizon'], schedule === 'cosine', 'the schedule cosine');
  if (params.nesterov && params.momentum === 0)
    refuse('nesterov', "Nesterov's momentum needs a momentum above 0");
  if (params.nesterov && params.dampening) refuse('nesterov', "Nesterov's momentum needs a dampening of 0");
  if (schedule === 'step' && !params.milestones) refuse('schedule', 'the schedule step needs milestones');
  if (by === 'epoch' && horizon !== undefined && horizon < epochs)
    refuse('horizon', `the cosine ends at ${horizon}, before the last epoch, ${epochs}`);
  const end = horizon ?? (by === 'epoch' ? epochs : undefined);
  if (schedule === 'cosine' && warmUp && end !== undefined && epochs > 0 && warmUp.length >= end)
    refuse('warm-up', `the warm-up of ${warmUp.length} leaves nothing of the cosine's ${end}`);
  return problems;
}
