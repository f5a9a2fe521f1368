/**
 * The memo table's connection: opened with care, written in groups, repaired when damaged. It knows SQLite and the
 * disk, and nothing of what the rows mean.
 *
 * Durability. SQLite runs in WAL mode with synchronous=NORMAL: a committed transaction survives any death of the
 * process, and a power cut never leaves the table inconsistent. What must also survive a power cut
 * (`makeDurable`) waits for an fsync of the write-ahead log, issued by us in the thread pool: the same guarantee as
 * synchronous=FULL, without stopping the event loop, and shared by all who wait.
 *
 * Damage. Whatever SQLite says is corrupt, at opening or at any later statement, is moved to `damaged-<time>/`
 * together with its log, once no other process has it open (see guard.ts), and a new table is begun: blobs are the
 * truth, rows can be computed again. While others still use the damaged table, this process goes on with a table in
 * memory: it loses only the time of recomputing.
 */
import { existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { faultPoint } from '../util/faults.ts';
import { makeFolder } from '../util/fs-durable.ts';
import type { StoreProblem } from './contract.ts';
import { damage, ForeignTable, isBusy, isDamage } from './damage.ts';
import { databaseError } from './disk-errors.ts';
import { Guard } from './guard.ts';
import { HighWater } from './high-water.ts';
import { readSnapshot } from './snapshot.ts';
import { connectTable, disconnectTable, patienceMs } from './table.ts';
import { WriteGroups } from './write-groups.ts';

/** SQLite's default. */
const pageSize = 4096;

export class Database {
  readonly folder: string;
  readonly path: string;
  readonly notices: StoreProblem[] = [];
  readonly #access: 'write' | 'read';
  readonly #guard: Guard;
  #db: Sqlite.Database | undefined;
  #inode = 0n;
  #repairs = 0;
  #generation = 0;
  #examined = 0;
  #writing = false;
  #inMemory = false;
  /** Of a table that is only read: its content. */
  #snapshot: Buffer | undefined;
  #statements = new Map<string, Sqlite.Statement>();
  readonly #groups: WriteGroups;
  readonly #highWater: HighWater;

  /** @param access `read`: nothing is written to the folder, which may be missing; what is written here is forgotten. */
  constructor(folder: string, access: 'write' | 'read' = 'write') {
    this.folder = folder;
    this.path = join(folder, 'memo.sqlite');
    this.#groups = new WriteGroups(
      this.path,
      (work) => this.#writeGroup(work),
      () => !this.#inMemory,
    );
    this.#highWater = new HighWater(join(folder, 'memo.count'));
    this.#access = access;
    const lock = join(folder, 'users.lock');
    try {
      this.#guard = new Guard(access === 'read' ? ':memory:' : lock);
    } catch (error) {
      throw databaseError(error, lock);
    }
    try {
      if (access === 'read') this.#take(lock);
      else this.#openWhole();
    } catch (error) {
      this.#disconnect();
      this.#guard.close();
      throw databaseError(error, this.path);
    }
  }

  // Opening

  /** Reads the table into memory. */
  #take(lock: string): void {
    this.#inMemory = true;
    try {
      this.#snapshot = readSnapshot(this.path, lock);
      this.#connect();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#doWithout(error);
    }
  }

  /** Damage in a table that is only read. */
  #doWithout(cause: unknown): void {
    this.#disconnect();
    this.#snapshot = undefined;
    this.#connect();
    this.notices.push({
      what: `the memo table is damaged (${(cause as Error).message}) and cannot be replaced in a folder that may only be read`,
      cure: 'this process goes on without it; a run by somebody who may write there replaces it',
    });
  }

  /** Opens, and says so where the table knows of less than was stored. */
  #openWhole(): void {
    const stored = this.#highWater.read();
    this.#open();
    const known = this.read(() => this.#groupsTaken());
    if (known >= stored) return;
    if (this.notices.length === 0)
      this.notices.push({
        what: `the memo table (${this.path}) has lost results that were stored in it: it is as it was some time ago`,
        cure: 'nothing: stages are computed again as needed. If it happens again, check the disk',
      });
    if (!this.#inMemory) this.#highWater.write(known);
  }

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
    this.#db = connectTable(this.#inMemory ? (this.#snapshot ?? ':memory:') : this.path, this.path);
    this.#generation++;
    this.#inode = this.#inMemory ? 0n : statSync(this.path, { bigint: true }).ino;
  }

  #disconnect(): void {
    this.#statements.clear();
    disconnectTable(this.#db);
    this.#db = undefined;
  }

  // Damage

  /** Needs the guard alone. */
  #moveAside(why: string): void {
    const stamp = new Date().toISOString().replaceAll(':', '-');
    const target = join(this.folder, `damaged-${stamp}`);
    makeFolder(target);
    this.#highWater.remove();
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
    if (this.#access === 'read') {
      this.#doWithout(cause);
      return;
    }
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

  #groupsTaken(): number {
    return Number(this.sql("SELECT value FROM meta WHERE name = 'groups'").pluck().get() ?? 0);
  }

  #writeGroup(work: () => void): void {
    const taken = this.write(() => {
      work();
      this.sql(
        "INSERT INTO meta VALUES ('groups', 1) ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1",
      ).run();
      return this.#groupsTaken();
    });
    if (!this.#inMemory) this.#highWater.write(taken);
  }

  /** Resolves when every transaction before it survives a power cut. */
  makeDurable(): Promise<void> {
    return this.#groups.makeDurable();
  }

  /** Writes in the next transaction, together with all others that wait for it. */
  enqueue(write: () => void): Promise<void> {
    return this.#groups.enqueue(write);
  }

  /**
   * Does `work` while no other store has the table open and nobody can open it. Undefined where others have, or where
   * the table proves damaged: that is mended by the next ordinary statement.
   */
  whileAlone<T>(work: () => T): { readonly result: T } | undefined {
    if (this.#inMemory || this.#db === undefined) return undefined;
    this.#groups.flush();
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
    this.#groups.flush();
    this.#highWater.close();
    this.#disconnect();
    this.#guard.close();
  }
}
