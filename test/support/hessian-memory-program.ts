/**
 * A program of its own for a test of memory: `node hessian-memory-program.mjs ENGINE DEPTH EXAMPLES MEGABYTES`, bundled.
 * Multiplies twice with the Hessian of a ResNet over as many examples, in the micro-batches that the megabytes allow,
 * as the kind `eigenpairs` does, and prints the process' resident memory before and its largest.
 */
import { startEngine } from '../../src/engine/engine.ts';
import { buildNetwork } from '../../src/network/architectures.ts';
import type { Examples } from '../../src/network/examples.ts';
import { Hessian } from '../../src/network/hessian.ts';
import { microBatch } from '../../src/network/hessian-batch.ts';
import { evaluationMode } from '../../src/network/loss.ts';
import { initialState } from '../../src/network/running-statistics.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { Random } from '../../src/util/random.ts';

const [engine, depth, count, megabytes] = process.argv.slice(2) as [string, string, string, string];
await startEngine({ name: engine as 'onnx' | 'wasm', identity: {}, onnx: { threads: 1 } }, packageRoot());

const features = 3 * 16 * 16;
const network = buildNetwork({
  name: 'resnet',
  depth: Number(depth),
  shortcut: 'A',
  inputs: features,
  classes: 3,
});
const theta = network.initialise('he', 1);
const fixed = evaluationMode(network, initialState(network));
const examples: Examples = {
  count: Number(count),
  features,
  classes: 3,
  labels: Uint8Array.from({ length: Number(count) }, (_, i) => i % 3),
  inputs: (indices) => new Random([12, 'pixels', indices[0]!]).gaussians(indices.length * features),
};
const half = Number(megabytes) * 2 ** 19;
const before = process.memoryUsage.rss() / 2 ** 20;
const batch = await microBatch(fixed.network, theta, half);
const hessian = new Hessian(fixed.network, theta, examples, { batch, keptBytes: half });
const v = new Random([12, 'v']).gaussians(hessian.dimension);
for (let p = 0; p < 2; p++) await hessian.product(v);
hessian.dispose();
fixed.dispose();
console.log(JSON.stringify({ batch, before, most: process.resourceUsage().maxRSS / 1024 }));
