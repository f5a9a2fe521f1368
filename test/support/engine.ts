import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { autoEngine, type EngineName, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import type { EngineSpec } from '../../src/kind/stage-kind.ts';
import { packageRoot } from '../../src/util/package-root.ts';

/**
 * The engine that tests of the mathematics run on: what `engine: auto` picks here, as a user's pipeline has it, or
 * another one: `TEST_ENGINE=wasm npx vitest run test/network`.
 */
export function testEngine(root = packageRoot()): EngineSpec {
  const name =
    (process.env.TEST_ENGINE as EngineName | undefined) ??
    autoEngine(root, join(tmpdir(), 'orograph-engines')).name;
  return { name, identity: engineIdentity(name, root) };
}

export async function startTestEngine(root = packageRoot()): Promise<void> {
  await startEngine(testEngine(root), root);
}
