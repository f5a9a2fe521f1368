/** What lies in a workspace's data folder and belongs to no data set: what was made of some, and broken-off downloads. */
import { readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchFolder } from './scratch.ts';

export interface Leftover {
  readonly path: string;
  readonly kind: 'prepared' | 'download';
  readonly bytes: number;
}

/** Unpacked archives and decoded images, and what broken-off downloads have left (`data/.NAME-download`). */
export function leftovers(root: string): Leftover[] {
  const data = join(root, 'data');
  const found = (path: string, kind: Leftover['kind']): Leftover => ({ path, kind, bytes: bytesOf(path) });
  return [
    ...namesIn(scratchFolder(root)).map((name) => found(join(scratchFolder(root), name), 'prepared')),
    ...namesIn(data)
      .filter((name) => /^\..+-download$/.test(name))
      .map((name) => found(join(data, name), 'download')),
  ];
}

export async function removeLeftovers(list: readonly Leftover[]): Promise<void> {
  for (const { path } of list) await rm(path, { recursive: true, force: true });
}

function namesIn(folder: string): string[] {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() ? readdirSync(folder).sort() : [];
}

function bytesOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return stats?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
