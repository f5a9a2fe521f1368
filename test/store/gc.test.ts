import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectGarbage } from '../../src/store/gc.ts';
import { logPath } from '../../src/store/logs.ts';
import { type OpenStore, openStore } from '../../src/store/open.ts';
import { storeUsage } from '../../src/store/usage.ts';
import { verify } from '../../src/store/verify.ts';
import { bundleChild, fastTemporaryFolder, runChild } from '../support/store-child.ts';
import {
  checkedLookup,
  contentOf,
  fileOf,
  itemKey,
  itemsOf,
  rowOf,
  runStage,
  stageKey,
} from '../support/store-rig.ts';

let root: string;
let store: OpenStore;
const stages = ['a', 'b', 'c', 'd'];

beforeEach(async () => {
  root = fastTemporaryFolder('gc');
  store = openStore(join(root, 'cache'));
  for (const stage of stages) await runStage(store, stage, join(root, 'artifacts'));
  // An item of a stage that has not finished.
  await store.putItem(itemKey('early'), Buffer.alloc(30_000, 'e'), stageKey('unfinished'));
  reopen();
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true, force: true });
});
function reopen(): void {
  store.close();
  const until = Date.now() + 5;
  while (Date.now() < until);
  store = openStore(join(root, 'cache'));
}
const hits = (): string[] => stages.filter((stage) => checkedLookup(store, stage));
/** As if everything had last been used long ago; the change times of blobs are left to `reopen`. */
function age(stage: string, seconds: number): void {
  store.database.write(() => {
    store.database
      .sql('UPDATE memo SET used = ?, payload = payload WHERE key = ?')
      .run(Math.floor(Date.now() / 1000) - seconds, stageKey(stage));
    store.database.sql('UPDATE items SET used = 1000').run();
  });
}
const keys = (...names: string[]) => names.map(stageKey);
/** Bytes of one stage: its result, its small item and its large one. */
const bytesOf = (stage: string): number =>
  contentOf(stage).length + [...itemsOf(stage).values()].reduce((sum, item) => sum + item.length, 0);

