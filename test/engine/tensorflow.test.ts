import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { availableEngines, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { engineContract } from './contract.ts';

const installed = availableEngines(packageRoot()).find(({ name }) => name === 'tensorflow')!.available;

if (installed) engineContract('tensorflow');
else
  test.skip('engine tensorflow: skipped, neither @tensorflow/tfjs-node-gpu nor tfjs-node is installed', () => {});

describe('the engine tensorflow', () => {
  test.skipIf(installed)('says how to install it where it is asked for and absent', async () => {
    const root = scratchFolder('engine');
    expect(() => engineIdentity('tensorflow', root)).toThrow(UserError);
    const error = await startEngine({ name: 'tensorflow', identity: {} }, root).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).diagnostics[0]!.hint).toContain('npm install @tensorflow/tfjs-node@4.22.0');
  });

  test('is found in the workspace, and says so plainly when its native library does not load', async () => {
    const root = scratchFolder('engine');
    const folder = join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'package.json'),
      '{"name":"@tensorflow/tfjs-node-gpu","version":"4.22.0","main":"index.js"}',
    );
    // What Node says of the real package whose libtensorflow was not downloaded.
    writeFileSync(
      join(folder, 'index.js'),
      "process.dlopen({ exports: {} }, require('path').join(__dirname, 'tfjs_binding.node'));\n",
    );
    expect(engineIdentity('tensorflow', root)).toMatchObject({
      package: '@tensorflow/tfjs-node-gpu',
      version: '4.22.0',
    });
    expect(availableEngines(root).at(-1)).toMatchObject({
      available: false,
      detail:
        '@tensorflow/tfjs-node-gpu 4.22.0 is installed without its native library: npm rebuild @tensorflow/tfjs-node-gpu',
    });
    mkdirSync(join(folder, 'lib', 'napi-v8'), { recursive: true });
    writeFileSync(join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'), '');
    expect(availableEngines(root).at(-1)).toMatchObject({
      available: true,
      detail: '@tensorflow/tfjs-node-gpu 4.22.0',
    });
    const error = (await startEngine({ name: 'tensorflow', identity: {} }, root).catch(
      (e: unknown) => e,
    )) as UserError;
    expect(error).toBeInstanceOf(UserError);
    expect(error.diagnostics[0]!.message).toContain('tfjs_binding.node');
    expect(error.diagnostics[0]!.hint).toContain('npm rebuild @tensorflow/tfjs-node-gpu');
  });
});
