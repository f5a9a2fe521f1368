/** How much room the store takes, and who uses it: for `status` and `doctor`. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../util/digest.ts';
import type { OpenStore } from './open.ts';
import { stateOf } from './process-identity.ts';
import { isDigest } from './schema.ts';

export interface StoreUsage {
  readonly stages: number;
  readonly items: number;
  readonly blobs: number;
  /** Of all blobs. */
  readonly blobBytes: number;
  /** Of the memo table and its log. */
  readonly tableBytes: number;
  /** Of work in progress, and of what interrupted processes left. */
  readonly scratchBytes: number;
  /** Folders with memo tables that were damaged and moved aside; they may be deleted. */
  readonly damaged: readonly string[];
  /** Other open stores whose process may be alive. */
  readonly otherUsers: number;
}

/** A blob's file as the folder lists it. */
export interface BlobFile {
  readonly path: string;
  /** Undefined: the name is no digest, so it is not ours. */
  readonly digest: Digest | undefined;
}

/** Every file in `objects/`, one shelf at a time. */
export function* blobFiles(store: OpenStore): Generator<BlobFile> {
  for (const shelf of namesIn(store.objects.folder)) {
    const folder = join(store.objects.folder, shelf);
    for (const name of namesIn(folder)) {
      const digest = shelf + name;
      yield { path: join(folder, name), digest: isDigest(digest) ? digest : undefined };
    }
  }
}

/** Empty where there is no such folder: it was removed meanwhile, or a cache that is only read has none yet. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Length of a file in bytes; 0 where there is none. */
export function lengthOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Bytes of all files below a folder; what vanishes meanwhile does not count. */
export function treeBytes(path: string): number {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats?.isDirectory()) return stats?.size ?? 0;
    return readdirSync(path).reduce((sum, name) => sum + treeBytes(join(path, name)), 0);
  } catch {
    return 0;
  }
}

export function storeUsage(store: OpenStore): StoreUsage {
  const count = (table: 'memo' | 'items'): number =>
    store.database.read(() => store.database.sql(`SELECT count(*) FROM ${table}`).pluck().get() as number);
  let blobs = 0;
  let blobBytes = 0;
  for (const { path } of blobFiles(store)) {
    blobs++;
    blobBytes += lengthOf(path);
  }
  const { path } = store.database;
  return {
    stages: count('memo'),
    items: count('items'),
    blobs,
    blobBytes,
    tableBytes: ['', '-wal', '-shm'].reduce((sum, suffix) => sum + lengthOf(path + suffix), 0),
    scratchBytes: treeBytes(join(store.folder, 'tmp')),
    damaged: namesIn(store.folder)
      .filter((name) => name.startsWith('damaged-'))
      .map((name) => join(store.folder, name)),
    otherUsers: otherUsers(store).length,
  };
}

/** When the other stores that may be alive were opened, in milliseconds since 1970. */
export function otherUsers(store: OpenStore): number[] {
  const abandoned = new Set(store.scratch.abandoned());
  return store.scratch
    .tenants()
    .filter(({ name, process }) => {
      const path = join(store.folder, 'tmp', name);
      return path !== store.scratch.folder && !abandoned.has(path) && stateOf(process) !== 'dead';
    })
    .map(({ opened }) => opened);
}
