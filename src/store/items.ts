/**
 * The memo of items, the sub-results inside stages. Small ones are columns, larger ones blobs. An item survives
 * the death of the process as soon as it is put; a power cut may cost the last ones, never the table.
 */

import { readFile } from 'node:fs/promises';
import type { ItemKey, StageKey } from '../util/digest.ts';
import { digestOf } from '../util/digest.ts';
import type { Database } from './database.ts';
import { nowSeconds, usedPrecision } from './memo.ts';
import type { Objects } from './objects.ts';
import { isDigest, sealOf } from './schema.ts';

/** Items up to this size (bytes) lie in the table. */
export const inlineLimit = 16 * 1024;

interface Stored {
  readonly size: number;
  readonly blob: string | null;
  readonly bytes: Buffer | null;
  readonly seal: string;
  readonly used: number;
  /** 1 where the asking stage is known as a user. */
  readonly known: number;
}

const select = `SELECT size, blob, bytes, seal, used,
  EXISTS (SELECT 1 FROM item_users WHERE item = items.key AND user = ?) AS known FROM items WHERE key = ?`;

export class Items {
  readonly #database: Database;
  readonly #objects: Objects;
  /** Of each stage that asked: the items that were damaged, or whose blob is gone. */
  readonly #lost = new Map<StageKey, Set<ItemKey>>();

  constructor(database: Database, objects: Objects) {
    this.#database = database;
    this.#objects = objects;
  }

  async get(key: ItemKey, user: StageKey): Promise<Uint8Array | undefined> {
    const stored = this.#stored(key, user);
    if (stored === undefined) return undefined;
    const bytes = await this.#read(key, stored);
    if (bytes === undefined) {
      // A gc that removed it meanwhile took the row first: that is no loss.
      if (this.#stored(key, user) !== undefined) this.#isLost(key, user);
      this.#database.read(() => this.#database.suspect());
      return undefined;
    }
    if (stored.known === 0 || stored.used < nowSeconds() - usedPrecision) {
      await this.#database.enqueue(() => {
        this.#database.sql('INSERT OR IGNORE INTO item_users VALUES (?, ?)').run(key, user);
        this.#database.sql('UPDATE items SET used = ? WHERE key = ?').run(nowSeconds(), key);
      });
    }
    return bytes;
  }

  /** How many of the items that a stage asked for were stored, but are damaged or gone. */
  lost(user: StageKey): number {
    return this.#lost.get(user)?.size ?? 0;
  }

  #isLost(key: ItemKey, user: StageKey): void {
    const items = this.#lost.get(user) ?? new Set();
    this.#lost.set(user, items.add(key));
  }

  #stored(key: ItemKey, user: StageKey): Stored | undefined {
    return this.#database.read(() => this.#database.sql(select).get(user, key)) as Stored | undefined;
  }

  async #read(key: ItemKey, stored: Stored): Promise<Uint8Array | undefined> {
    const { size, blob, bytes } = stored;
    if (bytes !== null) return sealOf('items', key, digestOf(bytes)) === stored.seal ? bytes : undefined;
    if (!isDigest(blob) || sealOf('items', key, blob) !== stored.seal) return undefined;
    if (!this.#objects.has({ digest: blob, bytes: size })) return undefined;
    // Read whole by its only reader, so it is checked whole: unlike a stage's output it costs nothing more.
    const content = await readFile(this.#objects.path(blob)).catch(() => undefined);
    return content !== undefined && digestOf(content) === blob ? content : undefined;
  }

  async put(key: ItemKey, bytes: Uint8Array, user: StageKey): Promise<void> {
    const inline = bytes.byteLength <= inlineLimit;
    const digest = inline ? digestOf(bytes) : (await this.#objects.ingestBytes(bytes)).digest;
    // The caller may use its buffer again while the write waits for its transaction.
    const kept = inline ? Buffer.from(bytes) : null;
    const seal = sealOf('items', key, digest);
    await this.#database.enqueue(() => {
      this.#database
        .sql('INSERT OR REPLACE INTO items (key, size, blob, bytes, seal, used) VALUES (?, ?, ?, ?, ?, ?)')
        .run(key, bytes.byteLength, inline ? null : digest, kept, seal, nowSeconds());
      const read = this.#database.sql('SELECT seal FROM items WHERE key = ?').pluck().get(key);
      if (read !== seal) this.#database.isLosingWrites();
      this.#database.sql('INSERT OR IGNORE INTO item_users VALUES (?, ?)').run(key, user);
    });
  }
}
