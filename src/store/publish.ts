/**
 * Published copies: what people look at, under `artifacts/`. They are copies, not links, so that an edit never reaches
 * the store. A copy that looks as it did when it was made costs one stat; any other is compared or replaced, at once
 * (written elsewhere and renamed), so that a viewer never sees half a figure. They can be made again from the store
 * and need not survive a power cut.
 */
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UserError } from '../diagnostics/diagnostic.ts';
import { type Digest, digestOf } from '../util/digest.ts';
import { faultPoint } from '../util/faults.ts';
import { identityOf } from '../util/file-identity.ts';
import {
  makeFolder,
  removeIfThere,
  renameFile,
  setMode,
  temporaryBeside,
  writeScratch,
} from '../util/fs-durable.ts';
import type { Publication } from './contract.ts';
import type { Database } from './database.ts';
import { diskError } from './disk-errors.ts';
import { digestOpenFile, type Objects } from './objects.ts';
import { sealOf } from './schema.ts';

interface Stored {
  readonly path: string;
  readonly identity: string;
  readonly digest: string;
  readonly seal: string;
}
/** A publication whose copy is not known to be right. */
interface Doubtful extends Publication {
  /** Whether something stands at its place. */
  readonly there: boolean;
}
interface Known extends Publication {
  readonly identity: string;
}

/** What tells one content of a copy from another. */
const contentOf = ({ file, made }: Publication): Digest => made?.identity ?? file.digest;

/** Files up to this size (bytes) are copied through memory, and compared with their digest on the way. */
const checkedLimit = 8 << 20;

export class PublishedCopies {
  readonly #database: Database;
  readonly #objects: Objects;
  readonly #temporary: () => string;

  constructor(database: Database, objects: Objects, temporary: () => string) {
    this.#database = database;
    this.#objects = objects;
    this.#temporary = temporary;
  }

  async publish(publications: readonly Publication[]): Promise<string[]> {
    const different = this.#different(publications);
    const known: Known[] = [];
    const written: string[] = [];
    try {
      for (const wanted of different) {
        if (!wanted.there || !(await holds(wanted))) {
          await this.#copy(wanted);
          written.push(wanted.path);
          // Stages that end meanwhile must not wait for all copies before the next ones start.
          await nextTurn();
        }
        known.push({ ...wanted, identity: identityOf(lstatSync(wanted.path)) });
      }
    } finally {
      this.#remember(known);
    }
    return written;
  }

  /** Those whose copy is missing, or does not look as it did when it was made. */
  #different(publications: readonly Publication[]): Doubtful[] {
    return this.#database.readMany(() => {
      const rows = this.#database
        .sql('SELECT * FROM published WHERE path IN (SELECT value FROM json_each(?))')
        .all(JSON.stringify(publications.map(({ path }) => path))) as Stored[];
      const known = new Map(rows.map((row) => [row.path, row]));
      const different: Doubtful[] = [];
      for (const wanted of publications) {
        const stats = tryStat(wanted.path);
        if (!isUnchanged(wanted, stats, known.get(wanted.path)))
          different.push({ ...wanted, there: stats !== undefined });
      }
      return different;
    });
  }

  async #copy({ path, file, made }: Publication): Promise<void> {
    const source = this.#objects.path(file.digest);
    let temporary = this.#temporary();
    try {
      makeFolder(dirname(path));
      await this.#write(source, temporary, { path, file, ...(made && { made }) });
      try {
        renameFile(temporary, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
        // Another file system than the cache's: then the copy has to be made beside its place.
        removeIfThere(temporary);
        temporary = temporaryBeside(path);
        await this.#write(source, temporary, { path, file, ...(made && { made }) });
        renameFile(temporary, path);
      }
    } catch (error) {
      removeIfThere(temporary);
      if (!existsSync(source)) throw lost(source);
      const culprit = obstacle(path, error);
      throw diskError(error, 'publish a result', culprit);
    }
  }

  async #write(source: string, target: string, { path, file, made }: Publication): Promise<void> {
    if (made || file.bytes <= checkedLimit) {
      const bytes = readFileSync(source);
      if (digestOf(bytes) !== file.digest) throw altered(source);
      writeScratch(target, made ? await made.of(bytes) : bytes, path);
      return;
    }
    faultPoint('before write', path);
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    faultPoint('after write', path);
    setMode(target, 0o644, path);
  }

  #remember(known: readonly Known[]): void {
    if (known.length === 0) return;
    this.#database.write(() => {
      const insert = this.#database.sql('INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?)');
      for (const one of known) {
        const { path, identity } = one;
        insert.run(path, identity, contentOf(one), sealOf('published', path, identity, contentOf(one)));
      }
    });
  }
}

function isUnchanged(wanted: Publication, stats: Stats | undefined, stored: Stored | undefined): boolean {
  const { path, file, made } = wanted;
  if (!stats?.isFile() || (!made && stats.size !== file.bytes)) return false;
  const content = contentOf(wanted);
  return (
    stored?.identity === identityOf(stats) &&
    stored.digest === content &&
    stored.seal === sealOf('published', path, stored.identity, content)
  );
}

function tryStat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // What stands in the way is told when the copy is made.
    return undefined;
  }
}

/** Whether the copy has this content although nothing is known of it (the memo table was lost, say). */
async function holds({ path, file, made }: Publication): Promise<boolean> {
  // What is made of a file costs no more to make again than to compare.
  if (made) return false;
  const stats = tryStat(path);
  if (!stats?.isFile() || stats.size !== file.bytes) return false;
  try {
    const fd = openSync(path, 'r');
    try {
      return (await digestOpenFile(fd, file.bytes)).digest === file.digest;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

/** The path that stands in the way of a copy: the nearest parent that is no folder, or the copy's own place. */
function obstacle(path: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return dirname(path);
  if (code !== 'ENOTDIR' && code !== 'EEXIST') return path;
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) return folder;
    } catch {
      // Below the obstacle.
    }
  }
  return path;
}

function lost(blob: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'blob-missing',
    message: `cannot publish a result: its content is no longer in the store (${blob})`,
    hint: 'run again: the stage is computed once more',
  });
}

function altered(blob: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'blob-damaged',
    message: `cannot publish a result: its content in the store has been altered (${blob})`,
    hint: 'run `orograph verify --repair`, then run again: the stage is computed once more',
  });
}
