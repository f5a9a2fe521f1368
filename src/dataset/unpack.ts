/** Archives of official files. The only place that knows tar. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  fsyncOpen,
  makeFolder,
  removeIfThere,
  renameFile,
  temporaryBeside,
  writeFully,
} from '../util/fs-durable.ts';
import { bad } from './damage.ts';
import { stateOf, sweepUnfinished } from './scratch.ts';

/** Written last: without it a folder was not unpacked to its end. */
const complete = '.complete';

/**
 * A folder with the wanted files of an archive, unpacked once as long as the archive stays as it is.
 * @param wanted by the path inside the archive; only the name is kept.
 * @throws UserError where the archive is damaged.
 */
export async function unpacked(
  archive: string,
  scratch: string,
  wanted: (path: string) => boolean,
): Promise<string> {
  const state = stateOf([archive], 'unpacked');
  const folder = join(scratch, state.id);
  if (existsSync(join(folder, complete)) && state.atRest) return folder;
  makeFolder(folder);
  sweepUnfinished(folder);
  const { list } = await import('tar');
  const unfinished = new Map<string, number>();
  const finishing: Promise<void>[] = [];
  let broken: Error | undefined;
  try {
    await list({
      file: archive,
      strict: true,
      onReadEntry(entry) {
        if (entry.type !== 'File' || !wanted(entry.path)) return void entry.resume();
        const path = join(folder, basename(entry.path));
        const temporary = temporaryBeside(path);
        const fd = openSync(temporary, 'wx', 0o644);
        unfinished.set(temporary, fd);
        entry.on('data', (chunk: Buffer) => writeFully(fd, chunk, path));
        entry.on('end', () => {
          unfinished.delete(temporary);
          finishing.push(finished(fd, temporary, path));
        });
        entry.on('error', (error) => {
          broken ??= error as Error;
        });
      },
    });
    await Promise.all(finishing);
    if (broken) throw broken;
  } catch (error) {
    // Files before the damage are whole; the next try writes them again.
    await Promise.allSettled(finishing);
    for (const [temporary, fd] of unfinished) {
      closeSync(fd);
      removeIfThere(temporary);
    }
    throw bad(`${archive}: cannot be unpacked (${(error as Error).message})`, {
      expected: 'a whole tar.gz',
      hint: 'the archive is damaged or cut short: get it again',
    });
  }
  closeSync(openSync(join(folder, complete), 'w'));
  return folder;
}

async function finished(fd: number, temporary: string, path: string): Promise<void> {
  try {
    await fsyncOpen(fd, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  renameFile(temporary, path);
}
