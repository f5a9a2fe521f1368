/**
 * The store: what was computed before. Keys lead to outputs through the memo table (SQLite), outputs to bytes through
 * the object store (files by digest). It knows durability, concurrency and damage, and refuses to know what a key is
 * made of, what a stage is, and what the bytes mean.
 *
 *     cache/memo.sqlite   rows; inserted only when the contents they name are durable     memo, items, claims, ...
 *     cache/objects/      blobs, named by their sha256, read-only                objects
 *     cache/tmp/          work in progress, one folder an open store             scratch
 *     cache/users.lock    who has the table open                                 guard
 *     cache/memo.count    how much the table has taken, to tell a loss           high-water
 *
 * The premise: the process can die at any instant, the disk can be full or refuse, the table can be damaged, and
 * several processes use the folder at once. Then nothing wrong is ever a hit and finished work is not lost.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { StoredFile } from '../kind/artifact.ts';
import type { Digest, ItemKey, StageKey } from '../util/digest.ts';
import { fsyncFolderNow, makeFolderIn, makeFoldersIn, writeScratch } from '../util/fs-durable.ts';
import { Claims } from './claims.ts';
import type { Claim, LatestKey, MemoRow, Publication, Store, StoreProblem } from './contract.ts';
import { Database } from './database.ts';
import { diskError } from './disk-errors.ts';
import { FileDigests } from './file-digests.ts';
import { Items } from './items.ts';
import { Latest } from './latest.ts';
import { Memo } from './memo.ts';
import { Objects } from './objects.ts';
import { PublishedCopies } from './publish.ts';
import { removeTree, Scratch } from './scratch.ts';

/** The cache folder's own README for backup programs (https://bford.info/cachedir/). */
const cacheTag =
  'Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds results that orograph can compute again.\n';

/**
 * What a power cut may cost: what finished in so many milliseconds, of stages that took a second or more and of shorter
 * ones. Up to 256 folders are synced each time, which costs more than hundreds of small stages themselves.
 */
const settleAfterMs = { long: 1000, short: 5000 };
const longStageMs = 1000;

/**
 * Opens the store in a folder, which is made where it is missing; the folder it lies in must be there.
 * @param options.owner who a claim is said to belong to, for messages: `run 2026-11-23T16:51`
 * @param options.reading nothing will be stored: then a cache that may not be written is good enough, and a missing one
 *   is not made
 * Throws a `UserError` where the folder cannot be used; what had to be given up is in `notices`.
 */
export function openStore(
  folder: string,
  options: { readonly owner?: string; readonly reading?: boolean } = {},
): OpenStore {
  const absolute = resolve(folder);
  const { owner = `process ${process.pid}`, reading = false } = options;
  try {
    if (!reading || existsSync(absolute)) {
      createFolders(absolute);
      return new OpenStore(absolute, owner, 'write');
    }
  } catch (error) {
    const told = diskError(error, 'open the cache', absolute);
    if (!reading || !isWriteRefused(told)) throw told;
  }
  return new OpenStore(absolute, owner, 'read');
}

function isWriteRefused(error: unknown): boolean {
  return (
    error instanceof UserError &&
    error.diagnostics.every(({ code }) => code === 'not-permitted' || code === 'disk-full')
  );
}

function createFolders(cache: string): void {
  if (!existsSync(cache)) makeCache(cache);
  const objects = join(cache, 'objects');
  makeFolderIn(join(cache, 'tmp'));
  if (existsSync(join(objects, 'ff'))) return;
  makeFolderIn(objects);
  // All 256 at once, so that a write need never make its parent durable as well.
  const shelves = Array.from({ length: 256 }, (_, shelf) => shelf.toString(16).padStart(2, '0'));
  makeFoldersIn(objects, shelves);
  writeScratch(join(cache, 'CACHEDIR.TAG'), cacheTag);
  fsyncFolderNow(objects);
  fsyncFolderNow(cache);
}

/** Not the folders above it: a disk that is not there, or a slip in a path, would become a new and empty cache. */
function makeCache(cache: string): void {
  const parent = dirname(cache);
  if (!existsSync(parent))
    throw new UserError({
      severity: 'error',
      code: 'no-such-folder',
      message: `cannot make the cache ${cache}: there is no folder ${parent}`,
      hint: 'check the path; if it is right, make that folder first (mkdir -p)',
    });
  makeFolderIn(cache);
}

/** The `Store`, and what `verify`, `gc` and `status` need besides. */
export class OpenStore implements Store {
  readonly folder: string;
  readonly database: Database;
  readonly objects: Objects;
  readonly scratch: Scratch;
  readonly #memo: Memo;
  readonly #items: Items;
  readonly #claims: Claims;
  readonly #latest: Latest;
  readonly #fileDigests: FileDigests;
  readonly #copies: PublishedCopies;
  /** What dead processes left in `tmp/` is gone, or it cannot be removed. */
  readonly tidied: Promise<unknown>;
  #open = true;
  #settling: { readonly due: number; readonly timer: NodeJS.Timeout } | undefined;
  #settled = Promise.resolve();

