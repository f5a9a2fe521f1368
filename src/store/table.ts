/** One connection to a memo table: opened, begun where it is new, and refused where it is not ours. */
import Sqlite from 'better-sqlite3';
import { UserError } from '../diagnostics/diagnostic.ts';
import { faultPoint } from '../util/faults.ts';
import { ForeignTable, isBusy } from './damage.ts';
import { applicationId, formatVersion, schema, tables } from './schema.ts';

/** How long to wait for another process's transaction before the user hears of it. */
export const patienceMs = 120_000;

/**
 * Connects to the table in a file, or to one in memory: `:memory:`, or the content of a file.
 * @param path names the table in messages
 * @throws what SQLite says; `ForeignTable` for a database that is not ours; `UserError` for one of a newer orograph
 */
export function connectTable(source: string | Buffer, path: string): Sqlite.Database {
  const db = new Sqlite(source, { timeout: 10_000 });
  try {
    // Set in this order: what WAL mode makes cheap must not happen before WAL mode.
    const version = db.pragma('user_version', { simple: true });
    if (version !== formatVersion || db.pragma('application_id', { simple: true }) !== applicationId) {
      initialise(db, path);
    }
    db.pragma('synchronous = NORMAL');
    for (const table of tables) db.prepare(`SELECT 1 FROM ${table} LIMIT 0`);
    return db;
  } catch (error) {
    disconnectTable(db);
    const message = (error as Error).message;
    if (/no such (table|column)|malformed database schema/.test(message)) throw new ForeignTable(message);
    throw error;
  }
}

export function disconnectTable(db: Sqlite.Database | undefined): void {
  try {
    db?.close();
  } catch {
    // A damaged table may refuse its last checkpoint; it is left as it is.
  }
}

function initialise(db: Sqlite.Database, path: string): void {
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
    if (!empty) refuse(db, version, application, path);
    faultPoint('before commit', 'schema');
    db.exec(schema);
    db.exec('COMMIT');
    faultPoint('after commit', 'schema');
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
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
