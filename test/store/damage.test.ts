import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { type OpenStore, openStore } from '../../src/store/open.ts';
import { verify } from '../../src/store/verify.ts';
import type { ItemKey } from '../../src/util/digest.ts';
import { bundleChild, fastTemporaryFolder, runChild } from '../support/store-child.ts';
import {
  checkedLookup,
  contentOf,
  fileOf,
  itemsOf,
  rowOf,
  runStage,
  stageKey,
} from '../support/store-rig.ts';

const stages = Array.from({ length: 12 }, (_, index) => index);
const parts = ['memo.sqlite', 'memo.sqlite-wal', 'memo.sqlite-shm'] as const;
const files = [...parts, 'memo.count'];
let root: string;
/** A store that was closed, and one whose process was killed, so that its log and index are there. */
let closed: string;
let killed: string;

beforeAll(async () => {
  root = fastTemporaryFolder('damage');
  closed = join(root, 'closed');
  const store = openStore(closed);
  for (const stage of stages) await runStage(store, stage, join(root, 'artifacts'));
  store.close();
  killed = join(root, 'killed');
  const program = await bundleChild('store-program.ts');
  const log = join(root, 'points');
  const args = ['sequence', killed, join(root, 'artifacts'), ...stages.map(String)];
  await runChild(program, args, { env: { OROGRAPH_FAULT: 'count', OROGRAPH_FAULT_LOG: log } });
  const points = readFileSync(log, 'utf8').trim().split('\n').length;
  rmSync(killed, { recursive: true });
  const ended = await runChild(program, args, { env: { OROGRAPH_FAULT: `kill@${points - 4}` } });
  rmSync(program);
  expect(ended).toMatchObject({ signal: 'SIGKILL', stderr: '' });
  for (const part of parts) expect(existsSync(join(killed, part)), part).toBe(true);
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The table's files of a store, beside the same blobs. */
function copyOf(source: string, name: string): string {
  const cache = join(root, name);
  mkdirSync(cache);
  mkdirSync(join(cache, 'tmp'));
  cpSync(join(source, 'objects'), join(cache, 'objects'), { recursive: true });
  restore(source, cache);
  return cache;
}

/** The next damaged state of the same folder: only the table's files are put back. */
function restore(source: string, cache: string): void {
  for (const name of readdirSync(cache)) {
    if (name.startsWith('damaged-') || name.startsWith('memo.'))
      rmSync(join(cache, name), { recursive: true });
  }
  for (const file of files) {
    if (existsSync(join(source, file))) copyFileSync(join(source, file), join(cache, file));
  }
}

/** Uses everything, as a run does. How many stages were hits, and whether a loss was told. */
async function useAll(cache: string, what = ''): Promise<{ hits: number; told: boolean }> {
  const store = openStore(cache);
  try {
    const lost: number[] = [];
    for (const stage of stages) {
      if (!checkedLookup(store, stage)) lost.push(stage);
      for (const [item, bytes] of itemsOf(stage)) {
        const kept = await store.item(item as ItemKey, stageKey(stage));
        if (kept && Buffer.compare(kept, bytes) !== 0) throw new Error('a wrong item');
      }
      expect(store.claim(stageKey(stage))).toEqual({ mine: true });
    }
    const latest = store.latest('p');
    for (const entry of latest.values()) {
      expect(entry).toMatchObject({ key: stageKey(entry.stage), parts: { stage: entry.stage } });
    }
    await store.fileDigests([join(cache, 'CACHEDIR.TAG')]);
    // And it works again: what is computed now is kept.
    const file = await store.ingestBytes(Buffer.from(contentOf('new')));
    await store.commit(rowOf('new', file));
    expect(checkedLookup(store, 'new'), what + JSON.stringify(store.notices)).toBeDefined();
    const told = store.notices.length > 0;
    // Of a result whose key was altered, the newest key of its stage tells that it was there.
    const silent = lost.filter((stage) => !told && !latest.has(String(stage)));
    expect(silent, `${what}: lost without a word`).toEqual([]);
    return { hits: stages.length - lost.length, told };
  } finally {
    store.close();
  }
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

/** `count` numbers from 0 to `size`, ends and page borders included. */
const spread = (size: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Math.round((index * size) / (count - 1)) + (index % 3) - 1).map(
    (n) => Math.max(0, Math.min(size, n)),
  );

describe('a damaged memo table', () => {
  it('is not seen where a process was only killed: its log is taken over', async () => {
    expect(await useAll(copyOf(killed, 'unharmed'))).toEqual({ hits: stages.length, told: false });
  });

  for (const part of parts) {
    it(`with ${part} cut at any length never gives a wrong hit and works again`, async () => {
      const cache = copyOf(killed, `cut-${part}`);
      const size = statSync(join(killed, part)).size;
      for (const length of spread(size, 60)) {
        restore(killed, cache);
        truncateSync(join(cache, part), length);
        await useAll(cache);
      }
    }, 60_000);

    it(`with garbage anywhere in ${part} never gives a wrong hit and works again`, async () => {
      const cache = copyOf(killed, `garbage-${part}`);
      const size = statSync(join(killed, part)).size;
      for (const [index, at] of spread(size - 64, 60).entries()) {
        restore(killed, cache);
        // Different lengths, each its own bytes: a flipped bit, a word, a stretch.
        overwrite(join(cache, part), at, Buffer.alloc([1, 8, 64][index % 3]!, 0x5a + index));
        await useAll(cache);
      }
    }, 60_000);
  }

  it('that was cut after a clean end is moved aside, told of, and begun again', async () => {
    const cache = copyOf(closed, 'cut-closed');
    expect(await useAll(cache)).toEqual({ hits: stages.length, told: false });
    const size = statSync(join(closed, 'memo.sqlite')).size;
    for (const length of spread(size - 1, 60)) {
      restore(closed, cache);
      truncateSync(join(cache, 'memo.sqlite'), length);
      const { told } = await useAll(cache, `cut at ${length}`);
      // Where nothing is left of it, there is nothing to move.
      if (told && length > 0)
        expect(readdirSync(cache).some((name) => name.startsWith('damaged-'))).toBe(true);
    }
  }, 60_000);

  it('with garbage anywhere after a clean end never gives a wrong hit and works again', async () => {
    const cache = copyOf(closed, 'garbage-closed');
    const size = statSync(join(closed, 'memo.sqlite')).size;
    for (const [index, at] of spread(size - 64, 120).entries()) {
      restore(closed, cache);
      overwrite(join(cache, 'memo.sqlite'), at, Buffer.alloc([1, 8, 64][index % 3]!, 0x11 + index));
      await useAll(cache);
    }
  }, 60_000);

  it('is put right by a store that meets the damage while it runs', async () => {
    const cache = copyOf(closed, 'live');
    const store = openStore(cache);
    expect(checkedLookup(store, 0)).toBeDefined();
    // Every page but the first, behind SQLite's back and beyond what it has cached.
    const size = statSync(join(cache, 'memo.sqlite')).size;
    const fd = openSync(join(root, 'scribble'), 'w');
    closeSync(fd);
    await scribbleFromOutside(join(cache, 'memo.sqlite'), size);
    await store.commit(rowOf('late', await store.ingestBytes(Buffer.from(contentOf('late')))));
    for (const stage of stages) checkedLookup(store, stage);
    expect(checkedLookup(store, 'late')).toBeDefined();
    expect(store.notices.map(({ what }) => what).join()).toMatch(/the memo table was damaged/);
    store.close();
  });

  it('that others still use is left to them, and this process goes on in memory', async () => {
    const cache = copyOf(closed, 'shared');
    const [one, two] = [openStore(cache), openStore(cache)];
    expect(checkedLookup(two, 0)).toBeDefined();
    await scribbleFromOutside(join(cache, 'memo.sqlite'), statSync(join(cache, 'memo.sqlite')).size);
    const commitTo = async (store: OpenStore, stage: string) =>
      store.commit(rowOf(stage, await store.ingestBytes(Buffer.from(contentOf(stage)))));
    await commitTo(one, 'late');
    expect(checkedLookup(one, 'late')).toBeDefined();
    expect(one.notices.map(({ what }) => what).join()).toMatch(/other processes still use it/);
    // The other one is now the only user of the table, and can replace it.
    await commitTo(two, 'later');
    expect(checkedLookup(two, 'later')).toBeDefined();
    expect(two.notices.map(({ what }) => what).join()).toMatch(/is now in/);
    one.close();
    expect(checkedLookup(two, 'later')).toBeDefined();
    two.close();
    const three = openStore(cache);
    expect(three.notices).toEqual([]);
    expect(checkedLookup(three, 'later')).toBeDefined();
    three.close();
  });
});

/** Not with this process's own descriptor: closing it would drop SQLite's locks on the file. */
async function scribbleFromOutside(path: string, size: number): Promise<void> {
  const program = join(root, 'scribble.mjs');
  writeFileSync(
    program,
    `import { openSync, writeSync } from 'node:fs';
     const fd = openSync(process.argv[2], 'r+');
     writeSync(fd, Buffer.alloc(Number(process.argv[3]) - 100, 0xa5), 0, undefined, 100);`,
  );
  expect(await runChild(program, [path, String(size)])).toMatchObject({ code: 0 });
}

describe('rows and blobs that were altered', () => {
  it('are misses: every column of every table is under its seal', async () => {
    const cache = copyOf(closed, 'columns');
    const alterations = [
      "UPDATE memo SET payload = replace(payload, '12', '13')",
      "UPDATE memo SET payload = replace(payload, 'command', 'commanD')",
      "UPDATE environments SET json = replace(json, 'v20', 'v21')",
      'UPDATE memo SET environment = seal',
      'UPDATE memo SET seal = lower(hex(randomblob(12)))',
    ];
    for (const sql of alterations) {
      restore(closed, cache);
      const db = new Sqlite(join(cache, 'memo.sqlite'));
      expect(db.exec(sql).prepare('SELECT changes()').pluck().get()).toBeGreaterThan(0);
      db.close();
      const store = openStore(cache);
      expect(
        stages.filter((stage) => store.lookup(stageKey(stage))),
        sql,
      ).toEqual([]);
      // And computing again cures it.
      await store.commit(rowOf(0, await store.ingestBytes(Buffer.from(contentOf(0)))));
      expect(checkedLookup(store, 0), sql).toBeDefined();
      store.close();
    }
    for (const sql of [
      "UPDATE items SET bytes = x'00'",
      "UPDATE items SET blob = 'zz'",
      "UPDATE items SET seal = 'x'",
    ]) {
      restore(closed, cache);
      new Sqlite(join(cache, 'memo.sqlite')).exec(sql).close();
      const store = openStore(cache);
      const [small, big] = [...itemsOf(3).keys()];
      const both = [await store.item(small!, stageKey(3)), await store.item(big!, stageKey(3))];
      expect(both.includes(undefined), sql).toBe(true);
      store.close();
    }
  });

  it('of a wrong length are misses, and of the right length are found by verify', async () => {
    const cache = copyOf(closed, 'blobs');
    const store = openStore(cache);
    const path = store.objectPath(fileOf(contentOf(5)).digest);
    const content = readFileSync(path);
    chmodSync(path, 0o644);
    for (let length = 0; length < content.length; length++) {
      writeFileSync(path, content.subarray(0, length));
      expect(store.lookup(stageKey(5)), `blob of ${length} bytes`).toBeUndefined();
    }
    appendFileSync(path, `${content.subarray(content.length - 1)}more`);
    expect(store.lookup(stageKey(5))).toBeUndefined();
    rmSync(path);
    expect(store.lookup(stageKey(5))).toBeUndefined();

    writeFileSync(path, contentOf(5).replace('result', 'RESULT'));
    const findings = [];
    for await (const finding of verify(store, { repair: true })) findings.push(finding);
    expect(findings.map(({ what }) => what).join('\n')).toMatch(
      /^the content of .* has been altered.*\n.*is missing/,
    );
    expect(store.lookup(stageKey(5))).toBeUndefined();
    await expect(
      store.publish([{ path: join(root, 'artifacts', 'again'), file: fileOf(contentOf(5)) }]),
    ).rejects.toThrow(UserError);
    await runStage(store, 5, join(root, 'artifacts'));
    expect(checkedLookup(store, 5)).toBeDefined();
    for await (const finding of verify(store)) expect(finding).toBeUndefined();
    store.close();
  });

  it('of another program, or of a newer format, are told apart', () => {
    const cache = copyOf(closed, 'formats');
    rmSync(join(cache, 'memo.sqlite'));
    new Sqlite(join(cache, 'memo.sqlite')).exec('CREATE TABLE songs (name)').close();
    const store = openStore(cache);
    expect(store.notices[0]?.what).toMatch(/not a memo table of orograph/);
    store.close();
    new Sqlite(join(cache, 'memo.sqlite'))
      .exec("PRAGMA user_version = 99; UPDATE meta SET value = '99' WHERE name = 'format'")
      .close();
    expect(() => openStore(cache)).toThrow(/written by a newer orograph \(format 99/);
  });
});
