import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Instance, Plan } from '../../src/plan/plan.ts';
import { Engines } from '../../src/run/engines.ts';
import { CliWorkspace } from '../support/cli.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

/** Writes files of packages into a workspace's node_modules. */
function installed(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, 'node_modules', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const manifest = (name: string, version: string): Record<string, string> => ({
  [`${name}/package.json`]: JSON.stringify({ name, version, main: 'index.js' }),
});

/** onnxruntime-node as its files lie, with a library that is none: what Node says of one for another libc. */
const brokenOnnx = {
  ...manifest('onnxruntime-node', '1.30.0'),
  [`onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`]: 'no library',
  'onnxruntime-node/dist/binding.js': `
    require('fs').appendFileSync(__dirname + '/../../../trials', 'x');
    console.log('a library may print');
    module.exports = require('../bin/napi-v6/' + process.platform + '/' + process.arch + '/onnxruntime_binding.node');`,
};

const tensorflow = (name: string, gpu: boolean): Record<string, string> => ({
  ...manifest(`@tensorflow/${name}`, '4.22.0'),
  [`@tensorflow/${name}/lib/napi-v8/tfjs_binding.node`]: '',
  [`@tensorflow/${name}/index.js`]: `
    require('fs').appendFileSync(__dirname + '/../../../trials', 'x');
    module.exports = { ready: async () => {}, backend: () => ({ isUsingGpuDevice: ${gpu} }) };`,
});

function pick(root: string, cache?: string) {
  const plan = { root, engine: { name: 'auto' } } as unknown as Plan;
  const engines = new Engines(plan, undefined, cache);
  const { name } = engines.of({ tensors: true } as Instance)!;
  return { name, warnings: engines.warnings };
}
const trials = (root: string): number =>
  existsSync(join(root, 'trials')) ? readFileSync(join(root, 'trials'), 'utf8').length : 0;

describe('engine: auto', () => {
  it('passes over an onnxruntime-node that does not load, says why, and tries it once', () => {
    const root = scratchFolder('auto');
    const cache = join(root, 'cache');
    installed(root, brokenOnnx);
    const first = pick(root, cache);
    expect(first.name).toBe('wasm');
    expect(first.warnings).toHaveLength(1);
    expect(first.warnings[0]).toMatchObject({
      severity: 'warning',
      code: 'engine-passed-over',
      message: expect.stringMatching(
        /picks wasm in place of onnx: onnxruntime-node 1\.30\.0: .*onnxruntime_binding\.node/,
      ),
    });
    expect(pick(root, cache)).toEqual(first);
    expect(trials(root)).toBe(1);
    // A repaired installation is another one.
    installed(root, { 'onnxruntime-node/dist/binding.js': 'exports.initOrt = () => {};' });
    expect(pick(root, cache)).toEqual({ name: 'onnx', warnings: [] });
    expect(trials(root)).toBe(1);
  });

  it('tries again where nothing is remembered, or what is remembered is damaged', () => {
    const root = scratchFolder('auto');
    const cache = join(root, 'cache');
    installed(root, brokenOnnx);
    for (let i = 1; i <= 2; i++) {
      expect(pick(root).name).toBe('wasm');
      expect(trials(root)).toBe(i);
    }
    expect(existsSync(cache)).toBe(false);
    pick(root, cache);
    const [record] = readdirSync(join(cache, 'engines'));
    appendFileSync(join(cache, 'engines', record!), 'x');
    expect(pick(root, cache).name).toBe('wasm');
    expect(trials(root)).toBe(4);
    expect(pick(root, cache).name).toBe('wasm');
    expect(trials(root)).toBe(4);
  });

  it('takes tfjs-node-gpu where a GPU answers, and tfjs-node for the processor only where it is named', () => {
    const broken = scratchFolder('auto');
    installed(broken, { ...brokenOnnx, ...tensorflow('tfjs-node', true) });
    expect(pick(broken).name).toBe('wasm');

    const without = scratchFolder('auto');
    installed(without, { ...brokenOnnx, ...tensorflow('tfjs-node-gpu', false) });
    const { name, warnings } = pick(without);
    expect(name).toBe('wasm');
    expect(warnings.map(({ message }) => message)[0]).toBe(
      'engine: auto picks wasm in place of tensorflow: @tensorflow/tfjs-node-gpu 4.22.0: no NVIDIA GPU answers',
    );

    const root = scratchFolder('auto');
    installed(root, { ...brokenOnnx, ...tensorflow('tfjs-node-gpu', true) });
    expect(pick(root)).toEqual({ name: 'tensorflow', warnings: [] });
    // Nothing that comes after it is tried.
    expect(trials(root)).toBe(1);
  });

  it('lets a run compute on wasm where onnxruntime-node is broken; the doctor says so', async () => {
    const w = new CliWorkspace({
      'p.yaml':
        'pipeline: p\nstages:\n  model: { uses: train, with: { network: mlp, dataset: cifar10-mini, epochs: 0, seed: 1 } }\n',
    });
    installed(w.folder, brokenOnnx);
    const run = await w.run('run', 'p.yaml', '--json');
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    const of = (type: string) => run.events.filter((event) => event.type === type);
    expect(of('run-started')[0]).toMatchObject({ engine: 'wasm' });
    expect(of('diagnostic')).toMatchObject([{ diagnostic: { code: 'engine-passed-over' } }]);
    expect((await w.run('run', 'p.yaml')).lastLine).toContain('1 cached');
    expect(trials(w.folder)).toBe(1);
    const { stdout } = await w.run('doctor', '--json');
    const auto = (JSON.parse(stdout) as { what: string }[]).find(({ what }) => what === 'engine auto');
    expect(auto).toMatchObject({
      state: 'note',
      found: expect.stringMatching(/^wasm: no native engine loads; not onnx \(onnxruntime-node 1\.30\.0: /),
    });
  });
});
