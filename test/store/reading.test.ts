import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenStore, openStore } from '../../src/store/open.ts';
import { storeUsage } from '../../src/store/usage.ts';
import { verify } from '../../src/store/verify.ts';
import { digestOf } from '../../src/util/digest.ts';
import { fastTemporaryFolder } from '../support/store-child.ts';
import { checkedLookup, itemKey, runStage, stageKey } from '../support/store-rig.ts';

let root: string;
let cache: string;
let writer: OpenStore;
beforeEach(async () => {
  root = fastTemporaryFolder('reading');
  cache = join(root, 'cache');
  writer = openStore(cache);
  await runStage(writer, 'one', join(root, 'artifacts'), () => {});
  await writer.putItem(itemKey('item'), Buffer.from('an item'), stageKey('one'));
});
afterEach(() => {
  writer.close();
  rmSync(root, { recursive: true, force: true });
});

/** Every path, with what would tell a change of it. */
function stateOf(folder: string): Record<string, string> {
  const state: Record<string, string> = {};
  for (const name of ['.', ...(readdirSync(folder, { recursive: true }) as string[])]) {
    const { mode, size, mtimeMs, ino } = statSync(join(folder, name));
    const content = statSync(join(folder, name)).isFile() ? digestOf(readFileSync(join(folder, name))) : '';
    state[name] = `${mode} ${size} ${mtimeMs} ${ino} ${content}`;
  }
  return state;
}

async function readsAll(folder: string): Promise<OpenStore> {
  const store = new OpenStore(folder, 'a reader', 'read');
  expect(checkedLookup(store, 'one')).toBeDefined();
  expect(store.latest('p').get('one')?.parts).toEqual({ stage: 'one' });
  // Another stage asks for the item: to note that, in memory, is no write.
  expect(await store.item(itemKey('item'), stageKey('two'))).toEqual(Buffer.from('an item'));
  expect(storeUsage(store)).toMatchObject({ stages: 1, items: 3 });
  for await (const finding of verify(store)) expect(finding).toBeUndefined();
  expect(store.notices).toEqual([]);
  return store;
}

describe('a store that is only read', () => {
  it('finds everything and writes nothing, while others have the table open and after they closed it', async () => {
    expect(statSync(join(cache, 'memo.sqlite-wal')).size).toBeGreaterThan(0);
    const used = stateOf(cache);
    (await readsAll(cache)).close();
    const after = stateOf(cache);
    // SQLite's index of the log notes that somebody reads.
    for (const state of [used, after]) delete state['memo.sqlite-shm'];
    expect(after).toEqual(used);

    writer.close();
    const closed = stateOf(cache);
    (await readsAll(cache)).close();
    expect(stateOf(cache)).toEqual(closed);
  });

  it('sees what only the log of the table has, also where nobody left an index of the log', async () => {
    const copy = join(root, 'copy');
    cpSync(cache, copy, { recursive: true });
    rmSync(join(copy, 'memo.sqlite-shm'));
    rmSync(join(copy, 'users.lock'));
    const before = stateOf(copy);
    (await readsAll(copy)).close();
    expect(stateOf(copy)).toEqual(before);
  });

  it('keeps what it is told to itself', async () => {
    writer.close();
    const store = await readsAll(cache);
    store.setLatest('p', [{ stage: 'one', key: stageKey('other'), parts: {} }]);
    expect(store.latest('p').get('one')?.key).toBe(stageKey('other'));
    store.close();
    const again = openStore(cache);
    expect(again.latest('p').get('one')?.key).toBe(stageKey('one'));
    again.close();
  });

  it('is empty where there is no cache, and makes none', () => {
    const missing = join(root, 'not', 'there');
    const store = openStore(missing, { reading: true });
    expect(checkedLookup(store, 'one')).toBeUndefined();
    expect(storeUsage(store)).toEqual({ stages: 0, items: 0, bytes: 0 });
    store.close();
    expect(existsSync(join(root, 'not'))).toBe(false);
  });

  it.each([
    ['cut off', (table: string) => truncateSync(table, 5000)],
    ['no database', (table: string) => copyFileSync(new URL(import.meta.url), table)],
  ])('says that a table is damaged (%s), leaves it as it is, and finds nothing', (_, harm) => {
    writer.close();
    const table = join(cache, 'memo.sqlite');
    harm(table);
    const before = stateOf(cache);
    const store = new OpenStore(cache, 'a reader', 'read');
    expect(checkedLookup(store, 'one')).toBeUndefined();
    expect(store.latest('p').size).toBe(0);
    expect(store.notices.map(({ what }) => what)).toEqual([
      expect.stringMatching(/is damaged .*may only be read/),
    ]);
    store.close();
    expect(stateOf(cache)).toEqual(before);
  });

  it('refuses a cache of a newer orograph with the same words', () => {
    writer.close();
    const db = new Sqlite(join(cache, 'memo.sqlite'));
    db.pragma('user_version = 99');
    db.exec("UPDATE meta SET value = '99'");
    db.close();
    expect(() => new OpenStore(cache, 'a reader', 'read')).toThrow(/newer orograph \(format 99/);
  });
});

describe('a store that is opened for writing', () => {
  it('makes its folder, but not the folders above it', () => {
    expect(() => openStore(join(root, 'mistyped', 'cache'))).toThrow(/there is no folder .*mistyped/);
    expect(existsSync(join(root, 'mistyped'))).toBe(false);
    openStore(join(root, 'new')).close();
    expect(readdirSync(join(root, 'new', 'objects'))).toHaveLength(256);
  });

  it('does not begin a new cache where its own was removed while it was open', async () => {
    rmSync(cache, { recursive: true });
    appendFileSync(join(root, 'file'), 'x');
    expect(() => writer.createWorkFolder()).toThrow(/no such file/);
    await expect(writer.ingest(join(root, 'file'))).rejects.toThrow(/cannot store a result/);
    expect(existsSync(cache)).toBe(false);
  });
});
