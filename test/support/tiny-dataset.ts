import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/util/random.ts';
import { scratchFolder } from './scratch-folder.ts';

/** Records in the official format: three classes of noisy images of different brightness, learnable in a few steps. */
export function tinyRecords(name: string, count: number): Uint8Array {
  const random = new Random([21, name]);
  const bytes = new Uint8Array(count * 3073);
  for (let row = 0; row < count; row++) {
    const label = random.below(3);
    bytes[row * 3073] = label;
    for (let i = 1; i < 3073; i++) bytes[row * 3073 + i] = 60 * label + random.below(120);
  }
  return bytes;
}

/** A workspace of its own with the data set `tiny`: 60 training and 20 test images of three classes. */
export function tinyWorkspace(): string {
  const root = scratchFolder('workspace');
  const folder = join(root, 'data', 'tiny');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'train.bin'), tinyRecords('train', 60));
  writeFileSync(join(folder, 'test.bin'), tinyRecords('test', 20));
  writeFileSync(join(folder, 'batches.meta.txt'), 'dark\nmiddle\nbright\n\n');
  return root;
}
