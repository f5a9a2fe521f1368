/** How much room the store takes, and who uses it. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../util/digest.ts';
import { logFiles, namesIn } from './logs.ts';
import type { OpenStore } from './open.ts';
import { stateOf } from './process-identity.ts';
import { isDigest } from './schema.ts';

export interface StoreUsage {
  readonly stages: number;
  readonly items: number;
  /** Of blobs, of the memo table with its log, and of the logs of stages. */
  readonly bytes: number;
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

/** Length of a file in bytes; 0 where there is none. */
export function lengthOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

export function storeUsage(store: OpenStore): StoreUsage {
  const count = (table: 'memo' | 'items'): number =>
    store.database.read(() => store.database.sql(`SELECT count(*) FROM ${table}`).pluck().get() as number);
  const { path } = store.database;
  const table = ['', '-wal', '-shm'].map((suffix) => path + suffix);
  const paths = [...table, ...Array.from(blobFiles(store), (blob) => blob.path)];
  const logs = logFiles(store.folder).reduce((sum, log) => sum + log.bytes, 0);
  return {
    stages: count('memo'),
    items: count('items'),
    bytes: paths.reduce((sum, path) => sum + lengthOf(path), logs),
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
