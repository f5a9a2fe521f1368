/**
 * The memo table as it stands, in memory: for those who only read, in a cache that they may not write (a colleague's,
 * an archive mounted read-only). What they write goes to their memory and is forgotten with them.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { Guard } from './guard.ts';
import { patienceMs } from './table.ts';

/**
 * The content of the table in a file, with what its write-ahead log adds; undefined where there is none yet. Nothing
 * in the file's folder is written.
 * @param lock who has the table open, see guard.ts
 * @throws what SQLite and the system say
 */
export function readSnapshot(path: string, lock: string): Buffer | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.size) return undefined;
  // Without the lock file nobody can be at work on the table: it is a copy.
  const guard = existsSync(lock) ? new Guard(lock, { readOnly: true }) : undefined;
  try {
    if (guard && !guard.share(patienceMs)) throw Object.assign(new Error(lock), { code: 'SQLITE_BUSY' });
    return asMemory(existsSync(`${path}-wal`) ? readWithLog(path) : readFileSync(path));
  } finally {
    guard?.close();
  }
}

/** A table in memory has no write-ahead log, and SQLite refuses one whose header says that it has (file format, 1.3.3). */
function asMemory(content: Buffer): Buffer {
  if (content[18] === 2) content[18] = 1;
  if (content[19] === 2) content[19] = 1;
  return content;
}

function readWithLog(path: string): Buffer {
  // Where others use the table its index is there, and reading joins them without a write.
  if (existsSync(`${path}-shm`)) {
    try {
      return serialized(path);
    } catch (error) {
      // An index that a crash left can be no use; any other trouble is met again below.
      if (!(error instanceof Sqlite.SqliteError)) throw error;
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'orograph-memo-'));
  try {
    const copy = join(folder, 'memo.sqlite');
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    return serialized(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function serialized(path: string): Buffer {
  const db = new Sqlite(path, { readonly: true, timeout: 10_000 });
  try {
    return db.serialize();
  } finally {
    db.close();
  }
}
