/**
 * `orograph verify`: reads everything that the store holds and says what is not as it should be. It trusts no length
 * and no time: every blob is hashed again, every row's seal is checked, every blob that a row names must be there.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import type { StoredOutput } from '../kind/artifact.ts';
import type { Digest } from '../util/digest.ts';
import { digestOf } from '../util/digest.ts';
import { removeFile } from '../util/fs-durable.ts';
import type { StoreProblem } from './contract.ts';
import { diskError } from './disk-errors.ts';
import { digestOpenFile } from './objects.ts';
import type { OpenStore } from './open.ts';
import { isDigest, sealOf } from './schema.ts';
import { removeTree } from './scratch.ts';
import { type BlobFile, blobFiles, lengthOf } from './usage.ts';

export interface Finding extends StoreProblem {
  /** `damage`: content was altered or lost. `leftover`: an interrupted process left something; harmless. */
  readonly severity: 'damage' | 'leftover';
}

export interface VerifyOptions {
  readonly onProgress?: (progress: { readonly blobs: number; readonly bytes: number }) => void;
  /** Removes what is damaged or left over, so that it is computed again. */
  readonly repair?: boolean;
}

/** Yields what it finds as it finds it. */
export async function* verify(store: OpenStore, options: VerifyOptions = {}): AsyncGenerator<Finding> {
  yield* verifyBlobs(store, options);
  yield* verifyRows(store, options);
  yield* verifyItems(store, options);
  await store.tidied;
  for (const path of store.scratch.abandoned()) {
    if (options.repair) await removeTree(path);
    yield {
      severity: 'leftover',
      what: `an interrupted process left ${path}`,
      cure: cureOf(options, 'remove it'),
    };
  }
}

const cureOf = ({ repair }: VerifyOptions, action: string): string =>
  repair ? 'removed' : `\`orograph verify --repair\` will ${action}`;

async function* verifyBlobs(store: OpenStore, options: VerifyOptions): AsyncGenerator<Finding> {
  let blobs = 0;
  let bytes = 0;
  for (const blob of blobFiles(store)) {
    const length = await digestOfBlob(blob);
    // Removed meanwhile by a garbage collection.
    if (length === undefined) continue;
    blobs++;
    bytes += length.bytes;
    options.onProgress?.({ blobs, bytes });
    if (blob.digest === length.digest) continue;
    if (options.repair) removeFile(blob.path);
    const what =
      blob.digest === undefined
        ? `${blob.path} is not a blob of the store`
        : `the content of ${blob.path} has been altered (its digest is now ${length.digest})`;
    yield { severity: 'damage', what, cure: cureOf(options, 'remove it; what needs it is computed again') };
  }
}

async function digestOfBlob({ path }: BlobFile): Promise<{ digest: Digest; bytes: number } | undefined> {
  try {
    const fd = openSync(path, 'r');
    try {
      return await digestOpenFile(fd, fstatSync(fd).size);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw diskError(error, 'read a blob', path);
  }
}

interface RowText {
  readonly key: string;
  readonly payload: string;
  readonly environment: string;
  readonly seal: string;
  readonly json: string | null;
}

async function* verifyRows(store: OpenStore, options: VerifyOptions): AsyncGenerator<Finding> {
  const { database } = store;
  const rows = database.read(() =>
    database
      .sql('SELECT memo.*, json FROM memo LEFT JOIN environments ON environments.digest = memo.environment')
      .all(),
  ) as RowText[];
  for (const row of rows) {
    const what = wrongWithRow(store, row);
    if (what === undefined) continue;
    if (options.repair) database.write(() => database.sql('DELETE FROM memo WHERE key = ?').run(row.key));
    yield {
      severity: 'damage',
      what: `the memo of stage key ${row.key} ${what}`,
      cure: cureOf(options, 'remove it; the stage is computed again'),
    };
  }
}

function wrongWithRow(store: OpenStore, row: RowText): string | undefined {
  if (sealOf('memo', row.key, row.payload, row.environment) !== row.seal) return 'has been altered';
  if (row.json === null || digestOf(row.json) !== row.environment) return 'has lost its environment';
  const { outputs } = JSON.parse(row.payload) as { outputs: Record<string, StoredOutput> };
  for (const [name, output] of Object.entries(outputs)) {
    for (const file of Object.values(output.members)) {
      if (!store.hasObject(file)) return `names content that is missing (output ${name}, ${file.digest})`;
    }
  }
  return undefined;
}

interface ItemText {
  readonly key: string;
  readonly size: number;
  readonly blob: string | null;
  readonly bytes: Buffer | null;
  readonly seal: string;
}

async function* verifyItems(store: OpenStore, options: VerifyOptions): AsyncGenerator<Finding> {
  const { database } = store;
  // One key after another: all items at once may be more than fits in memory.
  const next = (key: string): ItemText | undefined =>
    database.read(() => database.sql('SELECT * FROM items WHERE key > ? ORDER BY key LIMIT 1').get(key)) as
      | ItemText
      | undefined;
  for (let item = next(''); item !== undefined; item = next(item.key)) {
    const { key, size, blob, bytes, seal } = item;
    const digest = bytes === null ? blob : digestOf(bytes);
    const sealed = digest !== null && sealOf('items', key, digest) === seal;
    const there = bytes !== null || (isDigest(blob) && lengthOf(store.objectPath(blob)) === size);
    if (sealed && there) continue;
    if (options.repair) database.write(() => database.sql('DELETE FROM items WHERE key = ?').run(key));
    yield {
      severity: 'damage',
      what: `the sub-result ${key} ${sealed ? 'names content that is missing' : 'has been altered'}`,
      cure: cureOf(options, 'remove it; it is computed again'),
    };
  }
}
