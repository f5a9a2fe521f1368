import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { verify } from '../../src/store/verify.ts';
import { bundleChild, fastTemporaryFolder, runChild } from '../support/store-child.ts';
import { checkedLookup, contentOf, fileOf } from '../support/store-rig.ts';

let root: string;
let program: string;
beforeAll(async () => {
  root = fastTemporaryFolder('limits');
  chmodSync(root, 0o755);
  program = await bundleChild('store-program.ts');
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(program, { force: true });
});

/** Root may write anywhere, so the child is another user, who must be able to read the packages. */
async function skipUnlessNobodyCanRun(skip: (note: string) => void): Promise<void> {
  const { code } = await runChild(program, ['nothing'], { uid: 65534 });
  if (code !== 0) skip('another user cannot read this folder');
}

describe('a disk that refuses', () => {
  it('by a file-size limit is told as such, and what was stored before stays', async () => {
    const cache = join(root, 'limit');
    openStore(cache).close();
    const args = ['large', cache, String(4 << 20)];
    const ended = await runChild(program, args, { prefix: 'ulimit -f 2000' });
    expect(ended).toMatchObject({ code: 2, stderr: '' });
    expect(ended.stdout).toMatch(
      /error file-size-limit: cannot store a result: .* \| raise the limit \(`ulimit -f/,
    );
    const store = openStore(cache);
    expect(checkedLookup(store, 'before')).toBeDefined();
    for await (const finding of verify(store)) expect(finding).toBeUndefined();
    store.close();
    expect(await runChild(program, args)).toMatchObject({ code: 0, stderr: '' });
  }, 20_000);

  it('the memo table for its size is told as such, and what was stored before stays', async () => {
    const cache = join(root, 'table');
    const stages = Array.from({ length: 120 }, (_, index) => String(index));
    // 100 KB: the log of the table grows past it after some stages.
    const ended = await runChild(program, ['sequence', cache, join(root, 'a'), ...stages], {
      prefix: 'ulimit -f 200',
    });
    expect(ended).toMatchObject({ code: 2, stderr: '' });
    expect(ended.stdout).toMatch(
      /^error (disk-error|file-size-limit|disk-full): cannot write the memo table.* \| /m,
    );
    const store = openStore(cache);
    expect(store.notices).toEqual([]);
    const committed = [...ended.stdout.matchAll(/^stage (\d+)$/gm)].map(([, stage]) => stage!);
    expect(committed.length).toBeGreaterThan(0);
    for (const stage of committed) expect(checkedLookup(store, stage)).toBeDefined();
    store.close();
  }, 30_000);

  const asNobody = process.getuid?.() === 0 ? it : it.skip;
  asNobody('a cache folder that may not be written is a sentence with a cure', async ({ skip }) => {
    await skipUnlessNobodyCanRun(skip);
    const cache = join(root, 'forbidden');
    openStore(cache).close();
    const ended = await runChild(program, ['sequence', cache, join(root, 'a'), 'one'], { uid: 65534 });
    expect(ended).toMatchObject({ code: 2, stderr: '' });
    expect(ended.stdout).toMatch(
      /^error not-permitted: cannot open the cache: you may not write there .*forbidden.* \| change/,
    );
  });
  asNobody('an artifacts folder that may not be written is a sentence with a cure', async ({ skip }) => {
    await skipUnlessNobodyCanRun(skip);
    const home = join(root, 'home');
    mkdirSync(home);
    chmodSync(home, 0o777);
    mkdirSync(join(root, 'locked'), { mode: 0o555 });
    const args = ['sequence', join(home, 'cache'), join(root, 'locked'), 'one'];
    const ended = await runChild(program, args, { uid: 65534 });
    expect(ended).toMatchObject({ code: 2, stderr: '' });
    expect(ended.stdout).toMatch(
      /error not-permitted: cannot publish a result: you may not write there \(.*locked.* \| /,
    );
  });

  it('a file where the cache should be is a sentence with a cure', () => {
    writeFileSync(join(root, 'plain'), '');
    expect(() => openStore(join(root, 'plain'))).toThrow(
      /cannot open the cache: .*stands where a folder should be/,
    );
    expect(() => openStore(join(root, 'plain', 'deeper'))).toThrow(/cannot open the cache: a file stands/);
  });
});

describe('published copies in the way of something', () => {
  it('name what stands there', async () => {
    const store = openStore(join(root, 'publish'));
    const file = await store.ingestBytes(Buffer.from(contentOf('p')));
    expect(file).toEqual(fileOf(contentOf('p')));
    mkdirSync(join(root, 'folder.txt', 'in'), { recursive: true });
    await expect(store.publish([{ path: join(root, 'folder.txt'), file }])).rejects.toThrow(
      /cannot publish a result: a folder stands where a file should be \(.*folder\.txt\)/,
    );
    writeFileSync(join(root, 'file'), '');
    await expect(store.publish([{ path: join(root, 'file', 'a', 'b'), file }])).rejects.toThrow(
      /cannot publish a result: a file stands where a folder should be \(.*\/file\)/,
    );
    expect(existsSync(store.objectPath(file.digest))).toBe(true);
    store.close();
  });
});
