/** The newest key of each stage of a pipeline, with its parts: what `why` and `status` compare with. */
import type { StageKey } from '../util/digest.ts';
import type { JsonObject } from '../util/json.ts';
import type { LatestKey } from './contract.ts';
import type { Database } from './database.ts';
import { sealOf } from './schema.ts';

interface Stored {
  readonly stage: string;
  readonly key: string;
  readonly parts: string;
  readonly seal: string;
}

/** Its parts are parsed when they are asked for: a run of 10,000 stages asks for few. */
class Entry implements LatestKey {
  readonly stage: string;
  readonly key: StageKey;
  readonly #text: string;
  #parts: JsonObject | undefined;
  constructor(stored: Stored) {
    this.stage = stored.stage;
    this.key = stored.key as StageKey;
    this.#text = stored.parts;
  }
  get parts(): JsonObject {
    this.#parts ??= JSON.parse(this.#text) as JsonObject;
    return this.#parts;
  }
}

export class Latest {
  readonly #database: Database;
  constructor(database: Database) {
    this.#database = database;
  }

  of(pipeline: string): Map<string, LatestKey> {
    const rows = this.#database.read(() =>
      this.#database.sql('SELECT stage, key, parts, seal FROM latest WHERE pipeline = ?').all(pipeline),
    ) as Stored[];
    const isWhole = ({ stage, key, parts, seal }: Stored) =>
      seal === sealOf('latest', pipeline, stage, key, parts);
    const whole = rows.filter(isWhole);
    if (whole.length < rows.length) this.#forget(pipeline, rows);
    return new Map(whole.map((row) => [row.stage, new Entry(row)]));
  }

  /** Removes what was altered on the disk, so that `set` writes it again. */
  #forget(pipeline: string, rows: readonly Stored[]): void {
    this.#database.write(() => {
      this.#database.suspect();
      const remove = this.#database.sql('DELETE FROM latest WHERE pipeline = ? AND stage = ? AND seal = ?');
      for (const { stage, key, parts, seal } of rows) {
        if (seal !== sealOf('latest', pipeline, stage, key, parts)) remove.run(pipeline, stage, seal);
      }
    });
  }

  /** The parts decide the key, so that an entry whose key is the same is the same. */
  set(pipeline: string, entries: readonly LatestKey[]): void {
    const rows = this.#database.read(() =>
      this.#database.sql('SELECT stage, key FROM latest WHERE pipeline = ?').all(pipeline),
    ) as { stage: string; key: string }[];
    const before = new Map(rows.map(({ stage, key }) => [stage, key]));
    const changed = entries.filter(({ stage, key }) => before.get(stage) !== key);
    if (changed.length === 0) return;
    this.#database.write(() => {
      const insert = this.#database.sql(
        'INSERT OR REPLACE INTO latest (pipeline, stage, key, parts, seal) VALUES (?, ?, ?, ?, ?)',
      );
      for (const { stage, key, parts } of changed) {
        const text = JSON.stringify(parts);
        insert.run(pipeline, stage, key, text, sealOf('latest', pipeline, stage, key, text));
      }
    });
  }
}
