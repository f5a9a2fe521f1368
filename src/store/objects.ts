/**
 * The object store: blobs named by the sha256 of their bytes, `objects/ab/cdef…`, read-only and never changed. It knows
 * files, and nothing of keys or rows. The order of a write is: content on the disk, then the rename to its name; so a
 * name that exists has its whole content, whatever happens. The name follows to the disk with `settle`, for many at
 * once: until then a power cut may take it, which is a miss and never a wrong hit.
 */
import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  openSync,
  read,
  readSync,
  type Stats,
  statSync,
  utimesSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { StoredFile } from '../kind/artifact.ts';
import type { Digest } from '../util/digest.ts';
import { faultPoint } from '../util/faults.ts';
import {
  fsyncFolder,
  fsyncOpen,
  makeFolderIn,
  removeFile,
  removeIfThere,
  renameFile,
  setMode,
  writeFully,
} from '../util/fs-durable.ts';
import { diskError } from './disk-errors.ts';

/** Files up to this size are read at once; larger ones in pieces of it, in the thread pool. */
const piece = 1 << 20;

/** What tells one state of a file from another without reading it. */
const looksOf = (stats: Stats): string => `${stats.size} ${stats.mtimeMs} ${stats.ctimeMs} ${stats.ino}`;

const readInPool = promisify(read);

/** sha256 and length of an open file, from its start, whatever its size: never more than two pieces of it are held. */
export async function digestOpenFile(fd: number, size: number): Promise<StoredFile> {
  if (size <= piece) {
    const buffer = Buffer.allocUnsafe(size + 1);
    let bytes = 0;
    for (let got = -1; got !== 0 && bytes < buffer.length; bytes += got) {
      got = readSync(fd, buffer, bytes, buffer.length - bytes, bytes);
    }
    if (bytes <= size) return { digest: hash('sha256', buffer.subarray(0, bytes)) as Digest, bytes };
    // It grew meanwhile. The caller will see that; here it is only read to its end.
  }
  const sha = createHash('sha256');
  const buffers = [Buffer.allocUnsafe(piece), Buffer.allocUnsafe(piece)];
  let bytes = 0;
  let next = readInPool(fd, buffers[0]!, 0, piece, 0);
  for (let turn = 1; ; turn ^= 1) {
    const { bytesRead, buffer } = await next;
    if (bytesRead === 0) return { digest: sha.digest('hex') as Digest, bytes };
    bytes += bytesRead;
    // The next piece is read while this one is hashed.
    next = readInPool(fd, buffers[turn]!, 0, piece, bytes);
    sha.update(buffer.subarray(0, bytesRead));
  }
}

export class Objects {
  readonly folder: string;
  readonly #cache: string;
  /** Makes a new path under this process's folder in `tmp/`. */
  readonly #temporary: () => string;
  /** Runs while no garbage collection can remove a blob. */
  readonly #protected: <T>(work: () => T) => T;
  /** Folders with names that a power cut may still take. */
  readonly #unsettled = new Set<string>();

  constructor(cache: string, temporary: () => string, protectedFromSweep: <T>(work: () => T) => T) {
    this.#cache = cache;
    this.folder = join(cache, 'objects');
    this.#temporary = temporary;
    this.#protected = protectedFromSweep;
  }

  path(digest: Digest): string {
    return `${this.folder}${sep}${digest.slice(0, 2)}${sep}${digest.slice(2)}`;
  }

  has(file: StoredFile): boolean {
    return statSync(this.path(file.digest), { throwIfNoEntry: false })?.size === file.bytes;
  }

  /** The content is durable when this resolves; its name is when `settle` has resolved after it. */
  async ingest(path: string): Promise<StoredFile> {
    try {
      return await this.#ingest(path);
    } catch (error) {
      throw diskError(error, 'store a result', path);
    }
  }

