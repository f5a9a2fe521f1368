import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf, type OutputSpec } from '../../src/kind/stage-kind.ts';
import type { DescentRow } from './descent.ts';
import { keptEpochs, parameters } from './parameters.ts';

export default defineStage({
  version: 1,
  summary: 'Mines directions by gradient descent: w-peak (Algorithm 1) and vvv-basin (Algorithm 2).',
  with: parameters,
  inputs: {
    model: { type: 'checkpoint', description: 'The checkpoint θ.' },
    start: { type: 'checkpoint', optional: true, description: 'Of vvv-basin: where φ starts.' },
  },
  outputs: (params): Readonly<Record<string, OutputSpec>> => ({
    direction: {
      type: 'direction',
      extension: '.safetensors',
      description: 'ε of Algorithm 1, φ - θ of Algorithm 2, unscaled.',
      ...(params.keep ? { members: keptEpochs(params).map(String) } : {}),
    },
    history: { type: 'table', extension: '.json', description: 'Losses and the norm after each epoch.' },
  }),
  engine: true,
  files: chosenFiles,
  check: (params, inputs) => [
    ...keptEpochs(params)
      .filter((epoch) => epoch > params.epochs)
      .map((epoch) => ({
        pointer: '/keep',
        message: `epoch ${epoch} comes after the last, ${params.epochs}`,
      })),
    ...(params.kind === 'w-peak' && params['start-seed'] !== undefined
      ? [{ pointer: '/start-seed', message: 'means nothing for the kind w-peak, which starts at 0' }]
      : []),
    ...(params.kind === 'vvv-basin' && params['start-seed'] === undefined && !inputs.includes('start')
      ? [
          {
            pointer: '/kind',
            message: 'a vvv-basin needs a place where φ starts: start-seed, or the input "start"',
          },
        ]
      : []),
    ...(params.kind === 'w-peak' && inputs.includes('start')
      ? [{ pointer: '/kind', message: 'the input "start" is read by the kind vvv-basin only' }]
      : []),
  ],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** The last epoch's row. */
export const factTypes: FactTypes = {
  epoch: 'number',
  loss: 'number',
  'loss-between': 'number',
  norm: 'number',
  gradients: 'number',
};
export const facts: FactsOf = async (outputs) => {
  const { readFile } = await import('node:fs/promises');
  const rows = JSON.parse(await readFile(outputs.history!.path!, 'utf8')) as DescentRow[];
  const { 'learning-rate': _, ...last } = rows.at(-1)!;
  return last;
};
