import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fsyncFolder, SharedFsync, writeFileAtomic } from '../../src/util/fs-durable.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orograph-durable-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('an atomic write', () => {
  for (const durable of [true, false]) {
    it(`makes its folder, replaces the whole file and leaves nothing beside it (durable: ${durable})`, async () => {
      const path = join(root, 'new', 'folder', 'run.json');
      await writeFileAtomic(path, 'first and longer', { durable });
      await writeFileAtomic(path, Buffer.from('second'), { durable });
      expect(readFileSync(path, 'utf8')).toBe('second');
      expect(readdirSync(join(root, 'new', 'folder'))).toEqual(['run.json']);
    });
  }

  it('that cannot take its place leaves what was there, and no temporary file', async () => {
    mkdirSync(join(root, 'taken'));
    writeFileSync(join(root, 'taken', 'inside'), '');
    await expect(writeFileAtomic(join(root, 'taken'), 'x', { durable: true })).rejects.toMatchObject({
      code: 'EISDIR',
    });
    expect(readdirSync(root)).toEqual(['taken']);
  });
});

describe('a shared fsync', () => {
  it('serves all who came before it began, and nobody who came after', async () => {
    const ends: (() => void)[] = [];
    const shared = new SharedFsync(() => new Promise((resolve) => ends.push(resolve)));
    const done: string[] = [];
    const note = (name: string) => () => done.push(name);
    const first = shared.request().then(note('first'));
    const second = shared.request().then(note('second'));
    const third = shared.request().then(note('third'));
    expect(ends.length).toBe(1);
    ends[0]!();
    await first;
    await new Promise(setImmediate);
    expect(done).toEqual(['first']);
    expect(ends.length).toBe(2);
    ends[1]!();
    await Promise.all([second, third]);
    expect(ends.length).toBe(2);
  });

  it('that fails fails those who waited for it, and the next one is tried again', async () => {
    let calls = 0;
    const shared = new SharedFsync(async () => {
      calls++;
      await new Promise(setImmediate);
      if (calls === 1) throw new Error('the disk refused');
    });
    const results = await Promise.allSettled([shared.request(), shared.request()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  it('of a folder that is not there says so', async () => {
    await expect(fsyncFolder(join(root, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
