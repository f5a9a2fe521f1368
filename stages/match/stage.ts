import Type from 'typebox';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import type { MatchTable } from './table.ts';

export default defineStage({
  version: 1,
  summary:
    "Puts a network's hidden units and channels into the order that fits another best (weight matching): the same function, nearer by.",
  with: Type.Object(
    {
      seed: Type.Integer({
        default: 1,
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Of the order in which groups of units are matched.',
      }),
    },
    { additionalProperties: false },
  ),
  inputs: {
    model: { type: 'checkpoint', description: 'The network that is matched; it stays as it is.' },
    to: { type: 'checkpoint', description: 'The network whose units change places.' },
  },
  outputs: {
    checkpoint: { type: 'checkpoint', extension: '.safetensors', description: 'The input `to`, permuted.' },
    matching: { type: 'table', extension: '.json', description: 'The permutations and the distances.' },
  },
  run: async (context) => (await import('./run.ts')).run(context),
});

export const factTypes: FactTypes = {
  'distance-before': 'number',
  'distance-after': 'number',
  'units-moved': 'number',
  sweeps: 'number',
};
export const facts: FactsOf = async ({ matching }) => {
  const { readFile } = await import('node:fs/promises');
  const { distance, sweeps, groups } = JSON.parse(await readFile(matching!.path!, 'utf8')) as MatchTable;
  const moved = groups.reduce(
    (sum, { permutation }) => sum + permutation.filter((from, i) => from !== i).length,
    0,
  );
  return {
    'distance-before': distance.before,
    'distance-after': distance.after,
    'units-moved': moved,
    sweeps,
  };
};
