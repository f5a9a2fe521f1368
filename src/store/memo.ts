/** The memo of stages: key -> outputs. A row that is not whole, or whose blobs are not, counts as absent. */
import type { StoredOutput } from '../kind/artifact.ts';
import { digestOf, type StageKey } from '../util/digest.ts';
import type { JsonObject } from '../util/json.ts';
import type { MemoRow, StoreProblem } from './contract.ts';
import type { Database } from './database.ts';
import type { Objects } from './objects.ts';
import { sealOf } from './schema.ts';

interface Stored {
  readonly key: string;
  readonly payload: string;
  readonly environment: string;
  readonly seal: string;
  readonly used: number;
}

/** `used` is written again when it is older than this (seconds): often enough to tell gc the order. */
export const usedPrecision = 24 * 3600;
export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

export class Memo {
  readonly #database: Database;
  readonly #objects: Objects;
  /** Environments that were read or written: one for the many rows of a run. */
  readonly #environments = new Map<string, JsonObject>();
  #generation = 0;
  /** Keys whose row, or a blob of it, was damaged or gone. */
  readonly #damaged = new Set<StageKey>();

  constructor(database: Database, objects: Objects) {
    this.#database = database;
    this.#objects = objects;
  }

  get notices(): readonly StoreProblem[] {
    const count = this.#damaged.size;
    if (count === 0) return [];
    return [
      {
        what: `stored results of ${count === 1 ? 'one stage' : `${count} stages`} were damaged, or files of them are gone`,
        cure: 'nothing: stages are computed again as needed. If it happens again, check the disk',
      },
    ];
  }

  lookup(key: StageKey): MemoRow | undefined {
    return this.lookupMany([key])[0];
  }

  /** As `lookup`, in one read transaction. */
  lookupMany(keys: readonly StageKey[]): (MemoRow | undefined)[] {
    const stale: StageKey[] = [];
    const fresh = nowSeconds() - usedPrecision;
    const rows = this.#database.readMany(() => {
      stale.length = 0;
      const found = this.#select(keys);
      return keys.map((key) => {
        const stored = found.get(key);
        const row = stored && this.#decode(key, stored);
        if (!row || !this.#isWhole(row)) {
          if (stored) this.#damaged.add(key);
          return undefined;
        }
        if ((stored as Stored).used < fresh) stale.push(key);
        return row;
      });
    });
    if (stale.length === 0) return rows;
    const lost = this.#touch(stale);
    return lost.size === 0 ? rows : rows.map((row) => (row && lost.has(row.key) ? undefined : row));
  }

  /** One statement for all: every one that is run costs as much as several rows. */
  #select(keys: readonly StageKey[]): Map<string, Stored> {
    const rows = this.#database
      .sql('SELECT * FROM memo WHERE key IN (SELECT value FROM json_each(?))')
      .all(JSON.stringify(keys)) as Stored[];
    return new Map(rows.map((row) => [row.key, row]));
  }

  /** Marks hits as used, against gc; returns those that a gc has removed between the read and this. */
  #touch(keys: readonly StageKey[]): Set<StageKey> {
    const now = nowSeconds();
    return this.#database.write(() => {
      const update = this.#database.sql('UPDATE memo SET used = ? WHERE key = ?');
      return new Set(keys.filter((key) => update.run(now, key).changes === 0));
    });
  }

  #decode(key: StageKey, stored: Stored): MemoRow | undefined {
    const environment =
      sealOf('memo', key, stored.payload, stored.environment) === stored.seal
        ? this.#environment(stored.environment)
        : undefined;
    if (environment === undefined) {
      this.#database.suspect();
      return undefined;
    }
    const payload = JSON.parse(stored.payload) as Omit<MemoRow, 'key' | 'environment'>;
    return { key, ...payload, environment };
  }

  #environment(digest: string): JsonObject | undefined {
    if (this.#generation !== this.#database.generation) {
      this.#generation = this.#database.generation;
      this.#environments.clear();
    }
    const known = this.#environments.get(digest);
    if (known !== undefined) return known;
    const select = this.#database.sql('SELECT json FROM environments WHERE digest = ?').pluck();
    const json = select.get(digest) as string | undefined;
    if (typeof json !== 'string' || digestOf(json) !== digest) return undefined;
    const environment = JSON.parse(json) as JsonObject;
    // What a transaction of ours has written may still be rolled back.
    if (!this.#database.isWriting) this.#environments.set(digest, environment);
    return environment;
  }

  #isWhole(row: MemoRow): boolean {
    for (const output in row.outputs) {
      const { members } = row.outputs[output] as StoredOutput;
      for (const member in members) if (!this.#objects.has(members[member]!)) return false;
    }
    return true;
  }

  /** To be called inside a transaction. The blobs must be durable. */
  insert(row: MemoRow): void {
    const { key, environment: seen, ...payload } = row;
    const json = JSON.stringify(seen);
    const environment = digestOf(json);
    if (this.#environment(environment) === undefined) {
      this.#database.sql('INSERT OR REPLACE INTO environments VALUES (?, ?)').run(environment, json);
    }
    const text = JSON.stringify(payload);
    const seal = sealOf('memo', key, text, environment);
    this.#database
      .sql('INSERT OR REPLACE INTO memo (key, payload, environment, seal, used) VALUES (?, ?, ?, ?, ?)')
      .run(key, text, environment, seal, nowSeconds());
    // In a table whose order is damaged a row can be written where it will never be found.
    const read = this.#database.sql('SELECT seal FROM memo WHERE key = ?').pluck().get(key);
    if (read !== seal || this.#environment(environment) === undefined) this.#database.isLosingWrites();
  }
}
