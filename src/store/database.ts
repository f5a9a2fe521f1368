/**
 * The memo table's connection: opened with care, written in groups, repaired when damaged. It knows SQLite and the
 * disk, and nothing of what the rows mean.
 *
 * Durability. SQLite runs in WAL mode with synchronous=NORMAL: a committed transaction survives any death of the
 * process, and a power cut never leaves the table inconsistent. What must also survive a power cut (`enqueue` with
 * `durable`) waits for an fsync of the write-ahead log, issued by us in the thread pool: the same guarantee as
 * synchronous=FULL, without stopping the event loop, and shared by all who wait.
 *
 * Damage. Whatever SQLite says is corrupt, at opening or at any later statement, is moved to `damaged-<time>/`
 * together with its log, once no other process has it open (see guard.ts), and a new table is begun: blobs are the
 * truth, rows can be computed again. While others still use the damaged table, this process goes on with a table in
 * memory: it loses only the time of recomputing.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { UserError } from '../diagnostics/diagnostic.ts';
import { faultPoint } from '../util/faults.ts';
import { fsyncOpen, SharedFsync } from '../util/fs-durable.ts';
import type { StoreProblem } from './contract.ts';
import { databaseError, diskError } from './disk-errors.ts';
import { Guard } from './guard.ts';
import { applicationId, formatVersion, schema, tables } from './schema.ts';

/** How long to wait for another process's transaction before the user hears of it. */
const patienceMs = 120_000;

/** SQLite's default. */
const pageSize = 4096;

/** What SQLite would say had it seen the damage itself. */
const damage = (what: string): Error => Object.assign(new Error(what), { code: 'SQLITE_CORRUPT' });

interface Waiting {
  readonly write: () => void;
  readonly durable: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const isDamage = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | undefined)?.code;
  return (
    error instanceof ForeignTable ||
    (typeof code === 'string' &&
      (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' || code === 'SQLITE_IOERR_SHORT_READ'))
  );
};
const isBusy = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'));
};

/** The file is a database, but not one of ours, or not of our version. */
class ForeignTable extends Error {}

export class Database {
  readonly folder: string;
  readonly path: string;
  readonly notices: StoreProblem[] = [];
  readonly #guard: Guard;
  #db: Sqlite.Database | undefined;
  #inode = 0n;
  #repairs = 0;
  #generation = 0;
  #examined = 0;
  #writing = false;
  #inMemory = false;
  #statements = new Map<string, Sqlite.Statement>();
  #queue: Waiting[] = [];
  #scheduled = false;
  #logSync = new SharedFsync(() => this.#syncLog());

  constructor(folder: string) {
    this.folder = folder;
    this.path = join(folder, 'memo.sqlite');
    try {
      this.#guard = new Guard(join(folder, 'users.lock'));
    } catch (error) {
      throw databaseError(error, join(folder, 'users.lock'));
    }
    try {
      this.#open();
    } catch (error) {
      this.#disconnect();
      this.#guard.close();
      throw databaseError(error, this.path);
    }
  }

  // Opening

  #open(): void {
    if (this.#guard.alone()) {
      try {
        this.#prepareAlone();
      } finally {
        this.#guard.leave();
      }
    }
    if (!this.#guard.share(patienceMs)) throw Object.assign(new Error('users.lock'), { code: 'SQLITE_BUSY' });
    try {
      this.#connect();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#repair(error);
    }
  }

  /** Nobody else is here: looks after what a crash left, and creates the table. */
  #prepareAlone(): void {
    const unclean = (statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    const there = size > 0;
    const torn = size % pageSize !== 0;
    if (there && !unclean && !torn) return;
    if (!there && unclean) {
      this.#moveAside('its write-ahead log was left without it');
    }
    try {
      this.#connect();
      if (torn) throw damage('it was cut off');
      const verdict = unclean ? this.sql('PRAGMA quick_check(1)').pluck().get() : 'ok';
      if (verdict !== 'ok') throw damage(String(verdict));
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#disconnect();
      this.#moveAside((error as Error).message);
      this.#connect();
    } finally {
      this.#disconnect();
    }
  }

  /** Needs the guard. */
  #connect(): void {
    const db = new Sqlite(this.#inMemory ? ':memory:' : this.path, { timeout: 10_000 });
    this.#db = db;
    this.#generation++;
    try {
      // Set in this order: what WAL mode makes cheap must not happen before WAL mode.
      const version = db.pragma('user_version', { simple: true });
      if (version !== formatVersion || db.pragma('application_id', { simple: true }) !== applicationId) {
        this.#initialise(db);
      }
      db.pragma('synchronous = NORMAL');
      for (const table of tables) this.sql(`SELECT 1 FROM ${table} LIMIT 0`);
      this.#inode = this.#inMemory ? 0n : statSync(this.path, { bigint: true }).ino;
    } catch (error) {
      this.#disconnect();
      const message = (error as Error).message;
      if (/no such (table|column)|malformed database schema/.test(message)) throw new ForeignTable(message);
      throw error;
    }
  }

