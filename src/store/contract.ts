import type { StoredFile, StoredOutput } from '../kind/artifact.ts';
import type { Facts } from '../kind/stage-kind.ts';
import type { Digest, ItemKey, StageKey } from '../util/digest.ts';
import type { JsonObject } from '../util/json.ts';

/** One row of the memo table: what a key gave. */
export interface MemoRow {
  readonly key: StageKey;
  readonly kind: string;
  readonly outputs: Readonly<Record<string, StoredOutput>>;
  readonly facts: Facts | null;
  /** Code that made the facts: facts of other code are made again, the outputs are not. */
  readonly factsCode: Digest | null;
  /** ISO time and how long it took. */
  readonly finishedAt: string;
  readonly wallMs: number;
  /** Engine, package versions, host: for the provenance record, in no key. */
  readonly environment: JsonObject;
}

/** The newest key of a stage of a pipeline, with its parts: what `why` compares with. */
export interface LatestKey {
  readonly stage: string;
  readonly key: StageKey;
  readonly parts: JsonObject;
}

export type Claim =
  | { readonly mine: true }
  | {
      readonly mine: false;
      readonly owner: string;
      readonly pid: number;
      readonly host: string;
      readonly since: string;
    };

/** How a published copy looked when it was made, so that an unchanged one is recognised without being read. */
export interface Publication {
  /** Absolute path of the copy. */
  readonly path: string;
  readonly file: StoredFile;
  /** Where the copy is to say more than the stored file: what is made of its bytes, and a digest that tells whether anew. */
  readonly made?: { readonly identity: Digest; readonly of: (bytes: Buffer) => Promise<Uint8Array> };
}

/** Something `verify` found. */
export interface StoreProblem {
  readonly what: string;
  readonly cure: string;
}

/**
 * The memo table (SQLite) and the object store (files by digest) behind one door. Several processes may hold the same
 * folder open at once: every run and every worker does.
 */
export interface Store {
  /** Absolute path of the cache folder. */
  readonly folder: string;
  /** What had to be repaired or given up until now (a corrupt database, damaged results); shown to the user. */
  readonly notices: readonly StoreProblem[];

  // Objects
  objectPath(digest: Digest): string;
  /** Whether the blob is there with the right length. Cheap: one stat. */
  hasObject(file: StoredFile): boolean;
  /** Takes a finished file into the store: hashed, fsynced, renamed, read-only. The file is consumed. */
  ingest(path: string): Promise<StoredFile>;
  ingestBytes(bytes: Uint8Array): Promise<StoredFile>;
  /** A new empty folder under `tmp/` on the store's file system; `discard` removes it. */
  createWorkFolder(): string;
  discard(folder: string): Promise<void>;

  // Memo of stages
  /** The row, if every blob it names is there with the right length. */
  lookup(key: StageKey): MemoRow | undefined;
  /** As `lookup` for each, in one view of the table. */
  lookupMany(keys: readonly StageKey[]): (MemoRow | undefined)[];
  /**
   * Inserts a row; concurrent calls share a transaction. When it resolves, no death of the process can take it; a power
   * cut can until `settle`.
   */
  commit(row: MemoRow): Promise<void>;
  /** Makes all that was ingested and committed durable. Happens by itself every second, and must at the end of a run. */
  settle(): Promise<void>;

  // Memo of items inside stages
  /** The stored bytes. `user` is the stage key that uses them, so that gc can tell what is still reachable. */
  item(key: ItemKey, user: StageKey): Promise<Uint8Array | undefined>;
  putItem(key: ItemKey, bytes: Uint8Array, user: StageKey): Promise<void>;
  /** How many of the items that a stage asked for through this store were stored, but are damaged or gone. */
  lostItems(user: StageKey): number;

  // Claims: a key that some process is computing
  claim(key: StageKey | ItemKey): Claim;
  release(key: StageKey | ItemKey): void;

  // What a pipeline's stages were
  latest(pipeline: string): Map<string, LatestKey>;
  /** Replaces the entries of these stages; those not named stay. */
  setLatest(pipeline: string, entries: readonly LatestKey[]): void;

  // Digests of files outside the store, remembered by path, size, mtime, ctime and inode
  fileDigest(path: string): Promise<StoredFile>;
  /** As `fileDigest`, for many at once and synchronously where all are known. Undefined: no such file. */
  fileDigests(paths: readonly string[]): Promise<(StoredFile | undefined)[]>;

  // Published copies
  /** Makes the copies that are missing or differ; returns the paths it wrote. */
  publish(publications: readonly Publication[]): Promise<string[]>;

  close(): void;
}
