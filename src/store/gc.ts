/**
 * `orograph gc`: removes what the kept keys cannot reach.
 *
 * Others may use the store meanwhile, and must never lose what they rely on:
 * - Where no other store is open, the whole collection runs with the guard held alone, and nobody can open one.
 * - Otherwise every row, item and blob stays that was used, or put there, since the oldest open store was opened
 *   (less the day by which `used` may lag). A hit on an older row marks it as used first, in a transaction, and finds
 *   out there if a collection was faster.
 * - A blob is removed inside a transaction, after another look at its age. Storing content that is there already marks
 *   the blob as young, also inside a transaction (objects.ts): one of the two comes first, and the other sees it. So a
 *   commit that is still to come never finds its blobs gone.
 * - What a living claim computes is kept: its row, its items and their blobs.
 */
import { existsSync, statSync } from 'node:fs';
import type { StoredOutput } from '../kind/artifact.ts';
import type { StageKey } from '../util/digest.ts';
import { removeFile, removeIfThere } from '../util/fs-durable.ts';
import { isVoid } from './claims.ts';
import { type LogFile, logFiles } from './logs.ts';
import { usedPrecision } from './memo.ts';
import type { OpenStore } from './open.ts';
import { removeTree } from './scratch.ts';
import { type BlobFile, blobFiles, lengthOf, otherUsers } from './usage.ts';

export interface GcOptions {
  /** What the pipelines can still reach; also keys that have not finished, for the sake of their items. */
  readonly keep: Iterable<StageKey>;
  /** Of the kept results those used longest ago go, too, until blobs, items and logs fit into so many bytes. */
  readonly maxBytes?: number;
  /** Only counts. */
  readonly dryRun?: boolean;
}

export interface Collected {
  readonly stages: number;
  readonly items: number;
  readonly blobs: number;
  readonly logs: number;
  /** Of the removed blobs, items and logs. */
  readonly bytes: number;
  /** Of what stays. */
  readonly keptBytes: number;
  /** Whether other processes had the store open, so that recent results were spared. */
  readonly othersActive: boolean;
}

/** What is younger is spared; milliseconds since 1970. */
interface Spared {
  readonly rowsSince: number;
  readonly blobsSince: number;
}

/** How many blobs are removed in one transaction: others wait for no longer than that. */
const batch = 200;

export async function collectGarbage(store: OpenStore, options: GcOptions): Promise<Collected> {
  const keep = new Set<string>(options.keep);
  const others = otherUsers(store);
  const collect = (spared: Spared, othersActive: boolean): Collected => {
    const plan = markAndForget(store, keep, spared, options);
    const swept = sweep(store, plan.blobs, spared, options.dryRun ?? false);
    if (!options.dryRun) for (const { path } of plan.logs) removeIfThere(path);
    const { stages, items, logs, keptBytes } = plan;
    const bytes = swept.bytes + plan.itemBytes + bytesOf(logs);
    return { stages, items, blobs: swept.blobs, logs: logs.length, bytes, keptBytes, othersActive };
  };
  const alone =
    others.length === 0
      ? store.database.whileAlone(() => {
          const result = collect(
            { rowsSince: Number.POSITIVE_INFINITY, blobsSince: store.scratch.opened },
            false,
          );
          if (!options.dryRun) shrink(store);
          return result;
        })
      : undefined;
  const since = Math.min(store.scratch.opened, ...others) - usedPrecision * 1000 - 60_000;
  const collected = alone?.result ?? collect({ rowsSince: since, blobsSince: since }, true);
  if (!options.dryRun) {
    forgetVanished(store);
    for (const path of store.scratch.abandoned()) await removeTree(path);
  }
  return collected;
}

interface StageUse {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly used: number;
  readonly blobs: readonly string[];
}
interface ItemUse {
  readonly key: string;
  readonly size: number;
  readonly blob: string | null;
  readonly used: number;
  readonly users: readonly string[];
}