  #initialise(db: Sqlite.Database): void {
    const started = Date.now();
    for (;;) {
      try {
        db.pragma('journal_mode = WAL');
        break;
      } catch (error) {
        // Two processes that change the mode at once get "busy" without having waited.
        if (!isBusy(error) || Date.now() - started > patienceMs) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
    db.exec('BEGIN IMMEDIATE');
    try {
      const version = db.pragma('user_version', { simple: true }) as number;
      const application = db.pragma('application_id', { simple: true });
      if (version === formatVersion && application === applicationId) return;
      const empty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
      if (!empty) refuse(db, version, application, this.path);
      faultPoint('before commit', 'schema');
      db.exec(schema);
      db.exec('COMMIT');
      faultPoint('after commit', 'schema');
    } finally {
      if (db.inTransaction) db.exec('ROLLBACK');
    }
  }

  #disconnect(): void {
    this.#statements.clear();
    try {
      this.#db?.close();
    } catch {
      // A damaged table may refuse its last checkpoint; it is left as it is.
    }
    this.#db = undefined;
  }

  // Damage

  /** Needs the guard alone. */
  #moveAside(why: string): void {
    const stamp = new Date().toISOString().replaceAll(':', '-');
    const target = join(this.folder, `damaged-${stamp}`);
    mkdirSync(target, { recursive: true });
    for (const suffix of ['', '-wal', '-shm']) {
      if (!existsSync(this.path + suffix)) continue;
      faultPoint('before rename', target);
      renameSync(this.path + suffix, join(target, `memo.sqlite${suffix}`));
      faultPoint('after rename', target);
    }
    this.notices.push({
      what: `the memo table was damaged (${why}) and is now in ${target}; stored results must be found again`,
      cure: 'nothing: stages are computed again as needed. If it happens again, check the disk',
    });
  }

  /** A statement found damage: puts a working table in place of it. */
  #repair(cause: unknown): void {
    const damaged = this.#inode || (statSync(this.path, { throwIfNoEntry: false, bigint: true })?.ino ?? 0n);
    this.#disconnect();
    this.#guard.leave();
    const again = ++this.#repairs > 1 || cause instanceof ForeignTable || damaged === 0n;
    if (this.#guard.alone(500)) {
      try {
        const now = statSync(this.path, { throwIfNoEntry: false, bigint: true })?.ino;
        // Another inode: somebody else has already replaced it.
        if (now === damaged && (again || !this.#isSound())) this.#moveAside((cause as Error).message);
        this.#prepareAlone();
      } finally {
        this.#guard.leave();
      }
    } else {
      this.#inMemory = true;
    }
    if (!this.#guard.share(patienceMs)) throw cause;
    try {
      this.#connect();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#inMemory = true;
      this.#connect();
    }
    if (!this.#inMemory) return;
    // Without the guard, others are free to replace the damaged table.
    this.#guard.leave();
    this.notices.push({
      what: `the memo table is damaged (${(cause as Error).message}) and other processes still use it`,
      cure: 'this process goes on without it; the table is replaced when the others have ended',
    });
  }

  #mend(cause: unknown): void {
    try {
      this.#repair(cause);
    } catch (error) {
      throw databaseError(error, this.path);
    }
  }

  /** Damage may have been seen through a bad index in shared memory only, which opening alone rebuilds. */
  #isSound(): boolean {
    try {
      this.#connect();
      return this.sql('PRAGMA integrity_check(1)').pluck().get() === 'ok';
    } catch (error) {
      if (isDamage(error)) return false;
      throw error;
    } finally {
      this.#disconnect();
    }
  }

  #attempt<T>(work: () => T): T {
    const started = Date.now();
    for (let repairs = 0; ; ) {
      try {
        if (this.#db === undefined) throw new Error('the store is closed');
        return work();
      } catch (error) {
        if (this.#db?.inTransaction) this.#db.exec('ROLLBACK');
        if (this.#guard.held === 'alone') throw error;
        if (isDamage(error) && repairs++ < 3) this.#mend(error);
        else if (!isBusy(error) || Date.now() - started > patienceMs) throw databaseError(error, this.path);
      }
    }
  }

  // Work

  /** Counts the connections: what was remembered of another one may not be in this one's table. */
  get generation(): number {
    return this.#generation;
  }
  get isWriting(): boolean {
    return this.#writing;
  }

  /**
   * Called inside `read`, `write` or `enqueue` by whoever meets a row that was altered: looks once at the whole table,
   * and has it replaced where more is wrong than that row.
   */
  suspect(): void {
    if (this.#examined === this.#generation) return;
    this.#examined = this.#generation;
    const verdict = this.sql('PRAGMA integrity_check(1)').pluck().get();
    if (verdict !== 'ok') throw damage(String(verdict));
  }

  /** Called inside `write` or `enqueue` by whoever does not find what it has just written. */
  isLosingWrites(): never {
    throw damage('it loses what is written');
  }

  /** A prepared statement, kept for the life of the connection. Only inside `read`, `write` and `enqueue`. */
  sql(text: string): Sqlite.Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = (this.#db as Sqlite.Database).prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** Runs reads; after a repair they run again, on the new table. */
  read<T>(work: () => T): T {
    return this.#attempt(work);
  }

  /** As `read`, for many statements: one view of the table, and its locks are taken once. */
  readMany<T>(work: () => T): T {
    return this.#attempt(() => {
      this.sql('BEGIN').run();
      const result = work();
      this.sql('COMMIT').run();
      return result;
    });
  }

  /** Runs writes in one transaction, which survives the death of this process when the call returns. */
  write<T>(work: () => T): T {
    return this.#attempt(() => {
      faultPoint('before begin');
      this.sql('BEGIN IMMEDIATE').run();
      this.#writing = true;
      try {
        const result = work();
        faultPoint('before commit');
        this.sql('COMMIT').run();
        faultPoint('after commit');
        return result;
      } finally {
        this.#writing = false;
      }
    });
  }

  /** Resolves when every transaction before it survives a power cut. */
  async makeDurable(): Promise<void> {
    try {
      await this.#logSync.request();
    } catch (error) {
      throw diskError(error, 'write the memo table', this.path);
    }
  }

  /** Writes in the next transaction, together with all others that wait for it. `durable`: survives a power cut. */
  enqueue(write: () => void, durable: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, durable, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#scheduled = false;
    const group = this.#queue;
    this.#queue = [];
    if (group.length === 0) return;
    try {
      this.write(() => {
        for (const { write } of group) write();
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    const durable = group.filter((waiting) => waiting.durable);
    for (const waiting of group) if (!waiting.durable) waiting.resolve();
    if (durable.length === 0) return;
    this.#logSync.request().then(
      () => {
        for (const { resolve } of durable) resolve();
      },
      (error) => {
        for (const { reject } of durable) reject(diskError(error, 'write the memo table', this.path));
      },
    );
  }

  async #syncLog(): Promise<void> {
    if (this.#inMemory) return;
    // A descriptor of our own: the log's locks are in -shm, so that closing it releases none. Where the log is gone,
    // the last connection has closed and moved it into the table, durably.
    let fd: number;
    try {
      fd = openSync(`${this.path}-wal`, 'r');
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

  /**
   * Does `work` while no other store has the table open and nobody can open it. Undefined where others have, or where
   * the table proves damaged: that is mended by the next ordinary statement.
   */
  whileAlone<T>(work: () => T): { readonly result: T } | undefined {
    if (this.#inMemory || this.#db === undefined) return undefined;
    this.#flush();
    this.#disconnect();
    this.#guard.leave();
    try {
      if (!this.#guard.alone()) return undefined;
      this.#connect();
      return { result: work() };
    } catch (error) {
      if (!isDamage(error)) throw databaseError(error, this.path);
      return undefined;
    } finally {
      this.#disconnect();
      this.#guard.leave();
      this.#open();
    }
  }

  close(): void {
    if (this.#db === undefined) return;
    this.#flush();
    this.#disconnect();
    this.#guard.close();
  }
}

/** Says why a database that is not empty is not ours. */
function refuse(db: Sqlite.Database, version: number, application: unknown, path: string): never {
  const format = () => db.prepare("SELECT value FROM meta WHERE name = 'format'").pluck().get();
  // The header may be damaged: the version is believed only where the table says the same.
  if (application === applicationId && version > formatVersion && format() === String(version)) {
    throw new UserError({
      severity: 'error',
      code: 'store-too-new',
      message: `the cache was written by a newer orograph (format ${version}, this one knows ${formatVersion}): ${path}`,
      hint: 'update orograph, or use another cache with --cache',
    });
  }
  throw new ForeignTable(
    version < formatVersion && application === applicationId
      ? `its format ${version} is no longer read`
      : 'it is not a memo table of orograph',
  );
}
