/**
 * Who has the memo table open. Every open store holds a shared lock on the empty database `users.lock`; whoever wants
 * to move a damaged memo table aside, or to sweep without regard to others, takes it exclusively. It is SQLite's own
 * lock, so the system drops it when a process dies, however it dies. The file is never written and never removed.
 *
 * The rule that everything rests on: a connection to the memo table exists only while its process holds this lock.
 * (SQLite deletes a database's -wal by NAME when the last connection closes; a connection that outlived a replacement
 * would delete the log of the new one.)
 */
import { truncateSync } from 'node:fs';
import Sqlite from 'better-sqlite3';

export class Guard {
  readonly #path: string;
  #db: Sqlite.Database;
  #held: 'nothing' | 'shared' | 'alone' = 'nothing';

  constructor(path: string, { readOnly = false } = {}) {
    this.#path = path;
    this.#db = new Sqlite(path, { readonly: readOnly });
    try {
      this.share(0);
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (code.startsWith('SQLITE_BUSY')) return;
      if (readOnly || (code !== 'SQLITE_NOTADB' && !code.startsWith('SQLITE_CORRUPT'))) throw error;
      // Somebody wrote into it. The locks lie beyond its content, so emptying it disturbs nobody.
      this.#db.close();
      truncateSync(this.#path, 0);
      this.#db = new Sqlite(path);
    }
    this.leave();
  }

  get held(): 'nothing' | 'shared' | 'alone' {
    return this.#held;
  }

  #take(statement: string, held: 'shared' | 'alone', waitMs: number): boolean {
    this.#db.pragma(`busy_timeout = ${waitMs}`);
    try {
      this.#db.exec(statement);
      this.#held = held;
      return true;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return false;
      throw error;
    }
  }

  /** Whether no other store, in this process or another, has the table open, and none can open it until `leave`. */
  alone(waitMs = 0): boolean {
    return this.#take('BEGIN EXCLUSIVE', 'alone', waitMs);
  }

  /** Joins those who have it open; false where somebody stays alone for longer than `waitMs`. */
  share(waitMs: number): boolean {
    return this.#take('BEGIN; SELECT count(*) FROM sqlite_schema', 'shared', waitMs);
  }

  leave(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#held = 'nothing';
  }

  close(): void {
    this.leave();
    this.#db.close();
  }
}