interface Marked {
  readonly stages: number;
  readonly items: number;
  readonly itemBytes: number;
  readonly keptBytes: number;
  /** Digests that stay. */
  readonly blobs: ReadonlySet<string>;
  /** Those to be removed. */
  readonly logs: readonly LogFile[];
}

/** Decides in one transaction, from one state of the table, and removes the rows within it. */
function markAndForget(
  store: OpenStore,
  keep: ReadonlySet<string>,
  spared: Spared,
  options: GcOptions,
): Marked {
  const { database } = store;
  const logs = logFiles(store.folder);
  return database.write(() => {
    const stages = readStages(store);
    const items = readItems(store);
    const safe = new Set(liveClaims(store));
    for (const stage of stages) if (stage.used >= spared.rowsSince) safe.add(stage.key);
    const isSpared = (item: ItemUse): boolean => item.used >= spared.rowsSince;

    const reach = new Set([...keep, ...safe]);
    const lengths = new Map<string, number>();
    const isGone = (log: LogFile): boolean => !reach.has(log.key) && log.written < spared.rowsSince;
    const total = () =>
      bytesReached(store, stages, items, reach, isSpared, lengths) +
      bytesOf(logs.filter((log) => !isGone(log)));
    let keptBytes = total();
    if (options.maxBytes !== undefined) {
      const droppable = stages.filter(({ key }) => reach.has(key) && !safe.has(key));
      droppable.sort((a, b) => a.used - b.used || (a.key < b.key ? -1 : 1));
      // Halving: a linear walk would count everything again for each stage.
      let [from, to] = [0, keptBytes > options.maxBytes ? droppable.length : 0];
      while (from < to) {
        const middle = (from + to) >> 1;
        reach.clear();
        for (const key of [...keep, ...safe]) reach.add(key);
        for (const { key } of droppable.slice(0, middle + 1)) reach.delete(key);
        if (total() <= options.maxBytes) to = middle;
        else from = middle + 1;
      }
      reach.clear();
      for (const key of [...keep, ...safe]) reach.add(key);
      if (keptBytes > options.maxBytes) for (const { key } of droppable.slice(0, from + 1)) reach.delete(key);
      keptBytes = total();
    }

    const blobs = new Set<string>();
    let [goneStages, goneItems, itemBytes] = [0, 0, 0];
    for (const stage of stages) {
      if (reach.has(stage.key)) for (const digest of stage.blobs) blobs.add(digest);
      else {
        goneStages++;
        if (!options.dryRun) database.sql('DELETE FROM memo WHERE key = ?').run(stage.key);
      }
    }
    for (const item of items) {
      if (isSpared(item) || item.users.some((user) => reach.has(user))) {
        if (item.blob !== null) blobs.add(item.blob);
        continue;
      }
      goneItems++;
      if (item.blob === null) itemBytes += item.size;
      if (options.dryRun) continue;
      database.sql('DELETE FROM items WHERE key = ?').run(item.key);
      database.sql('DELETE FROM item_users WHERE item = ?').run(item.key);
    }
    if (!options.dryRun) {
      database.sql('DELETE FROM environments WHERE digest NOT IN (SELECT environment FROM memo)').run();
    }
    return { stages: goneStages, items: goneItems, itemBytes, keptBytes, blobs, logs: logs.filter(isGone) };
  });
}

function readStages({ database }: OpenStore): StageUse[] {
  const rows = database.sql('SELECT key, payload, used FROM memo').all() as {
    key: string;
    payload: string;
    used: number;
  }[];
  return rows.map(({ key, payload, used }) => {
    try {
      const { outputs, finishedAt } = JSON.parse(payload) as {
        outputs: Record<string, StoredOutput>;
        finishedAt: string;
      };
      const files = Object.values(outputs).flatMap((output) => Object.values(output.members));
      const lastUse = Math.max(used * 1000, Date.parse(finishedAt) || 0);
      return { key, used: lastUse, blobs: files.map((file) => file.digest) };
    } catch {
      // Altered on the disk: it reaches nothing, and `verify` tells of it.
      return { key, used: 0, blobs: [] };
    }
  });
}

