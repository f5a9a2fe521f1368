import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf, type OutputSpec } from '../../src/kind/stage-kind.ts';
import {
  type DirectionParameters,
  type directionKinds,
  membersOf,
  parameters,
  scalingOf,
} from './parameters.ts';
import type { VarianceTable } from './table.ts';

type Kind = (typeof directionKinds)[number];

/** Parameters that only some kinds of direction read. */
const readBy: Readonly<Record<string, readonly Kind[]>> = {
  seed: ['gaussian', 'uniform', 'negative-gradient'],
  count: ['gaussian', 'uniform', 'negative-gradient', 'principal'],
  coefficients: ['combination'],
  centred: ['principal'],
  dataset: ['negative-gradient'],
  split: ['negative-gradient'],
  examples: ['negative-gradient'],
};

export default defineStage({
  version: 2,
  summary:
    'Makes perturbation directions at a checkpoint: random, the negative gradient, towards another checkpoint, principal components, combinations.',
  with: parameters,
  inputs: {
    model: { type: 'checkpoint', description: 'The checkpoint θ that is perturbed.' },
    to: {
      type: 'checkpoint',
      optional: true,
      description: 'Of difference: the checkpoint at the other end.',
    },
    of: {
      type: 'direction',
      optional: true,
      many: true,
      shape: 'either',
      description: 'Of combination: the directions that are added.',
    },
    trajectory: {
      type: 'checkpoint',
      optional: true,
      many: true,
      shape: 'either',
      description: 'Of principal: checkpoints of one training, or of several.',
    },
    against: {
      type: 'direction',
      optional: true,
      many: true,
      shape: 'either',
      description: 'Directions to which the result is made orthogonal (Gram-Schmidt).',
    },
    like: {
      type: 'direction',
      optional: true,
      description: 'Of scaling norm-of: whose norm the direction gets.',
    },
  },
  outputs: (params): Readonly<Record<string, OutputSpec>> => {
    const members = membersOf(params);
    return {
      direction: { type: 'direction', extension: '.safetensors', ...(members ? { members } : {}) },
      ...(params.kind === 'principal'
        ? { variance: { type: 'table', extension: '.json', description: 'Explained by each component.' } }
        : {}),
    };
  },
  engine: true,
  files: ({ dataset }, root) => chosenFiles(dataset === undefined ? {} : { dataset }, root),
  check: (params, inputs) => [
    ...missing(params),
    ...wiring(params, inputs),
    ...Object.entries(readBy)
      .filter(
        ([name, kinds]) => params[name as keyof typeof params] !== undefined && !kinds.includes(params.kind),
      )
      .map(([name, kinds]) => ({
        pointer: `/${name}`,
        message: `means nothing for the kind ${params.kind}, only for ${kinds.join(' and ')}`,
      })),
    ...(Number.isFinite(params.scale) && params.scale !== 0
      ? []
      : [{ pointer: '/scale', message: 'is no finite factor other than 0' }]),
    ...(params.orthogonal && !membersOf(params)
      ? [{ pointer: '/orthogonal', message: 'means nothing for a single direction: give a count' }]
      : []),
    ...(params.coefficients?.every(Number.isFinite) === false
      ? [{ pointer: '/coefficients', message: 'must be finite numbers' }]
      : []),
  ],
  run: async (context) => (await import('./run.ts')).run(context),
});

/** Inputs that are optional as long as no parameter asks for them, and what asks. */
const asked = [
  { input: 'to', pointer: '/kind', by: 'difference', what: 'the checkpoint at the other end' },
  { input: 'of', pointer: '/kind', by: 'combination', what: 'the directions that are added' },
  { input: 'trajectory', pointer: '/kind', by: 'principal', what: 'the checkpoints' },
  { input: 'like', pointer: '/scaling', by: 'norm-of', what: 'the direction whose norm is taken' },
] as const;

/** Inputs that are missing, and inputs that nothing would read. */
function wiring(params: DirectionParameters, inputs: readonly string[]) {
  const { kind } = params;
  const { scaling } = scalingOf(params);
  return asked.flatMap(({ input, pointer, by, what }) => {
    const given = inputs.includes(input);
    if (given === (kind === by || scaling === by)) return [];
    const message = given
      ? `the input "${input}" is read by the ${pointer.slice(1)} ${by} only`
      : `the ${pointer.slice(1)} ${by} needs the input "${input}", ${what}`;
    return [{ pointer, message }];
  });
}

function missing({ kind, seed, count, examples }: DirectionParameters) {
  const problem = (message: string) => [{ pointer: '', message }];
  if (seed === undefined) {
    if (kind === 'gaussian' || kind === 'uniform') return problem(`a ${kind} direction needs a seed`);
    if (kind === 'negative-gradient' && count !== undefined)
      return problem('several batches need a seed to be drawn with');
  } else if (kind === 'negative-gradient' && examples === undefined)
    return problem('a seed draws a batch: it needs the number of its examples');
  return [];
}

/** Of principal components: what part of the variance they explain, together and each. */
export const factTypes: FactTypes = { explained: 'number', 'explained-*': 'number' };
export const facts: FactsOf = async ({ variance }) => {
  if (!variance) return {};
  const { readFile } = await import('node:fs/promises');
  const { explained, components } = JSON.parse(await readFile(variance.path!, 'utf8')) as VarianceTable;
  const kept = explained.slice(0, components);
  return {
    explained: kept.reduce((a, b) => a + b, 0),
    ...Object.fromEntries(kept.map((share, k) => [`explained-${k + 1}`, share])),
  };
};
