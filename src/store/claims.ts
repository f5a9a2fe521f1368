/**
 * Claims: rows that say who computes a key now, so that concurrent runs share work instead of repeating it. A claim is
 * good while its owner lives: at once void when its process is dead on this machine, and after a while without a
 * heartbeat elsewhere. A claim that is taken over from somebody who lives after all costs a computation, never a
 * wrong result: both insert the same row.
 */
import { hostname } from 'node:os';
import type { ItemKey, StageKey } from '../util/digest.ts';
import type { Claim } from './contract.ts';
import type { Database } from './database.ts';
import { stateOf, thisProcess } from './process-identity.ts';

export const heartbeatMs = 2_000;
export const expiryMs = 15_000;

interface Stored {
  readonly store: string;
  readonly owner: string;
  readonly host: string;
  readonly machine: string;
  readonly pid: number;
  readonly started: string;
  readonly since: string;
  readonly beat: number;
}

export class Claims {
  readonly #database: Database;
  /** Unique to one open store: two stores of one process do not share claims. */
  readonly #store: string;
  readonly #owner: string;
  readonly #held = new Set<StageKey | ItemKey>();
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Database, store: string, owner: string) {
    this.#database = database;
    this.#store = store;
    this.#owner = owner;
  }

  claim(key: StageKey | ItemKey): Claim {
    const claim = this.#database.write((): Claim => {
      const stored = this.#database.sql('SELECT * FROM claims WHERE key = ?').get(key) as Stored | undefined;
      if (stored !== undefined && stored.store !== this.#store && !isVoid(stored)) {
        const { owner, pid, host, since } = stored;
        return { mine: false, owner, pid, host, since };
      }
      const { machine, pid, started } = thisProcess();
      const now = Date.now();
      this.#database
        .sql('INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          key,
          this.#store,
          this.#owner,
          hostname(),
          machine,
          pid,
          started,
          new Date(now).toISOString(),
          now,
        );
      return { mine: true };
    });
    if (claim.mine) {
      this.#held.add(key);
      this.#timer ??= setInterval(() => this.#beat(), heartbeatMs).unref();
    }
    return claim;
  }

  release(key: StageKey | ItemKey): void {
    if (!this.#held.delete(key)) return;
    this.#database.write(() => this.#remove(key));
    this.#rest();
  }

  /** As `release`, as part of a transaction that the caller has begun: a commit ends the claim. */
  releaseWithin(key: StageKey): void {
    if (this.#held.has(key)) this.#remove(key);
  }

  /** After the transaction of `releaseWithin` is committed. */
  released(key: StageKey): void {
    if (this.#held.delete(key)) this.#rest();
  }

  #remove(key: StageKey | ItemKey): void {
    this.#database.sql('DELETE FROM claims WHERE key = ? AND store = ?').run(key, this.#store);
  }

  #beat(): void {
    try {
      this.#database.write(() =>
        this.#database.sql('UPDATE claims SET beat = ? WHERE store = ?').run(Date.now(), this.#store),
      );
    } catch {
      // A disk that is full now may not be in two seconds; the run hears of it from its next commit.
    }
  }

  #rest(): void {
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#held.size === 0) return;
    this.#held.clear();
    this.#database.write(() => this.#database.sql('DELETE FROM claims WHERE store = ?').run(this.#store));
  }
}

/** Whether nobody can be working on it. A beat in the future is a clock that was set back: no proof of life. */
export function isVoid(claim: Pick<Stored, 'machine' | 'pid' | 'started' | 'beat'>): boolean {
  return stateOf(claim) === 'dead' || Math.abs(Date.now() - claim.beat) > expiryMs;
}