function readItems({ database }: OpenStore): ItemUse[] {
  const users = new Map<string, string[]>();
  for (const { item, user } of database.sql('SELECT item, user FROM item_users').all() as {
    item: string;
    user: string;
  }[]) {
    const list = users.get(item);
    if (list) list.push(user);
    else users.set(item, [user]);
  }
  const rows = database.sql('SELECT key, size, blob, used FROM items').all() as Omit<ItemUse, 'users'>[];
  return rows.map((row) => ({ ...row, used: row.used * 1000, users: users.get(row.key) ?? [] }));
}

function liveClaims({ database }: OpenStore): string[] {
  const claims = database.sql('SELECT key, machine, pid, started, beat FROM claims').all() as {
    key: string;
    machine: string;
    pid: number;
    started: string;
    beat: number;
  }[];
  return claims.filter((claim) => !isVoid(claim)).map(({ key }) => key);
}

/** Bytes of the distinct blobs, and of the items in the table, that a set of keys needs. */
function bytesReached(
  store: OpenStore,
  stages: readonly StageUse[],
  items: readonly ItemUse[],
  reach: ReadonlySet<string>,
  isSpared: (item: ItemUse) => boolean,
  lengths: Map<string, number>,
): number {
  const blobs = new Set<string>();
  let bytes = 0;
  for (const stage of stages) if (reach.has(stage.key)) for (const digest of stage.blobs) blobs.add(digest);
  for (const item of items) {
    if (!isSpared(item) && !item.users.some((user) => reach.has(user))) continue;
    if (item.blob === null) bytes += item.size;
    else blobs.add(item.blob);
  }
  for (const digest of blobs) {
    let length = lengths.get(digest);
    if (length === undefined) {
      length = lengthOf(store.objectPath(digest as never));
      lengths.set(digest, length);
    }
    bytes += length;
  }
  return bytes;
}

const bytesOf = (logs: readonly LogFile[]): number => logs.reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * What is remembered of files outside that are not there any more. (The newest key of each stage stays: `why` compares
 * with it when the result is gone, too.)
 */
function forgetVanished({ database }: OpenStore): void {
  for (const table of ['file_digests', 'published']) {
    const paths = database.read(() => database.sql(`SELECT path FROM ${table}`).pluck().all() as string[]);
    const gone = JSON.stringify(paths.filter((path) => !existsSync(path)));
    database.write(() =>
      database.sql(`DELETE FROM ${table} WHERE path IN (SELECT value FROM json_each(?))`).run(gone),
    );
  }
}

/** Removes blobs that nothing reaches and that are old enough. Files that are no blobs are left to `verify`. */
function sweep(store: OpenStore, kept: ReadonlySet<string>, spared: Spared, dryRun: boolean) {
  let [blobs, bytes] = [0, 0];
  const candidates: BlobFile[] = [];
  for (const blob of blobFiles(store)) {
    if (blob.digest !== undefined && !kept.has(blob.digest)) candidates.push(blob);
  }
  for (let from = 0; from < candidates.length; from += batch) {
    store.database.write(() => {
      for (const { path } of candidates.slice(from, from + batch)) {
        const stats = statSync(path, { throwIfNoEntry: false });
        if (stats === undefined || stats.ctimeMs >= spared.blobsSince) continue;
        if (!dryRun) removeFile(path);
        blobs++;
        bytes += stats.size;
      }
    });
  }
  return { blobs, bytes };
}

/** Gives the room of removed rows back, where that is much. */
function shrink({ database }: OpenStore): void {
  const one = (pragma: string) => database.sql(`PRAGMA ${pragma}`).pluck().get() as number;
  if (one('freelist_count') * 2 > one('page_count') && one('page_count') > 256) database.sql('VACUUM').run();
}