  constructor(folder: string, owner: string, access: 'write' | 'read') {
    this.folder = folder;
    this.scratch = new Scratch(folder, access === 'write');
    try {
      this.database = new Database(folder, access);
    } catch (error) {
      this.scratch.close();
      throw error;
    }
    const temporary = () => this.scratch.path();
    this.objects = new Objects(folder, temporary, (work) => this.database.write(work));
    this.#memo = new Memo(this.database, this.objects);
    this.#items = new Items(this.database, this.objects);
    this.#claims = new Claims(this.database, randomUUID(), owner);
    this.#latest = new Latest(this.database);
    this.#fileDigests = new FileDigests(this.database);
    this.#copies = new PublishedCopies(this.database, this.objects, temporary);
    const abandoned = access === 'write' ? this.scratch.abandoned() : [];
    this.tidied = Promise.allSettled(abandoned.map(removeTree));
  }

  get notices(): readonly StoreProblem[] {
    return [...this.database.notices, ...this.#memo.notices];
  }

  objectPath(digest: Digest): string {
    return this.objects.path(digest);
  }
  hasObject(file: StoredFile): boolean {
    return this.objects.has(file);
  }
  ingest(path: string): Promise<StoredFile> {
    return this.objects.ingest(resolve(path));
  }
  ingestBytes(bytes: Uint8Array): Promise<StoredFile> {
    return this.objects.ingestBytes(bytes);
  }
  createWorkFolder(): string {
    try {
      return this.scratch.createFolder();
    } catch (error) {
      throw diskError(error, 'make a work folder', this.scratch.folder);
    }
  }
  async discard(folder: string): Promise<void> {
    try {
      await removeTree(folder);
    } catch (error) {
      throw diskError(error, 'remove a work folder', folder);
    }
  }

  lookup(key: StageKey): MemoRow | undefined {
    return this.#memo.lookup(key);
  }
  /** As `lookup` for each, in one read transaction. */
  lookupMany(keys: readonly StageKey[]): (MemoRow | undefined)[] {
    return this.#memo.lookupMany(keys);
  }
  /** Also ends this store's claim of the key. */
  async commit(row: MemoRow): Promise<void> {
    await this.database.enqueue(() => {
      this.#memo.insert(row);
      this.#claims.releaseWithin(row.key);
    });
    this.#claims.released(row.key);
    this.#settleWithin(row.wallMs < longStageMs ? settleAfterMs.short : settleAfterMs.long);
  }
  #settleWithin(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (this.#settling !== undefined && this.#settling.due <= due) return;
    clearTimeout(this.#settling?.timer);
    this.#settling = { due, timer: setTimeout(() => this.settle().catch(() => {}), delayMs).unref() };
  }
  /**
   * Makes durable what a power cut could still take: names of blobs, and rows. One after the other, so that the last of a
   * run waits for all; and a failure stays, because a disk tells it only once.
   */
  settle(): Promise<void> {
    clearTimeout(this.#settling?.timer);
    this.#settling = undefined;
    this.#settled = this.#settled.then(async () => {
      await Promise.all([this.objects.settle(), this.database.makeDurable()]);
    });
    return this.#settled;
  }

  item(key: ItemKey, user: StageKey): Promise<Uint8Array | undefined> {
    return this.#items.get(key, user);
  }
  putItem(key: ItemKey, bytes: Uint8Array, user: StageKey): Promise<void> {
    return this.#items.put(key, bytes, user);
  }
  lostItems(user: StageKey): number {
    return this.#items.lost(user);
  }

  claim(key: StageKey | ItemKey): Claim {
    return this.#claims.claim(key);
  }
  release(key: StageKey | ItemKey): void {
    this.#claims.release(key);
  }

  latest(pipeline: string): Map<string, LatestKey> {
    return this.#latest.of(pipeline);
  }
  setLatest(pipeline: string, entries: readonly LatestKey[]): void {
    this.#latest.set(pipeline, entries);
  }

  async fileDigest(path: string): Promise<StoredFile> {
    const [file] = await this.fileDigests([path]);
    if (file === undefined) throw diskError({ code: 'ENOENT' }, 'read a file', path);
    return file;
  }
  fileDigests(paths: readonly string[]): Promise<(StoredFile | undefined)[]> {
    return this.#fileDigests.of(paths);
  }

  publish(publications: readonly Publication[]): Promise<string[]> {
    return this.#copies.publish(publications);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#settling?.timer);
    this.#claims.close();
    this.database.close();
    this.scratch.close();
  }
}
