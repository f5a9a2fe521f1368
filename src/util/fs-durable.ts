/**
 * Changes of the disk that survive a crash: the only functions through which the store, published copies, records and
 * logs write, rename and remove. Each is surrounded by fault points. What must be durable is fsynced in the thread
 * pool, so that the event loop goes on and several may be under way; everything else is one synchronous system call,
 * which is cheaper than a trip through the pool.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fdatasync,
  fsync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { faultPoint } from './faults.ts';

/**
 * Resolves when the bytes (or, of a folder, the names in it) are on the disk; with `dataOnly` the file's times may not
 * be. `what` is for fault points only.
 */
export function fsyncOpen(fd: number, what: string, dataOnly = false): Promise<void> {
  return new Promise((resolve, reject) => {
    faultPoint('before fsync', what);
    (dataOnly ? fdatasync : fsync)(fd, (error) => {
      if (error) return reject(error);
      try {
        faultPoint('after fsync', what);
        resolve();
      } catch (fault) {
        reject(fault);
      }
    });
  });
}

/**
 * Shares an fsync among those who wait for it. A request that arrives while one is under way gets the NEXT one: the
 * one under way may have started before what the request is about.
 */
export class SharedFsync {
  readonly #sync: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }
  /** Resolves when everything that was written before the call is on the disk. */
  request(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#sync().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.request();
      });
    return this.#next;
  }
}

const folders = new Map<string, SharedFsync>();

/** Makes the names in a folder durable. Concurrent calls for one folder share an fsync. */
export async function fsyncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; its file systems journal names themselves.
  if (process.platform === 'win32') return;
  let shared = folders.get(folder);
  if (shared === undefined) {
    shared = new SharedFsync(async () => {
      const fd = openSync(folder, 'r');
      try {
        await fsyncOpen(fd, folder);
      } finally {
        closeSync(fd);
        folders.delete(folder);
      }
    });
    folders.set(folder, shared);
  }
  return shared.request();
}

/** As `fsyncFolder`, for the few occasions on which nothing else can be done meanwhile. */
export function fsyncFolderNow(folder: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(folder, 'r');
  try {
    faultPoint('before fsync', folder);
    fsyncSync(fd);
    faultPoint('after fsync', folder);
  } finally {
    closeSync(fd);
  }
}

/** Writes all bytes to an open file. */
export function writeFully(fd: number, bytes: Uint8Array, what: string): void {
  faultPoint('before write', what);
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(fd, bytes, done);
  faultPoint('after write', what);
}

/** Replaces `to` at once where it exists. Same file system only. */
export function renameFile(from: string, to: string): void {
  faultPoint('before rename', to);
  renameSync(from, to);
  faultPoint('after rename', to);
}

/** Makes a folder, and the folders above it, where they are missing. */
export function makeFolder(path: string): void {
  faultPoint('before mkdir', path);
  makeFolderAndParents(path);
  faultPoint('after mkdir', path);
}

/** Makes a folder where it is missing, in a folder that must be there. */
export function makeFolderIn(path: string): void {
  makeFoldersIn(dirname(path), [basename(path)]);
}

/** Makes those that are missing. For those who kill us it is one change. */
export function makeFoldersIn(folder: string, names: readonly string[]): void {
  faultPoint('before mkdir', folder);
  for (const name of names) {
    const path = join(folder, name);
    try {
      mkdirSync(path);
    } catch (error) {
      // It was there, or another process has just made it.
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  }
  faultPoint('after mkdir', folder);
}

/** Not `recursive: true`: where a parent answers ENOENT to every name (/proc), Node 20 then never returns. */
function makeFolderAndParents(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || existsSync(parent)) throw error;
    makeFolderAndParents(parent);
    makeFolderAndParents(path);
  }
}

/**
 * A second name for a file. With `hard` the same inode where the file system allows it, which is far cheaper than a
 * symbolic link; for files that are ours only, because it changes a file's link count and with it its ctime.
 */
export function linkTo(target: string, path: string, hard: boolean): void {
  faultPoint('before link', path);
  if (!hard || !tryHardLink(target, path)) symlinkSync(target, path);
  faultPoint('after link', path);
}

function tryHardLink(target: string, path: string): boolean {
  try {
    linkSync(target, path);
    return true;
  } catch (error) {
    // Another file system, too many links, or links are not allowed here; all else is for the caller.
    if (['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  }
}

/** Writes a file that nobody reads before the call returns, and that need not survive a crash. `what` is its name in errors. */
export function writeScratch(path: string, content: string | Uint8Array, what = path): void {
  const fd = openSync(path, 'w', 0o644);
  try {
    writeFully(fd, typeof content === 'string' ? Buffer.from(content) : content, what);
  } finally {
    closeSync(fd);
  }
}

export function removeFile(path: string): void {
  faultPoint('before unlink', path);
  unlinkSync(path);
  faultPoint('after unlink', path);
}

/** `file` is a path or an open file; `what` names an open one. */
export function setMode(file: string | number, mode: number, what: string): void {
  faultPoint('before chmod', what);
  if (typeof file === 'number') fchmodSync(file, mode);
  else chmodSync(file, mode);
  faultPoint('after chmod', what);
}

let serial = 0;
/** A name beside `path` that no other process uses; starts with a dot and ends in `.tmp`. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${++serial}.tmp`);
}

/**
 * Writes a file so that readers, and whoever comes after a crash, see the old content or the new one, whole. With
 * `durable` it resolves when the new content is on the disk; without, a crash of the machine may lose it, but not mix
 * it. The folder is made where it is missing. A killed process may leave the unfinished file behind: beside `path`, or
 * in the folder `through` where it is given and on the same file system.
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  options: { readonly durable: boolean; readonly through?: string },
): Promise<void> {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  makeFolder(dirname(path));
  const { through, durable } = options;
  if (through === undefined) await writeAndRename(path, content, temporaryBeside(path), durable);
  else {
    try {
      await writeAndRename(path, content, join(through, basename(path)), durable);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      await writeAndRename(path, content, temporaryBeside(path), durable);
    }
  }
  if (durable) await fsyncFolder(dirname(path));
}

async function writeAndRename(
  path: string,
  content: Uint8Array,
  temporary: string,
  durable: boolean,
): Promise<void> {
  try {
    const fd = openSync(temporary, 'wx', 0o644);
    try {
      writeFully(fd, content, path);
      if (durable) await fsyncOpen(fd, path);
    } finally {
      closeSync(fd);
    }
    renameFile(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

/** Removes a leftover; silent where there is none or it cannot be removed. */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It never came to be, or its folder is read-only: the error that brought us here is the one to tell.
  }
}
