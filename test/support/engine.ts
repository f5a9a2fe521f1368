import { availableEngines, type EngineName, engineIdentity, startEngine } from '../../src/engine/engine.ts';
import type { EngineSpec } from '../../src/kind/stage-kind.ts';
import { packageRoot } from '../../src/util/package-root.ts';

/**
 * The engine that tests of the mathematics run on: what `engine: auto` picks here, as a user's pipeline has it, or
 * another one: `TEST_ENGINE=wasm npx vitest run test/network`.
 */
export function testEngine(root = packageRoot()): EngineSpec {
  const fastest = availableEngines(root).findLast(({ available }) => available)!.name;
  const name = (process.env.TEST_ENGINE as EngineName | undefined) ?? fastest;
  return { name, identity: engineIdentity(name, root) };
}

export async function startTestEngine(root = packageRoot()): Promise<void> {
  await startEngine(testEngine(root), root);
}
