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
  const written: Promise<void>[] = [];
  try {
    await list({
      file: archive,
      strict: true,
      onReadEntry(entry) {
        if (entry.type !== 'File' || !wanted(entry.path)) return void entry.resume();
        const path = join(folder, basename(entry.path));
        const temporary = temporaryBeside(path);
        const fd = openSync(temporary, 'wx', 0o644);
        entry.on('data', (chunk: Buffer) => writeFully(fd, chunk, path));
        written.push(
          new Promise<void>((resolve, reject) => {
            entry.on('end', () => {
              fsyncOpen(fd, path)
                .then(() => {
                  closeSync(fd);
                  renameFile(temporary, path);
                  resolve();
                })
                .catch(reject);
            });
            entry.on('error', (error) => {
              closeSync(fd);
              removeIfThere(temporary);
              reject(error);
            });
          }),
        );
      },
    });
    await Promise.all(written);
  } catch (error) {
    throw bad(`${archive}: cannot be unpacked (${(error as Error).message})`, {
      expected: 'a whole tar.gz',
      hint: 'the archive is damaged or cut short: get it again',
    });
  }
  closeSync(openSync(join(folder, complete), 'w'));
  return folder;
}