describe('gc', () => {
  it('removes exactly what the kept keys cannot reach, when nobody else is there', async () => {
    const keep = keys('a', 'c', 'unfinished');
    const dry = await collectGarbage(store, { keep, dryRun: true });
    expect(hits()).toEqual(stages);
    const collected = await collectGarbage(store, { keep });
    expect(collected).toEqual(dry);
    expect(collected).toEqual({
      stages: 2,
      items: 4,
      blobs: 4,
      logs: 0,
      bytes: bytesOf('b') + bytesOf('d'),
      keptBytes: bytesOf('a') + bytesOf('c') + 30_000,
      othersActive: false,
    });
    expect(hits()).toEqual(['a', 'c']);
    expect(store.hasObject(fileOf(contentOf('b')))).toBe(false);
    expect(await store.item(itemKey('early'), stageKey('unfinished'))).toBeDefined();
    expect(await store.item(itemKey('a big'), stageKey('a'))).toBeDefined();
    expect(await store.item(itemKey('b a'), stageKey('b'))).toBeUndefined();
    for await (const finding of verify(store)) expect(finding).toBeUndefined();
    expect(await collectGarbage(store, { keep: [] })).toMatchObject({ stages: 2, blobs: 5, keptBytes: 0 });
    expect(
      readdirSync(join(root, 'cache', 'objects')).flatMap((s) =>
        readdirSync(join(root, 'cache', 'objects', s)),
      ),
    ).toEqual([]);
  });

  it('keeps the logs of kept keys, finished or not, and counts them', async () => {
    const write = (stage: string, bytes: number) => {
      const path = logPath(store.folder, stageKey(stage));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'x'.repeat(bytes));
      return path;
    };
    const [a, b, unfinished] = [write('a', 100), write('b', 1000), write('unfinished', 10)];
    const { bytes } = storeUsage(store);
    const keep = keys('a', 'unfinished');
    expect(await collectGarbage(store, { keep })).toMatchObject({
      stages: 3,
      logs: 1,
      bytes: bytesOf('b') + bytesOf('c') + bytesOf('d') + 1000,
      keptBytes: bytesOf('a') + 30_000 + 110,
    });
    expect([a, b, unfinished].map((path) => existsSync(path))).toEqual([true, false, true]);
    expect(storeUsage(store).bytes).toBeLessThanOrEqual(bytes - 1000);
    // Within a number of bytes a log goes with its result.
    expect(await collectGarbage(store, { keep, maxBytes: 30_010 })).toMatchObject({
      logs: 1,
      keptBytes: 30_010,
    });
  });

  it('forgets what files looked like that are not there any more', async () => {
    const paths = ['here', 'gone'].map((name) => join(root, name));
    for (const path of paths) writeFileSync(path, path);
    // At rest, so that what they look like is remembered.
    await new Promise((resolve) => setTimeout(resolve, 150));
    await store.fileDigests(paths);
    rmSync(paths[1]!);
    rmSync(join(root, 'artifacts'), { recursive: true });
    await collectGarbage(store, { keep: [] });
    const remembered = (table: string) =>
      store.database.read(() => store.database.sql(`SELECT path FROM ${table}`).pluck().all());
    expect(remembered('file_digests')).toEqual([paths[0]]);
    expect(remembered('published')).toEqual([]);
  });

  it('keeps an item that another kept stage uses, and a blob that two stages share', async () => {
    await store.item(itemKey('b big'), stageKey('a'));
    await store.commit({ ...rowOf('same', fileOf(contentOf('b'))) });
    reopen();
    await collectGarbage(store, { keep: keys('a', 'same') });
    expect(await store.item(itemKey('b big'), stageKey('a'))).toBeDefined();
    expect(await store.item(itemKey('b a'), stageKey('a'))).toBeUndefined();
    expect(store.lookup(stageKey('same'))).toBeDefined();
    expect(hits()).toEqual(['a']);
  });

  it('within a number of bytes drops what was used longest ago', async () => {
    for (const [index, stage] of ['c', 'a', 'd', 'b'].entries()) age(stage, 9000 - index * 1000);
    reopen();
    const maxBytes = bytesOf('d') + bytesOf('b') + 10;
    const collected = await collectGarbage(store, { keep: keys(...stages), maxBytes });
    expect(collected.keptBytes).toBe(bytesOf('d') + bytesOf('b'));
    expect(hits()).toEqual(['b', 'd']);
    expect(await collectGarbage(store, { keep: keys(...stages), maxBytes: 0 })).toMatchObject({
      keptBytes: 0,
    });
    expect(hits()).toEqual([]);
  });

  it('beside another open store spares what is recent, and what a live claim computes', async () => {
    const other = openStore(store.folder);
    for (const stage of ['a', 'b', 'c']) {
      store.database.write(() => {
        const old = rowOf(stage, fileOf(contentOf(stage)));
        expect(old.finishedAt).toMatch(/^2024/);
        store.database.sql('UPDATE memo SET used = 1000 WHERE key = ?').run(stageKey(stage));
      });
    }
    store.database.write(() => store.database.sql('UPDATE items SET used = 1000').run());
    expect(other.claim(stageKey('b'))).toEqual({ mine: true });
    // The other one hits `c`, which marks it.
    expect(checkedLookup(other, 'c')).toBeDefined();
    const collected = await collectGarbage(store, { keep: [] });
    expect(collected).toMatchObject({ othersActive: true, stages: 1 });
    expect(hits()).toEqual(['b', 'c', 'd']);
    expect(await other.item(itemKey('b a'), stageKey('b'))).toBeDefined();
    expect(await other.item(itemKey('a a'), stageKey('a'))).toBeUndefined();
    // Its blob is younger than the other store, less a day.
    expect(store.hasObject(fileOf(contentOf('a')))).toBe(true);
    other.close();
  });

  it('marks content that is stored again as young, so that a collection under way leaves it', async () => {
    const file = fileOf(contentOf('a'));
    const before = statSync(store.objectPath(file.digest)).ctimeMs;
    expect(await store.ingestBytes(Buffer.from(contentOf('a')))).toEqual(file);
    expect(statSync(store.objectPath(file.digest)).ctimeMs).toBeGreaterThan(before);
    await collectGarbage(store, { keep: [] });
    expect(store.hasObject(file)).toBe(true);
    await store.commit(rowOf('a', file));
    expect(hits()).toEqual(['a']);
  });

  it('loses nothing that a run beside it commits', async () => {
    const program = await bundleChild('store-program.ts');
    const log = join(root, 'log');
    const running = runChild(program, ['share', store.folder, log, '60', '1']);
    let [rounds, ended] = [0, false];
    const done = running.finally(() => {
      ended = true;
    });
    while (!ended) {
      await collectGarbage(store, { keep: [] });
      rounds++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    rmSync(program);
    expect(await done).toMatchObject({ code: 0, stderr: '' });
    expect(rounds).toBeGreaterThan(1);
    for await (const finding of verify(store)) expect(finding).toBeUndefined();
  }, 30_000);

  it('removes the work folders of dead processes and leaves those it cannot judge', async () => {
    const tmp = join(store.folder, 'tmp');
    const [machine] = readdirSync(tmp)[0]!.split('-');
    mkdirSync(join(tmp, `${machine}-999999999-1-1-1-1`, 'work'), { recursive: true });
    writeFileSync(join(tmp, `${machine}-999999999-1-1-1-1`, 'work', 'half'), 'x');
    mkdirSync(join(tmp, 'ffffffffffff-1-1-1-1-1'));
    const findings = [];
    for await (const finding of verify(store)) findings.push(finding.severity);
    expect(findings).toEqual(['leftover']);
    await collectGarbage(store, { keep: [] });
    expect(readdirSync(tmp).filter((name) => name.startsWith(`${machine}-999999999`))).toEqual([]);
    expect(readdirSync(tmp)).toContain('ffffffffffff-1-1-1-1-1');
  });
});
