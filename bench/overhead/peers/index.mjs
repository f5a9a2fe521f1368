import { bare } from './bare.mjs';
import { doit } from './doit.mjs';
import { make } from './make.mjs';
import { ninja, ninjaRestat } from './ninja.mjs';
import { orographMatrix, orographSpelled } from './orograph.mjs';
import { snakemake } from './snakemake.mjs';
import { wireit } from './wireit.mjs';

/**
 * A peer is `{ name, detect, emit, writesIfChanged?, operations?, ours? }`. `detect` gives the version, or null where
 * the tool is not installed. `emit(tree)` writes what the tool needs and gives `{ command, env?, memory, file,
 * comment, resultOf? }`: what to run, the paths in which the tool remembers, the file in which a comment is edited and
 * how, and where the output of a stage is to be seen.
 */
export const peers = [
  orographMatrix,
  orographSpelled,
  bare,
  ninja,
  ninjaRestat,
  make,
  doit,
  snakemake,
  wireit,
];
