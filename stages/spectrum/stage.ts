import { chosenFiles } from '../../src/dataset/dataset.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { parameters } from './parameters.ts';
import type { SpectrumTable } from './table.ts';

export default defineStage({
  version: 1,
  summary: "Estimates the density of the Hessian's eigenvalues, its trace and its Frobenius norm.",
  with: parameters,
  inputs: { model: { type: 'checkpoint', description: 'The checkpoint θ at which the Hessian is taken.' } },
  outputs: {
    spectrum: { type: 'table', extension: '.json', description: 'Density, Ritz values, trace, norm.' },
  },
  engine: true,
  files: chosenFiles,
  run: async (context) => (await import('./run.ts')).run(context),
});

/** Extremes are the outermost Ritz values, trace and norm estimates. */
export const factTypes: FactTypes = {
  'smallest-ritz-value': 'number',
  'largest-ritz-value': 'number',
  trace: 'number',
  'trace-standard-error': 'number',
  'trace-probes': 'number',
  'frobenius-norm': 'number',
  products: 'number',
};
export const facts: FactsOf = async (outputs) => {
  const { readFile } = await import('node:fs/promises');
  const table = JSON.parse(await readFile(outputs.spectrum!.path!, 'utf8')) as SpectrumTable;
  const nodes = table.probes.flatMap((probe) => probe.nodes);
  return {
    'smallest-ritz-value': Math.min(...nodes),
    'largest-ritz-value': Math.max(...nodes),
    ...(table.trace
      ? {
          trace: table.trace.value,
          'trace-standard-error': table.trace.standardError,
          'trace-probes': table.trace.probes,
        }
      : {}),
    ...(table.frobenius ? { 'frobenius-norm': table.frobenius.value } : {}),
    products: table.products,
  };
};
