import { afterAll, beforeAll, expect } from 'vitest';
import { tf } from '../../src/engine/tensorflow.ts';
import { startTestEngine } from './engine.ts';

/** In a `describe`: starts the engine of the tests before them, and after them looks that no tensor was left behind. */
export function engineWithoutLeaks(): void {
  let before: number;
  beforeAll(async () => {
    await startTestEngine();
    before = tf.memory().numTensors;
  });
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(before);
  });
}
