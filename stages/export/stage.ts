import { defineStage, type OutputSpec } from '../../src/kind/stage-kind.ts';
import { type Format, parameters } from './parameters.ts';

const outputs: Readonly<Record<Format, Omit<OutputSpec, 'type'>>> = {
  csv: {
    extension: '.csv',
    folder: true,
    description: 'A file for each curves file, with a row a grid point, and for each sheet of a table.',
  },
  npy: {
    extension: '.npy',
    folder: true,
    description: 'An array for each metric and direction, or column of a table, for NumPy.',
  },
  vtp: { extension: '.vtp', folder: true, description: 'Surfaces and lines in space, for ParaView.' },
  hdf5: { extension: '.h5', description: 'All of it in one file.' },
};

/** Numbers for other programs: what figures show, with nothing left out. */
export default defineStage({
  version: 1,
  summary: 'Writes curves, surfaces and tables for other programs: CSV, NumPy, ParaView (VTK), HDF5.',
  with: parameters,
  inputs: {
    curves: { type: 'curves', many: true, optional: true, description: 'Curves and surfaces.' },
    tables: {
      type: 'table',
      many: true,
      optional: true,
      description: 'Spectra, eigenvalues, angles, changes of the loss, histories: tables of any stage kind.',
    },
  },
  outputs: (params): Readonly<Record<string, OutputSpec>> =>
    Object.fromEntries(params.formats.map((format) => [format, { type: 'file', ...outputs[format] }])),
  run: async (context) => (await import('./run.ts')).run(context),
});
