/**
 * The graphs that every peer builds, and what must come out of them.
 *
 * Knows: stages, what each reads, the right content of every output, and which stages an edit must run again.
 * Refuses to know how any tool is told about it.
 */

/** Inputs of one fan-in stage, and values of the inner axis where a shape is written as a matrix. */
export const fan = 100;
const layers = 10;
/** Stages add their inputs modulo this, so that every output is one short line. */
export const modulus = 1_000_003;

export const shapeNames = ['wide', 'layers'];

/**
 * `wide`: N independent stages, each with a source file of its own, then stages that add 100 outputs each until one
 * is left. `layers`: 10 layers of N/10; stage i of a layer reads stages i, i+1 and i+2 of the layer before.
 * A stage is `{ id, layer, index, sources: [index], needs: [id] }`; they come in topological order.
 */
export function makeGraph(shape, n) {
  if (n % fan !== 0) throw new Error(`the size must be a multiple of ${fan}, not ${n}`);
  const stages = shape === 'wide' ? wide(n) : layered(n);
  const needed = new Set(stages.flatMap((stage) => stage.needs));
  return {
    shape,
    n,
    sources: shape === 'wide' ? n : n / layers,
    layers: Math.max(...stages.map((stage) => stage.layer)) + 1,
    stages,
    sinks: stages.filter((stage) => !needed.has(stage.id)).map((stage) => stage.id),
  };
}

const idOf = (layer, index) => `l${layer}_${index}`;

function wide(n) {
  const stages = [];
  for (let index = 0; index < n; index++)
    stages.push({ id: idOf(0, index), layer: 0, index, sources: [index], needs: [] });
  for (let layer = 1, before = n; before > 1; layer++) {
    const count = Math.ceil(before / fan);
    for (let index = 0; index < count; index++) {
      const first = index * fan;
      const needs = Array.from({ length: Math.min(fan, before - first) }, (_, k) =>
        idOf(layer - 1, first + k),
      );
      stages.push({ id: idOf(layer, index), layer, index, sources: [], needs });
    }
    before = count;
  }
  return stages;
}

function layered(n) {
  const width = n / layers;
  return Array.from({ length: n }, (_, k) => {
    const layer = Math.floor(k / width);
    const index = k % width;
    const needs = layer === 0 ? [] : [0, 1, 2].map((step) => idOf(layer - 1, (index + step) % width));
    return { id: idOf(layer, index), layer, index, sources: layer === 0 ? [index] : [], needs };
  });
}

/** The oracle: stage id to the number that its output must hold, from the numbers in the source files. */
export function expectedOutputs(graph, sourceValues) {
  const values = new Map();
  for (const { id, sources, needs } of graph.stages) {
    let sum = 0;
    for (const index of sources) sum += sourceValues[index];
    for (const need of needs) sum += values.get(need);
    values.set(id, sum % modulus);
  }
  return values;
}

/** Stages whose output changes when the number in one source file does, itself included. */
export function downstreamOf(graph, source) {
  const hit = new Set();
  for (const { id, sources, needs } of graph.stages)
    if (sources.includes(source) || needs.some((need) => hit.has(need))) hit.add(id);
  return hit;
}
