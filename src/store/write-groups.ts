/**
 * Writes that share transactions, and waits that share fsyncs of the write-ahead log: with hundreds of stages a second
 * both are what a result costs.
 */
import { closeSync, openSync } from 'node:fs';
import { fsyncOpen, SharedFsync } from '../util/fs-durable.ts';
import { diskError } from './disk-errors.ts';

interface Waiting {
  readonly write: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WriteGroups {
  /** Of the table. */
  readonly #path: string;
  readonly #transaction: (work: () => void) => void;
  readonly #logSync: SharedFsync;
  #queue: Waiting[] = [];
  #scheduled = false;

  /**
   * @param transaction runs writes as one
   * @param isOnDisk whether there is a log now: a table in memory has none
   */
  constructor(path: string, transaction: (work: () => void) => void, isOnDisk: () => boolean) {
    this.#path = path;
    this.#transaction = transaction;
    this.#logSync = new SharedFsync(async () => {
      if (isOnDisk()) await syncLog(path);
    });
  }

  /** Writes in the next transaction, together with all others that wait for it. */
  enqueue(write: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.flush());
    });
  }

  /** Writes now what waits. */
  flush(): void {
    this.#scheduled = false;
    const group = this.#queue;
    this.#queue = [];
    if (group.length === 0) return;
    try {
      this.#transaction(() => {
        for (const { write } of group) write();
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { resolve } of group) resolve();
  }

  /** Resolves when every transaction before it survives a power cut. */
  async makeDurable(): Promise<void> {
    try {
      await this.#logSync.request();
    } catch (error) {
      throw diskError(error, 'write the memo table', this.#path);
    }
  }
}

async function syncLog(path: string): Promise<void> {
  // A descriptor of our own: the log's locks are in -shm, so that closing it releases none. Where the log is gone,
  // the last connection has closed and moved it into the table, durably.
  let fd: number;
  try {
    fd = openSync(`${path}-wal`, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    await fsyncOpen(fd, 'memo.sqlite-wal', true);
  } finally {
    closeSync(fd);
  }
}
