/**
 * One case of the numerical benchmark on one engine, in a process of its own: prints a line of JSON. `run.mjs` bundles
 * and starts it.
 *
 *     cases.mjs CASE ENGINE REPETITIONS
 */
import { availableParallelism } from 'node:os';
import { engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { EngineSpec } from '../../src/kind/stage-kind.ts';
import { perceptronCases } from './perceptron.ts';
import { residualCases } from './residual.ts';

const cases = { ...perceptronCases, ...residualCases };

async function main([name, engine, repetitions]: readonly string[]): Promise<void> {
  if (name === 'list') {
    const list = Object.entries(cases).map(([one, { peers, engines, whole }]) => ({
      name: one,
      peers,
      engines,
      whole: whole ?? false,
    }));
    console.log(JSON.stringify(list));
    return;
  }
  const spec = engine as EngineSpec['name'];
  // As for a stage that has the machine to itself.
  const cores = availableParallelism();
  await startEngine({ name: spec, identity: engineIdentity(spec, process.cwd()), cores }, process.cwd());
  const one = cases[name!]!;
  const ready = await one.prepare();
  const samples: { wall: number; cpu: number }[] = [];
  let result: unknown;
  // The first warms up: compilation, and what is kept.
  const count = one.whole ? 0 : Number(repetitions);
  for (let i = 0; i <= count; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    result = await ready.run();
    const { user, system } = process.cpuUsage(used);
    const sample = { wall: (performance.now() - start) / 1e3, cpu: (user + system) / 1e6 };
    if (i > 0 || count === 0) samples.push(sample);
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  const check = await ready.check(result);
  const { numTensors: tensors } = tf.memory();
  console.log(JSON.stringify({ samples, megabytes, tensors, check, note: ready.note?.(result) }));
  // Sessions that are let go write their profiles, where $OROGRAPH_ONNX_PROFILE asks for them.
  tf.removeBackend(tf.getBackend());
}

await main(process.argv.slice(2));
