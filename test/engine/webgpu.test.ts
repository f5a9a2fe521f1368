import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { availableEngines } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { bundled } from '../support/bundled.ts';

const root = packageRoot();
const installed = availableEngines(root).find(({ name }) => name === 'onnx')!.available;

/** A Vulkan driver that computes on the processor, as Debian's chromium brings it along with its loader. */
const folder = '/usr/lib/chromium';
const driver = join(folder, 'vk_swiftshader_icd.json');
const missing = installed ? (existsSync(driver) ? '' : `no ${driver}`) : 'onnxruntime-node is not installed';

const program = join(root, 'dist', 'cli', 'main.js');
const start = (provider: string, env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(process.execPath, [program, '__engine', 'onnx', provider], { encoding: 'utf8', env });

describe.skipIf(missing !== '')(`the provider webgpu${missing && ` (skipped: ${missing})`}`, () => {
  const env = { ...process.env, LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: driver };

  test('computes what the processor computes: values, gradients, a product with the Hessian', async () => {
    const file = await bundled('provider');
    const results = (provider: string): Record<string, number[]> => {
      const child = spawnSync(process.execPath, [file, provider], { encoding: 'utf8', env });
      expect(child.stderr, child.stderr).toBe('');
      return JSON.parse(child.stdout) as Record<string, number[]>;
    };
    const [gpu, cpu] = [results('webgpu'), results('cpu')];
    expect(Object.keys(gpu)).toEqual(Object.keys(cpu));
    for (const [name, expected] of Object.entries(cpu)) {
      const size = Math.max(...expected.map(Math.abs));
      expect(size, name).toBeGreaterThan(0);
      const worst = expected.reduce((max, x, i) => Math.max(max, Math.abs(x - gpu[name]![i]!)), 0);
      // Roundings of float32 in another order; exp and tanh of the driver's own, good to some units in the last place.
      expect(worst / size, name).toBeLessThan(1e-5);
    }
  });

  test('starts where its driver is found', () => {
    expect(start('webgpu', env)).toMatchObject({ status: 0 });
  });
});

describe.skipIf(!installed)('a provider that does not load', () => {
  const cuda = join(root, 'node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch);
  test.skipIf(existsSync(join(cuda, 'libonnxruntime_providers_cuda.so')))(
    'is an error with its cause and what it needs',
    () => {
      const { status, stderr } = start('cuda');
      expect(status).toBe(2);
      expect(stderr).toContain('the engine "onnx (cuda)" could not be started');
      expect(stderr).toContain('use provider: cpu');
      expect(stderr).not.toContain('    at ');
    },
  );
});
