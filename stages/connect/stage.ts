import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';

export default defineStage({
  version: 1,
  summary: 'Trains a low-loss curve between two networks (mode connectivity) and evaluates it.',
  with: parameters,
  inputs: {
    model: { type: 'checkpoint', description: 'The network at t = 0.' },
    to: { type: 'checkpoint', description: 'The network at t = 1.' },
  },
  outputs: ({ bends }) => ({
    bends: {
      type: 'checkpoint',
      extension: '.safetensors',
      members: Array.from({ length: bends }, (_, b) => String(b + 1)),
      description: 'The trained control points between the two.',
    },
    curves: {
      type: 'curves',
      extension: '.json',
      description: 'Loss over t along the curve, and along the straight line.',
    },
    history: { type: 'table', extension: '.json', description: 'The loss of each epoch.' },
  }),
  engine: true,
  files: chosenFiles,
  run: async (context) => (await import('./run.ts')).run(context),
});

/** How high the curve and the straight line rise above the higher of their ends. */
export const factTypes: FactTypes = { barrier: 'number', 'straight-barrier': 'number' };
export const facts: FactsOf = async ({ curves }) => {
  const { readFile } = await import('node:fs/promises');
  const { decodeCurves } = await import('../../src/landscape/curves.ts');
  const { series } = decodeCurves(await readFile(curves!.path!, 'utf8'));
  const barrier = (loss: readonly number[]): number => Math.max(...loss) - Math.max(loss[0]!, loss.at(-1)!);
  return {
    barrier: barrier(series[0]!.metrics.loss!),
    'straight-barrier': barrier(series[1]!.metrics.loss!),
  };
};
