import Type from 'typebox';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import type { PathTable } from './table.ts';

export default defineStage({
  version: 1,
  summary: 'Projects checkpoints onto one or two directions: the path of a training over its contours.',
  with: Type.Object(
    {
      scale: Type.Number({
        default: 1,
        description: 'The factor s on λ of the curves or surfaces that the path is drawn over.',
      }),
    },
    { additionalProperties: false },
  ),
  inputs: {
    model: { type: 'checkpoint', description: 'The checkpoint θ at λ = 0.' },
    checkpoints: {
      type: 'checkpoint',
      many: true,
      shape: 'either',
      description: 'What is projected, in this order: single checkpoints, or folders of them.',
    },
    x: { type: 'direction' },
    y: { type: 'direction', optional: true },
  },
  outputs: { path: { type: 'table', extension: '.json', description: 'λ of each checkpoint.' } },
  check: ({ scale }) =>
    Number.isFinite(scale) && scale !== 0
      ? []
      : [{ pointer: '/scale', message: 'is no finite factor other than 0' }],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** How far the checkpoints lie from the plane (or line), relative to how far from the model. */
export const factTypes: FactTypes = { points: 'number', 'largest-share-off': 'number' };
export const facts: FactsOf = async ({ path }) => {
  const { readFile } = await import('node:fs/promises');
  const { points } = JSON.parse(await readFile(path!.path!, 'utf8')) as PathTable;
  return {
    points: points.length,
    'largest-share-off': Math.max(
      ...points.map(({ off, distance }) => (distance === 0 ? 0 : off / distance)),
    ),
  };
};
