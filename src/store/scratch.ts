/**
 * `tmp/`: what is not finished yet. Each open store has one folder there, whose name says which process it belongs to
 * and since when, so that what dead ones left behind can be told from what live ones use; and so that anybody can see
 * who has the store open, without a table.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { chmod, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { faultPoint } from '../util/faults.ts';
import { makeFolder, makeFolderIn } from '../util/fs-durable.ts';
import { type ProcessIdentity, stateOf, thisProcess } from './process-identity.ts';

export interface Tenant {
  readonly process: ProcessIdentity;
  /** When the store was opened, in milliseconds since 1970. */
  readonly opened: number;
  /** Of the folder, under `tmp/`. */
  readonly name: string;
}

/** A folder of a process of which nothing can be known is taken for dead when nothing in it changed for a week. */
const abandonedMs = 7 * 24 * 3600 * 1000;

let serial = 0;

export class Scratch {
  readonly folder: string;
  /** Milliseconds since 1970. */
  readonly opened = Date.now();
  readonly #root: string;
  #serial = 0;

  /** @param make whether to make this store's folder: one that only reads has none. */
  constructor(cache: string, make = true) {
    const { machine, pid, started } = thisProcess();
    this.#root = join(cache, 'tmp');
    this.folder = join(
      this.#root,
      `${machine}-${pid}-${started}-${this.opened}-${process.hrtime.bigint()}-${++serial}`,
    );
    if (make) makeFolder(this.folder);
  }

  /** A path that nothing has yet. */
  path(): string {
    return join(this.folder, `${++this.#serial}`);
  }

  createFolder(): string {
    const folder = this.path();
    try {
      faultPoint('before mkdir', folder);
      mkdirSync(folder);
      faultPoint('after mkdir', folder);
    } catch (error) {
      // Somebody emptied `tmp/` under our feet, or removed it. Not the whole cache: what is in a new one would be lost.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      for (const missing of [this.#root, this.folder, folder]) makeFolderIn(missing);
    }
    return folder;
  }

  #names(): string[] {
    return existsSync(this.#root) ? readdirSync(this.#root) : [];
  }

  /** Every folder in `tmp/` whose name can be read. */
  tenants(): Tenant[] {
    return this.#names().flatMap((name) => {
      const match = /^([0-9a-f]{12})-(\d+)-(\d+)-(\d+)-\d+-\d+$/.exec(name);
      if (!match) return [];
      const [, machine, pid, started, since] = match;
      return [
        { name, opened: Number(since), process: { machine: machine!, pid: Number(pid), started: started! } },
      ];
    });
  }

  /** Paths in `tmp/` that no live process can be using. */
  abandoned(): string[] {
    const known = new Map(this.tenants().map((tenant) => [tenant.name, tenant]));
    return this.#names().flatMap((name) => {
      const path = join(this.#root, name);
      if (path === this.folder) return [];
      const tenant = known.get(name);
      const state = tenant === undefined ? 'unknown' : stateOf(tenant.process);
      if (state !== 'unknown') return state === 'dead' ? [path] : [];
      const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      return Date.now() - touched > abandonedMs ? [path] : [];
    });
  }

  /** Removes this store's folder if nothing is in it any more. */
  close(): void {
    try {
      rmdirSync(this.folder);
    } catch {
      // Something is still in it (a stage was interrupted): whoever opens the store later sees that we are gone.
    }
  }
}

/** Removes a folder and all in it, also where a stage has made parts of it read-only. */
export async function removeTree(path: string): Promise<void> {
  faultPoint('before rmtree', path);
  try {
    // In the pool: removing a name can wait for the file system's journal.
    await rmdir(path);
  } catch {
    try {
      await rm(path, { recursive: true, force: true });
    } catch {
      await unlock(path);
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  faultPoint('after rmtree', path);
}

async function unlock(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlock(join(path, entry.name));
  }
}
