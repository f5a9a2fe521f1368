/** The tables of `memo.sqlite`, and their version. */
import { hash } from 'node:crypto';
import type { Digest } from '../util/digest.ts';

/** Raise it when the tables change; a store of an older version is moved aside and begun anew, a newer one refused. */
export const formatVersion = 1;
/** 'orog' in ASCII, in SQLite's header: tells our file from any other database. */
export const applicationId = 0x6f726f67;

/**
 * Every row that answers a question of the run carries `seal`, a checksum over the rest of it: a row that was altered
 * on the disk in a way that SQLite cannot see counts as absent.
 *
 * - `memo`: stage key -> what it gave. `used` (seconds) is when it last was a hit, to a day, so that gc can tell the
 *   order and a run without changes need not write.
 * - `environments`: what rows ran in, once for the many rows of a run.
 * - `items`, `item_users`: sub-results inside stages, inline or as blobs, and the stages that use them.
 * - `claims`: who computes a key now. `latest`: the newest key of each stage of a pipeline.
 * - `file_digests`, `published`: what files outside the store looked like when they were hashed or written.
 */
export const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('format', '${formatVersion}');
CREATE TABLE environments (digest TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE memo (
  key TEXT PRIMARY KEY, payload TEXT NOT NULL, environment TEXT NOT NULL, seal TEXT NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE items (
  key TEXT PRIMARY KEY, size INTEGER NOT NULL, blob TEXT, bytes BLOB, seal TEXT NOT NULL, used INTEGER NOT NULL
);
CREATE TABLE item_users (item TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (item, user)) WITHOUT ROWID;
CREATE TABLE claims (
  key TEXT PRIMARY KEY, store TEXT NOT NULL, owner TEXT NOT NULL, host TEXT NOT NULL, machine TEXT NOT NULL,
  pid INTEGER NOT NULL, started TEXT NOT NULL, since TEXT NOT NULL, beat INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE latest (
  pipeline TEXT NOT NULL, stage TEXT NOT NULL, key TEXT NOT NULL, parts TEXT NOT NULL, seal TEXT NOT NULL,
  PRIMARY KEY (pipeline, stage)
);
CREATE TABLE file_digests (
  path TEXT PRIMARY KEY, identity TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL, seal TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE published (
  path TEXT PRIMARY KEY, identity TEXT NOT NULL, digest TEXT NOT NULL, seal TEXT NOT NULL
) WITHOUT ROWID;
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${formatVersion};
`;

export const tables = [
  'meta',
  'environments',
  'memo',
  'items',
  'item_users',
  'claims',
  'latest',
  'file_digests',
  'published',
] as const;

/** The checksum of a row: of its table's name and its columns, each ended by a character that none contains. */
export function sealOf(table: (typeof tables)[number], ...columns: readonly (string | number)[]): string {
  return hash('sha256', `${table}\0${columns.join('\0')}`).slice(0, 24);
}

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}
