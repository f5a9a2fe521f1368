import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { fittingFiles } from './files.ts';
import type { HistoryRow } from './history.ts';
import { keptEpochs, parameters } from './parameters.ts';
import { contradictions } from './settings.ts';

export default defineStage({
  version: 1,
  summary: 'Trains a network (SGD, Adam, AdamW) and keeps checkpoints of chosen epochs.',
  with: parameters,
  inputs: {
    from: {
      type: 'checkpoint',
      optional: true,
      description:
        'Where to start instead of an initialisation: fine-tuning (its last layer may be for other classes), or, with resume, going on.',
    },
  },
  outputs: (params) => ({
    checkpoints: {
      type: 'checkpoint',
      extension: '.safetensors',
      members: keptEpochs(params).map(String),
      description: 'One a kept epoch.',
    },
    history: { type: 'table', extension: '.json', description: 'Loss and accuracy after each epoch.' },
  }),
  engine: true,
  files: fittingFiles,
  check: contradictions,
  run: async (context) => (await import('./run.ts')).run(context),
});

/** The last epoch's figures. */
export const factTypes: FactTypes = {
  epochs: 'number',
  'train-loss': 'number',
  'train-accuracy': 'number',
  'test-loss': 'number',
  'test-accuracy': 'number',
};
export const facts: FactsOf = async (outputs) => {
  const { readFile } = await import('node:fs/promises');
  const rows = JSON.parse(await readFile(outputs.history!.path!, 'utf8')) as HistoryRow[];
  const last = rows.at(-1)!;
  return {
    epochs: last.epoch,
    'train-loss': last['train-loss'],
    'train-accuracy': last['train-accuracy'],
    'test-loss': last['test-loss'],
    'test-accuracy': last['test-accuracy'],
  };
};