  /** Content and name are durable when this resolves. */
  async ingestBytes(bytes: Uint8Array): Promise<StoredFile> {
    const file = await this.#ingestBytes(bytes);
    try {
      await fsyncFolder(this.#shelf(file));
    } catch (error) {
      throw diskError(error, 'store a result', this.path(file.digest));
    }
    return file;
  }

  /** Makes the names of all that `ingest` took durable. */
  async settle(): Promise<void> {
    const shelves = [...this.#unsettled];
    this.#unsettled.clear();
    try {
      await Promise.all(shelves.map(fsyncFolder));
    } catch (error) {
      throw diskError(error, 'make results durable', this.folder);
    }
  }

  #shelf(file: StoredFile): string {
    return join(this.folder, file.digest.slice(0, 2));
  }

  async #ingestBytes(bytes: Uint8Array): Promise<StoredFile> {
    const file: StoredFile = { digest: hash('sha256', bytes) as Digest, bytes: bytes.byteLength };
    if (this.#isKept(file)) return file;
    const temporary = this.#temporary();
    try {
      const fd = openSync(temporary, 'wx', 0o444);
      try {
        writeFully(fd, bytes, temporary);
        await fsyncOpen(fd, temporary);
      } finally {
        closeSync(fd);
      }
      this.#adopt(temporary, file);
      return file;
    } catch (error) {
      removeIfThere(temporary);
      throw diskError(error, 'store a result', temporary);
    }
  }

  async #ingest(path: string): Promise<StoredFile> {
    const own = path.startsWith(join(this.#cache, 'tmp') + sep);
    const fd = openIfPlain(path);
    if (!own || fd === undefined) return this.#ingestCopy(path, fd);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw notAFile(path);
      // Another name of the same file would let its content change after it was hashed.
      if (stats.nlink > 1) return await this.#ingestCopy(path, undefined);
      const file = await digestOpenFile(fd, stats.size);
      if (this.#isKept(file)) {
        removeFile(path);
        return file;
      }
      setMode(fd, 0o444, path);
      const before = fstatSync(fd);
      await fsyncOpen(fd, path);
      const after = fstatSync(fd);
      if (
        file.bytes !== after.size ||
        stats.mtimeMs !== after.mtimeMs ||
        looksOf(before) !== looksOf(after)
      ) {
        throw changedMeanwhile(path);
      }
      this.#adopt(path, file);
      return file;
    } finally {
      closeSync(fd);
    }
  }

  /** From elsewhere, or under several names, or a link: what is stored is a copy that only the store can reach. */
  async #ingestCopy(path: string, fd: number | undefined): Promise<StoredFile> {
    if (fd !== undefined) closeSync(fd);
    const stats = statSync(path);
    if (!stats.isFile()) throw notAFile(path);
    const copy = this.#temporary();
    try {
      faultPoint('before write', copy);
      if (stats.size <= piece) copyFileSync(path, copy, constants.COPYFILE_FICLONE);
      else await copyFile(path, copy, constants.COPYFILE_FICLONE);
      faultPoint('after write', copy);
      // Node copies the mode as well; reading it here must be possible.
      setMode(copy, 0o600, copy);
      const file = await this.#ingest(copy);
      removeFile(path);
      return file;
    } catch (error) {
      removeIfThere(copy);
      throw error;
    }
  }

  /**
   * Whether the content is there already. Then it is marked as young, while no sweep can run: a garbage collection that
   * began before and has found the blob unused looks at its age again, within its own transaction, before removing it.
   */
  #isKept(file: StoredFile): boolean {
    if (!this.has(file)) return false;
    const path = this.path(file.digest);
    const kept = this.#protected(() => {
      if (!this.has(file)) return false;
      const now = Date.now() / 1000;
      faultPoint('before utimes', path);
      utimesSync(path, now, now);
      return true;
    });
    // Another process may have put it there a moment ago and not have made its name durable yet.
    if (kept) this.#unsettled.add(this.#shelf(file));
    return kept;
  }

  /** Gives a durable file its name. */
  #adopt(path: string, file: StoredFile): void {
    const shelf = this.#shelf(file);
    try {
      renameFile(path, this.path(file.digest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      for (const missing of [this.folder, shelf]) makeFolderIn(missing);
      renameFile(path, this.path(file.digest));
      this.#unsettled.add(this.folder);
    }
    this.#unsettled.add(shelf);
  }
}

/** Opens a file for reading without following a link; undefined for a link. */
function openIfPlain(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') return undefined;
    throw error;
  }
}

function notAFile(path: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'not-a-file',
    message: `cannot store a result: it is not a plain file (${path})`,
    hint: 'write a file there',
  });
}

function changedMeanwhile(path: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'output-changed',
    message: `a result changed while it was being stored (${path})`,
    hint: 'something that the stage started still writes; it must end before the stage does',
  });
}
