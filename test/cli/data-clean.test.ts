import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { CliWorkspace } from '../support/cli.ts';

let w: CliWorkspace;
afterEach(() => w.remove());

it('data clean removes what can be made again and parts of downloads, and nothing else', async () => {
  const files = {
    'data/.prepared/abc-0.rows': 1000,
    'data/.prepared/unpacked/train.bin': 500,
    'data/.cifar10-download/archive.tar.gz.part': 200,
    'data/mine/train.bin': 70,
    'data/.hidden/notes': 30,
  };
  w = new CliWorkspace({ 'pipelines/p.yaml': 'pipeline: p\nstages: {}\n' });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(w.folder, name)), { recursive: true });
    writeFileSync(join(w.folder, name), new Uint8Array(bytes));
  }
  const there = (): string[] => Object.keys(files).filter((name) => existsSync(join(w.folder, name)));
  const dry = await w.run('data', 'clean', '--dry-run', '--json');
  expect([dry.code, JSON.parse(dry.stdout).bytes, there().length]).toEqual([0, 1700, 5]);

  // A store that somebody else has open: a stage of theirs may be reading.
  const other = openStore(join(w.folder, 'cache'));
  const refused = await w.run('data', 'clean');
  other.close();
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/another orograph process works with .*cache/);
  expect(there().length).toBe(5);

  const done = await w.run('data', 'clean');
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('removed 1.7 kB')]);
  expect(there()).toEqual(['data/mine/train.bin', 'data/.hidden/notes']);
  expect((await w.run('data', 'clean')).stdout).toBe('nothing to remove\n');
  expect((await w.run('data', 'clean', 'mine')).stderr).toMatch(/data sets themselves stay/);
});
