import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fan } from '../shapes.mjs';

const root = join(import.meta.dirname, '..', '..', '..');
const main = join(root, 'dist', 'cli', 'main.js');
const output = 'outputs: { sum: sum.txt }';
const command = (tree, ...inputs) =>
  `command: "sh ${tree.program} \${{ outputs.sum }} ${inputs.map((name) => `\${{ inputs.${name} }}`).join(' ')}"`;
const entry = (name, lines) => `  ${name}:\n${lines.map((line) => `    ${line}\n`).join('')}`;
const padded = (value, digits) => String(value).padStart(digits, '0');

/** Every stage by itself. */
function spelledOut(tree) {
  return tree.graph.stages.map((stage) => {
    const lone = stage.sources.length > 0;
    const inputs = lone
      ? `source: { file: ${tree.source(stage.sources[0])} }`
      : `terms: [${stage.needs.join(', ')}]`;
    return entry(stage.id, [command(tree, lone ? 'source' : 'terms'), `inputs: { ${inputs} }`, output]);
  });
}

/** Two axes; a fan-in stage reads the instances of its group. Later fan-ins are few and take all of what is before. */
function wideMatrix(tree) {
  const { n } = tree.graph;
  const groups = JSON.stringify(Array.from({ length: n / fan }, (_, i) => padded(i, 3)));
  const places = JSON.stringify(Array.from({ length: fan }, (_, i) => padded(i, 2)));
  const stages = [
    entry('l0', [
      `matrix: { group: ${groups}, place: ${places} }`,
      command(tree, 'source'),
      'inputs: { source: { file: "in/${{ matrix.group }}${{ matrix.place }}.txt" } }',
      output,
    ]),
    entry('l1', [
      `matrix: { group: ${groups} }`,
      command(tree, 'terms'),
      'inputs: { terms: "l0[group=${{ matrix.group }}]" }',
      output,
    ]),
  ];
  if (n > fan) stages.push(entry('l2', [command(tree, 'terms'), 'inputs: { terms: l1 }', output]));
  return stages;
}

/** There is no arithmetic in a pipeline: the axis holds, beside each place, its two neighbours. */
function layersMatrix(tree) {
  const width = tree.graph.sources;
  return Array.from({ length: tree.graph.layers }, (_, layer) => {
    const inputs =
      layer === 0
        ? 'inputs: { source: { file: "in/${{ matrix.place.name }}.txt" } }'
        : `inputs: { ${['name', 'next', 'last']
            .map((field) => `${field}: "l${layer - 1}[place=\${{ matrix.place.${field} }}]"`)
            .join(', ')} }`;
    const names = layer === 0 ? ['source'] : ['name', 'next', 'last'];
    return entry(`l${layer}`, [
      'matrix: { place: "${{ params.places }}" }',
      command(tree, ...names),
      inputs,
      output,
    ]);
  }).concat(`params:\n  places:\n${placeLines(width)}`);
}

function placeLines(width) {
  const name = (i) => padded(i % width, 5);
  const line = (i) => `    - { name: "${name(i)}", next: "${name(i + 1)}", last: "${name(i + 2)}" }\n`;
  return Array.from({ length: width }, (_, i) => line(i)).join('');
}

const orographPeer = (name, matrix) => ({
  name,
  ours: true,
  detect() {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return `${version} on Node ${process.versions.node}`;
  },
  /** Commands run in a folder of their own and know no paths but what they are handed. */
  emit(tree) {
    const write = !matrix ? spelledOut : tree.graph.shape === 'wide' ? wideMatrix : layersMatrix;
    tree.write('pipeline.yaml', `pipeline: bench\nstages:\n${write(tree).join('')}`);
    return {
      command: [process.execPath, main, 'run', 'pipeline.yaml', '--jobs', '2'],
      memory: ['cache', 'artifacts'],
      file: 'pipeline.yaml',
      comment: (text, n) => `${text}# ${n}\n`,
      resultOf: (stage) => `artifacts/bench/${folderOf(tree.graph, stage, matrix)}/sum.txt`,
    };
  },
});

/** Where the published copy of a stage lies. */
function folderOf({ shape }, { id, layer, index }, matrix) {
  if (!matrix) return id;
  if (shape === 'layers') return `l${layer}/place=${padded(index, 5)}`;
  if (layer === 0) return `l0/group=${padded(Math.floor(index / fan), 3)},place=${padded(index % fan, 2)}`;
  return layer === 1 ? `l1/group=${padded(index, 3)}` : `l${layer}`;
}

export const orographMatrix = orographPeer('orograph matrix', true);
export const orographSpelled = orographPeer('orograph spelled out', false);
