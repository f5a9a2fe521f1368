/**
 * Digests of files outside the store, remembered so that an unchanged file costs one stat. An entry is trusted while
 * size, mtime, ctime, inode and device are what they were; and it is only remembered where the file had clearly been
 * at rest when it was read: a write within the same tick of the clock would leave no trace (the rule by which git
 * treats "racy" index entries).
 */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { StoredFile } from '../kind/artifact.ts';
import { identityOf, isAtRest } from '../util/file-identity.ts';
import type { Database } from './database.ts';
import { diskError } from './disk-errors.ts';
import { digestOpenFile } from './objects.ts';
import { isDigest, sealOf } from './schema.ts';

interface Stored {
  readonly path: string;
  readonly identity: string;
  readonly size: number;
  readonly digest: string;
  readonly seal: string;
}

/** How many files are read at once. */
const readers = 4;

interface Read {
  readonly path: string;
  readonly identity: string;
  readonly file: StoredFile;
  readonly atRest: boolean;
}

export class FileDigests {
  readonly #database: Database;
  /** What this process has read or looked up itself, by path. */
  readonly #seen = new Map<string, Pick<Read, 'identity' | 'file'>>();

  constructor(database: Database) {
    this.#database = database;
  }

  async of(paths: readonly string[]): Promise<(StoredFile | undefined)[]> {
    const found: (StoredFile | undefined)[] = [];
    const identities = paths.map((path, index) => {
      const stats = tryStat(path);
      if (stats === undefined) return undefined;
      const identity = identityOf(stats);
      const seen = this.#seen.get(path);
      if (seen?.identity === identity) found[index] = seen.file;
      return identity;
    });
    const unseen = [...paths.keys()].filter((i) => identities[i] !== undefined && found[i] === undefined);
    if (unseen.length > 0) this.#recall(paths, identities, unseen, found);
    const unknown = unseen.filter((i) => found[i] === undefined);
    found.length = paths.length;
    if (unknown.length === 0) return found;
    const read: Read[] = [];
    const work = unknown.values();
    const reader = async (): Promise<void> => {
      for (const index of work) {
        const result = await readFile(paths[index]!);
        found[index] = result?.file;
        if (result?.atRest) {
          read.push(result);
          this.#seen.set(result.path, result);
        }
      }
    };
    await Promise.all(Array.from({ length: readers }, reader));
    this.#remember(read);
    return found;
  }

  /** Fills in what the table knows of the files as they look now. */
  #recall(
    paths: readonly string[],
    identities: readonly (string | undefined)[],
    wanted: readonly number[],
    found: (StoredFile | undefined)[],
  ): void {
    const rows = this.#database.read(
      () =>
        this.#database
          .sql('SELECT * FROM file_digests WHERE path IN (SELECT value FROM json_each(?))')
          .all(JSON.stringify(wanted.map((i) => paths[i]))) as Stored[],
    );
    const known = new Map(rows.map((row) => [row.path, row]));
    for (const i of wanted) {
      const path = paths[i]!;
      const identity = identities[i]!;
      const stored = known.get(path);
      const file = stored && trusted(path, identity, stored);
      if (file === undefined) continue;
      found[i] = file;
      this.#seen.set(path, { identity, file });
    }
  }

  #remember(read: readonly Read[]): void {
    if (read.length === 0) return;
    this.#database.write(() => {
      const insert = this.#database.sql('INSERT OR REPLACE INTO file_digests VALUES (?, ?, ?, ?, ?)');
      for (const { path, identity, file } of read) {
        const seal = sealOf('file_digests', path, identity, file.digest);
        insert.run(path, identity, file.bytes, file.digest, seal);
      }
    });
  }
}

function trusted(path: string, identity: string, stored: Stored): StoredFile | undefined {
  const { digest, size } = stored;
  if (stored.identity !== identity || !isDigest(digest)) return undefined;
  return stored.seal === sealOf('file_digests', path, identity, digest) ? { digest, bytes: size } : undefined;
}

function tryStat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A file where a folder of the path should be: there is no such file either.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw diskError(error, 'read a file', path);
  }
}

/** Reads a file between two stats that must agree; undefined: it vanished. */
async function readFile(path: string): Promise<Read | undefined> {
  for (let attempt = 1; ; attempt++) {
    const now = Date.now();
    try {
      const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      try {
        const before = fstatSync(fd);
        if (!before.isFile()) throw notAFile(path);
        const file = await digestOpenFile(fd, before.size);
        const identity = identityOf(before);
        const unchanged = identity === identityOf(fstatSync(fd));
        if (unchanged && file.bytes === before.size) {
          return { path, identity, file, atRest: isAtRest(before, now) };
        }
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw diskError(error, 'read a file', path);
    }
    if (attempt === 5) throw neverAtRest(path);
  }
}

function notAFile(path: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'not-a-file',
    message: `this is a folder or a device, not a file: ${path}`,
    hint: 'name a file in it',
  });
}

function neverAtRest(path: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'file-keeps-changing',
    message: `this file changes while it is read, again and again: ${path}`,
    hint: 'wait until whatever writes it has finished',
  });
}
