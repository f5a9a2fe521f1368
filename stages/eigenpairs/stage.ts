import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf, type OutputSpec } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';
import type { EigenTable } from './table.ts';

const directions = (count: number, description: string): OutputSpec => ({
  type: 'direction',
  extension: '.safetensors',
  members: Array.from({ length: count }, (_, i) => String(i + 1)),
  description,
});

export default defineStage({
  version: 1,
  summary:
    'Computes the largest and smallest eigenvalues of the Hessian and their eigenvectors as directions.',
  with: parameters,
  inputs: { model: { type: 'checkpoint', description: 'The checkpoint θ at which the Hessian is taken.' } },
  outputs: (params): Readonly<Record<string, OutputSpec>> => ({
    values: { type: 'table', extension: '.json', description: 'Eigenvalues and residuals.' },
    ...(params.largest > 0
      ? { positive: directions(params.largest, 'P.E.: 1 is of the largest eigenvalue.') }
      : {}),
    ...(params.smallest > 0
      ? { negative: directions(params.smallest, 'N.E.: 1 is of the smallest eigenvalue.') }
      : {}),
  }),
  engine: true,
  files: chosenFiles,
  check: (params) => [
    ...(params.largest + params.smallest > 0
      ? []
      : [{ pointer: '', message: 'asks for no eigenpairs: largest and smallest are both 0' }]),
    ...(params.basis >= 2 * (params.largest + params.smallest)
      ? []
      : [
          {
            pointer: '/basis',
            message: `is less than twice the number of pairs, ${params.largest + params.smallest}`,
          },
        ]),
    ...(params['max-products'] >= 2 * params.basis
      ? []
      : [{ pointer: '/max-products', message: `is less than twice the basis, ${params.basis}` }]),
  ],
  run: async (context) => (await import('./run.ts')).run(context),
});

export const factTypes: FactTypes = {
  'largest-eigenvalue': 'number',
  'smallest-eigenvalue': 'number',
  converged: 'boolean',
  products: 'number',
};
export const facts: FactsOf = async (outputs) => {
  const { readFile } = await import('node:fs/promises');
  const table = JSON.parse(await readFile(outputs.values!.path!, 'utf8')) as EigenTable;
  return {
    ...(table.largest[0] ? { 'largest-eigenvalue': table.largest[0].value } : {}),
    ...(table.smallest[0] ? { 'smallest-eigenvalue': table.smallest[0].value } : {}),
    converged: table.converged,
    products: table.products,
  };
};
