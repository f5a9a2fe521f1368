import { chosenFiles } from '../../src/dataset/dataset.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { summaryTypes } from '../classify/fact-types.ts';
import { parameters } from './parameters.ts';

export default defineStage({
  version: 1,
  summary: 'Evaluates loss, accuracy and error along directions: curves over one axis, surfaces over two.',
  with: parameters,
  inputs: {
    model: {
      type: 'checkpoint',
      description: 'The checkpoint θ at λ = 0; a direction made at another one fits, too.',
    },
    x: { type: 'direction', shape: 'either', description: 'One direction, or a folder: one curve each.' },
    y: {
      type: 'direction',
      shape: 'either',
      optional: true,
      description: 'Makes surfaces. Of two folders the members are paired; a single one pairs with all.',
    },
  },
  outputs: { curves: { type: 'curves', extension: '.json' } },
  engine: true,
  files: chosenFiles,
  check: (params, inputs) => [
    ...(inputs.includes('y')
      ? []
      : (['points', 'ranges', 'scale'] as const)
          .filter((name) => Array.isArray(params[name]))
          .map((name) => ({
            pointer: `/${name}`,
            message: 'is of a surface, one for each axis: that needs the input "y", the second direction',
          }))),
    ...[params.range, ...(params.ranges ?? [])]
      .filter(([from, to]) => !(Number.isFinite(from) && Number.isFinite(to) && from < to))
      .map(() => ({
        pointer: params.ranges ? '/ranges' : '/range',
        message: 'must go from a smaller to a larger number',
      })),
    ...([params.scale].flat().every((scale) => Number.isFinite(scale) && scale !== 0)
      ? []
      : [{ pointer: '/scale', message: 'is no finite factor other than 0' }]),
    ...(params.statistics === 'keep' && params.recalibration
      ? [{ pointer: '/recalibration', message: 'means nothing where the statistics are kept' }]
      : []),
  ],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** Categories and stationary points of the curves; of surfaces the smallest and largest loss. */
export const factTypes = /* @__PURE__ */ summaryTypes({
  'smallest-loss': 'number',
  'largest-loss': 'number',
  'multiply-adds': 'number',
});
export const facts: FactsOf = async (outputs) =>
  (await import('./facts.ts')).factsOfCurves(outputs.curves!.path!);
