/**
 * What is made of a data set once and used often: unpacked archives, decoded images. Everything here can be deleted
 * at any time and is made again; it is named by what it was made of, by the stats of its files.
 */
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, isAtRest } from '../util/file-identity.ts';
import { removeIfThere } from '../util/fs-durable.ts';
import { bad } from './damage.ts';

/** In the workspace's data folder; no data set's name starts with a dot. */
export const scratchFolder = (root: string): string => join(root, 'data', '.prepared');

export interface SourceState {
  /** Changes when a file does. */
  readonly id: string;
  /** Whether a later change would show: what is made of files that were just written is not trusted again. */
  readonly atRest: boolean;
}

/** @throws UserError where a file is missing. */
export function stateOf(paths: readonly string[], made: string): SourceState {
  const hash = createHash('sha256').update(made);
  const now = Date.now();
  let atRest = true;
  for (const path of paths) {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stats?.isFile())
      throw bad(`${path}: there is no such file`, { hint: 'the data set is incomplete: get it again' });
    hash.update(`\n${path} ${identityOf(stats)}`);
    atRest &&= isAtRest(stats, now);
  }
  return { id: hash.digest('hex').slice(0, 40), atRest };
}

/** Removes what processes that are gone have left unfinished. */
export function sweepUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/\.(\d+)-\d+\.tmp$/.exec(name)?.[1] ?? 0);
    if (pid > 0 && pid !== process.pid && !alive(pid)) removeIfThere(join(folder, name));
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
