import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LatestKey } from '../../src/store/contract.ts';
import { type OpenStore, openStore } from '../../src/store/open.ts';
import { otherUsers, storeUsage } from '../../src/store/usage.ts';
import { WriteGroups } from '../../src/store/write-groups.ts';
import { digestOf } from '../../src/util/digest.ts';
import { fastTemporaryFolder } from '../support/store-child.ts';
import { checkedLookup, contentOf, fileOf, itemKey, rowOf, stageKey } from '../support/store-rig.ts';

let root: string;
let store: OpenStore;
beforeEach(() => {
  root = fastTemporaryFolder('store');
  store = openStore(join(root, 'cache'));
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true, force: true });
});
const reopen = (): void => {
  store.close();
  store = openStore(store.folder);
};
const resting = (ms = 150): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Statements on the table while no store has it open. */
function alter(sql: string): void {
  store.close();
  new Sqlite(join(store.folder, 'memo.sqlite')).exec(sql).close();
  store = openStore(store.folder);
}

describe('objects', () => {
  it('takes a file of a work folder: named by its digest, read-only, and gone from where it was', async () => {
    const folder = store.createWorkFolder();
    writeFileSync(join(folder, 'out'), 'abc');
    const inode = statSync(join(folder, 'out')).ino;
    const file = await store.ingest(join(folder, 'out'));
    expect(file).toEqual(fileOf('abc'));
    const path = store.objectPath(file.digest);
    expect(path).toBe(join(store.folder, 'objects', 'ba', file.digest.slice(2)));
    expect(statSync(path)).toMatchObject({ ino: inode, size: 3 });
    expect(statSync(path).mode & 0o777).toBe(0o444);
    expect(readdirSync(folder)).toEqual([]);
    expect(store.hasObject(file)).toBe(true);
    expect(store.hasObject({ ...file, bytes: 4 })).toBe(false);
    await store.discard(folder);
    expect(existsSync(folder)).toBe(false);
  });

  it('keeps the first of two files with one content, and replaces one of a wrong length', async () => {
    const file = await store.ingestBytes(Buffer.from('same'));
    const path = store.objectPath(file.digest);
    const inode = statSync(path).ino;
    const folder = store.createWorkFolder();
    writeFileSync(join(folder, 'again'), 'same');
    expect(await store.ingest(join(folder, 'again'))).toEqual(file);
    expect(statSync(path).ino).toBe(inode);
    expect(readdirSync(folder)).toEqual([]);
    chmodSync(path, 0o644);
    writeFileSync(path, 'sam');
    expect(await store.ingestBytes(Buffer.from('same'))).toEqual(file);
    expect(readFileSync(path, 'utf8')).toBe('same');
  });

  it('copies what lies elsewhere, has a second name, or is a link, so that nobody else can change it', async () => {
    const outside = join(root, 'outside');
    writeFileSync(outside, 'outside');
    expect(await store.ingest(outside)).toEqual(fileOf('outside'));
    expect(existsSync(outside)).toBe(false);

    const folder = store.createWorkFolder();
    writeFileSync(join(root, 'kept'), 'kept');
    linkSync(join(root, 'kept'), join(folder, 'hard'));
    symlinkSync(join(root, 'kept'), join(folder, 'soft'));
    for (const name of ['hard', 'soft'])
      expect(await store.ingest(join(folder, name))).toEqual(fileOf('kept'));
    writeFileSync(join(root, 'kept'), 'changed');
    expect(readFileSync(store.objectPath(fileOf('kept').digest), 'utf8')).toBe('kept');
    expect(readdirSync(folder)).toEqual([]);
    mkdirSync(join(folder, 'sub'));
    await expect(store.ingest(join(folder, 'sub'))).rejects.toThrow(/not a plain file/);
    await expect(store.ingest(join(folder, 'none'))).rejects.toThrow(/there is no such file/);
  });

  it('hashes files larger than a piece, many at once', async () => {
    const folder = store.createWorkFolder();
    const contents = [1, 2, 3, 4].map((n) => Buffer.alloc(n * 1_000_003, `piece ${n}`));
    contents.forEach((content, n) => {
      writeFileSync(join(folder, String(n)), content);
    });
    const files = await Promise.all(contents.map((_, n) => store.ingest(join(folder, String(n)))));
    expect(files).toEqual(contents.map(fileOf));
  });

  it('removes a work folder that a stage has made read-only', async () => {
    const folder = store.createWorkFolder();
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder, 'a', 'b', 'c'), '');
    chmodSync(join(folder, 'a', 'b'), 0o555);
    await store.discard(folder);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('the memo', () => {
  const commit = async (stage: string) =>
    store.commit(rowOf(stage, await store.ingestBytes(Buffer.from(contentOf(stage)))));

  it('gives back what was committed, at once and after opening again', async () => {
    expect(store.lookup(stageKey('a'))).toBeUndefined();
    await Promise.all(['a', 'b', 'c'].map(commit));
    for (const _ of [1, 2]) {
      for (const stage of ['a', 'b', 'c']) expect(checkedLookup(store, stage)).toBeDefined();
      expect(store.lookupMany(['c', 'none', 'a'].map(stageKey)).map((row) => row?.facts)).toEqual([
        { stage: 'c' },
        undefined,
        { stage: 'a' },
      ]);
      reopen();
    }
  });

  it('replaces the row of a key whose facts were made again', async () => {
    await commit('a');
    const row = checkedLookup(store, 'a')!;
    await store.commit({ ...row, facts: { better: true }, factsCode: digestOf('other') });
    expect(store.lookup(row.key)).toEqual({ ...row, facts: { better: true }, factsCode: digestOf('other') });
  });

  it('marks an old hit as used, and leaves a recent one alone', async () => {
    await commit('a');
    await commit('b');
    alter(`UPDATE memo SET used = 1000 WHERE key = '${stageKey('a')}'`);
    alter(`UPDATE memo SET used = used - 3600 WHERE key = '${stageKey('b')}'`);
    const used = (): unknown =>
      store.database.read(() => store.database.sql('SELECT used FROM memo ORDER BY used').pluck().all());
    const [, recent] = used() as number[];
    store.lookupMany(['a', 'b'].map(stageKey));
    const [first, second] = used() as number[];
    expect(first).toBe(recent);
    expect(second).toBeGreaterThan(recent!);
  });

  it('ends a claim with the commit, and a claim is one store', async () => {
    const other = openStore(store.folder, { owner: 'the other' });
    expect(store.claim(stageKey('a'))).toEqual({ mine: true });
    expect(store.claim(stageKey('a'))).toEqual({ mine: true });
    expect(other.claim(stageKey('a'))).toMatchObject({ mine: false, pid: process.pid });
    other.release(stageKey('a'));
    expect(other.claim(stageKey('a')).mine).toBe(false);
    await commit('a');
    expect(other.claim(stageKey('a'))).toEqual({ mine: true });
    expect(store.claim(stageKey('a'))).toMatchObject({ mine: false, owner: 'the other' });
    other.close();
    expect(store.claim(stageKey('a'))).toEqual({ mine: true });
  });

  it('voids a claim whose heart has stopped, or whose process number is used again', () => {
    const other = openStore(store.folder);
    for (const change of ['beat = beat - 16000', "started = '1'", "pid = 999999999, started = '1'"]) {
      expect(other.claim(stageKey('a')).mine || change).toBe(true);
      expect(store.claim(stageKey('a')).mine).toBe(false);
      other.database.write(() => other.database.sql(`UPDATE claims SET ${change}`).run());
      expect(store.claim(stageKey('a')), change).toEqual({ mine: true });
      store.release(stageKey('a'));
    }
    // Of another machine nothing is known but its heartbeat.
    other.claim(stageKey('a'));
    other.database.write(() => other.database.sql("UPDATE claims SET machine = 'm', started = '1'").run());
    expect(store.claim(stageKey('a')).mine).toBe(false);
    // A beat of tomorrow is a clock that was set back: it would hold for a day.
    other.database.write(() => other.database.sql('UPDATE claims SET beat = beat + 86400000').run());
    expect(store.claim(stageKey('a')).mine).toBe(true);
    other.close();
  });

  it('does not take a row for a hit that a gc removes while it is looked up', async () => {
    await commit('a');
    await commit('b');
    store.database.write(() => store.database.sql('UPDATE memo SET used = 0').run());
    const write = store.database.write.bind(store.database);
    // Between the look and the mark against gc: what another process does then.
    store.database.write = (work) => {
      store.database.write = write;
      write(() => store.database.sql('DELETE FROM memo WHERE key = ?').run(stageKey('a')));
      return write(work);
    };
    expect(store.lookupMany(['a', 'b'].map(stageKey)).map((row) => row?.key)).toEqual([
      undefined,
      stageKey('b'),
    ]);
  });

  it('tells everybody who waits for a group of writes that it failed', async () => {
    const groups = new WriteGroups(
      join(root, 'table'),
      (work) => {
        work();
        throw new Error('the disk is full');
      },
      () => false,
    );
    let written = 0;
    const waiting = [1, 2].map(() => groups.enqueue(() => void written++));
    for (const ending of await Promise.allSettled(waiting))
      expect(ending).toMatchObject({ status: 'rejected', reason: { message: 'the disk is full' } });
    expect(written).toBe(2);
  });

  it('keeps items of any size, and knows who uses them', async () => {
    for (const size of [0, 1, 16 * 1024, 16 * 1024 + 1, 200_000]) {
      const bytes = Buffer.alloc(size, 'x');
      await store.putItem(itemKey(size), bytes, stageKey('a'));
      bytes.fill('y');
      const kept = await store.item(itemKey(size), stageKey('b'));
      expect(Buffer.alloc(size, 'x').equals(kept!), `${size} bytes`).toBe(true);
    }
    expect(await store.item(itemKey('none'), stageKey('a'))).toBeUndefined();
    reopen();
    expect(await store.item(itemKey(1), stageKey('b'))).toEqual(Buffer.from('x'));
    const users = store.database.read(() =>
      store.database.sql('SELECT count(*) FROM item_users').pluck().get(),
    );
    expect(users).toBe(10);
  });

  it('remembers the latest keys of a pipeline and writes only those that changed', () => {
    const entry = (stage: string, version = 0): LatestKey => ({
      stage,
      key: stageKey(`${stage}${version}`),
      parts: { version },
    });
    const many = Array.from({ length: 3000 }, (_, n) => entry(`s${n}`));
    store.setLatest('p', many);
    store.setLatest('q', [entry('s0', 9)]);
    reopen();
    expect(store.latest('p').size).toBe(3000);
    const changes = () =>
      store.database.read(() => store.database.sql('SELECT total_changes()').pluck().get() as number);
    const before = changes();
    store.setLatest('p', many);
    expect(changes() - before).toBe(0);
    store.setLatest('p', [entry('s7', 1), entry('new')]);
    expect(changes() - before).toBe(2);
    expect(store.latest('p').get('s7')).toMatchObject({ key: stageKey('s71'), parts: { version: 1 } });
    expect(store.latest('p').size).toBe(3001);
    expect(store.latest('q').get('s0')?.parts).toEqual({ version: 9 });
    expect(store.latest('none').size).toBe(0);
  });
});

describe('digests of files', () => {
  const remembered = (): number => storeRows('file_digests');
  const storeRows = (table: string): number =>
    store.database.read(() => store.database.sql(`SELECT count(*) FROM ${table}`).pluck().get() as number);

  it('are remembered only of files at rest, and trusted only while nothing about them changed', async () => {
    const path = join(root, 'data');
    writeFileSync(path, 'one');
    expect(await store.fileDigest(path)).toEqual(fileOf('one'));
    expect(remembered()).toBe(0);
    await resting();
    expect(await store.fileDigest(path)).toEqual(fileOf('one'));
    expect(remembered()).toBe(1);
    // Same length, same mtime: the ctime gives it away.
    const { atime, mtime } = statSync(path);
    writeFileSync(path, 'two');
    utimesSync(path, atime, mtime);
    expect(await store.fileDigest(path)).toEqual(fileOf('two'));
    // The entry itself is used: altered under a right seal it would be believed, altered without one it is not.
    await resting();
    await store.fileDigest(path);
    alter(`UPDATE file_digests SET digest = '${digestOf('lie')}'`);
    expect(await store.fileDigest(path)).toEqual(fileOf('two'));
  });

  it('are not remembered where whole seconds are all the file system keeps, until those have passed', async () => {
    const path = join(root, 'coarse');
    writeFileSync(path, 'one');
    utimesSync(path, 1_000_000, Math.floor(Date.now() / 1000));
    await resting();
    await store.fileDigest(path);
    expect(remembered()).toBe(0);
  });

  it('of many at once come in order, undefined where there is no file', async () => {
    const paths = Array.from({ length: 50 }, (_, n) => join(root, `f${n}`));
    for (const [n, path] of paths.entries()) if (n !== 20) writeFileSync(path, `content ${n}`);
    const expected = paths.map((_, n) => (n === 20 ? undefined : fileOf(`content ${n}`)));
    expect(await store.fileDigests(paths)).toEqual(expected);
    await resting();
    await store.fileDigests(paths);
    expect(remembered()).toBe(49);
    expect(await store.fileDigests(paths)).toEqual(expected);
    expect(await store.fileDigests([join(paths[0]!, 'below a file')])).toEqual([undefined]);
    await expect(store.fileDigests([root])).rejects.toThrow(/a folder or a device/);
    await expect(store.fileDigest(join(root, 'none'))).rejects.toThrow(/there is no such file/);
  });
});

describe('published copies', () => {
  it('are made once, again when they are gone or edited, and adopted when they are right', async () => {
    const file = await store.ingestBytes(Buffer.from('figure'));
    const path = join(root, 'artifacts', 'p', 'figure.svg');
    expect(await store.publish([{ path, file }])).toEqual([path]);
    expect(readFileSync(path, 'utf8')).toBe('figure');
    expect(statSync(path).mode & 0o200).toBe(0o200);
    expect(await store.publish([{ path, file }])).toEqual([]);
    writeFileSync(path, 'FIGURE');
    expect(await store.publish([{ path, file }])).toEqual([path]);
    rmSync(path);
    expect(await store.publish([{ path, file }])).toEqual([path]);
    symlinkSync('figure.svg', join(root, 'artifacts', 'p', 'link'));
    expect(await store.publish([{ path: join(root, 'artifacts', 'p', 'link'), file }])).toHaveLength(1);
    alter('DELETE FROM published');
    const { ino } = statSync(path);
    expect(await store.publish([{ path, file }])).toEqual([]);
    expect(statSync(path).ino).toBe(ino);
    expect(readdirSync(join(root, 'artifacts', 'p'))).toEqual(['figure.svg', 'link']);
  });
});

describe('opening and closing', () => {
  it('leaves nothing in tmp/ and no log, and can be done twice', () => {
    const { folder } = store;
    store.close();
    store.close();
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual([
      'CACHEDIR.TAG',
      'memo.sqlite',
      'objects',
      'tmp',
      'users.lock',
    ]);
    store = openStore(folder);
    expect(store.notices).toEqual([]);
    expect(storeUsage(store)).toMatchObject({ stages: 0, items: 0 });
    expect(otherUsers(store)).toEqual([]);
    const other = openStore(folder);
    expect(otherUsers(store).length).toBe(1);
    other.close();
  });

  it('empties a guard file that somebody has written into', () => {
    store.close();
    writeFileSync(join(store.folder, 'users.lock'), 'x'.repeat(5000));
    store = openStore(store.folder);
    expect(store.notices).toEqual([]);
    expect(statSync(join(store.folder, 'users.lock')).size).toBe(0);
  });
});
