import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectOutputs, prepareOutputs } from '../../src/execute/outputs.ts';
import type { OutputSpec } from '../../src/kind/stage-kind.ts';
import { type OpenStore, openStore } from '../../src/store/open.ts';
import { digestOf } from '../../src/util/digest.ts';
import { fastTemporaryFolder } from '../support/store-child.ts';

let root: string;
let folder: string;
let store: OpenStore;
beforeEach(() => {
  root = fastTemporaryFolder('outputs');
  store = openStore(join(root, 'cache'));
  folder = store.createWorkFolder();
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true, force: true });
});

const free: OutputSpec = { type: 'table', extension: '.csv', folder: true };
const listed: OutputSpec = { type: 'table', extension: '.csv', members: ['1', 'a/2'] };
const file: OutputSpec = { type: 'table', extension: '.csv' };
const collect = (outputs: Record<string, OutputSpec>) => collectOutputs(store, folder, outputs);
const write = (path: string, text = path) => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
};

describe('what a finished stage wrote', () => {
  it('is missing where a file, a member or all of a folder is', async () => {
    prepareOutputs(folder, { free, listed, file });
    write('listed/1.csv');
    expect(await collect({ free, listed, file })).toEqual({
      missing: ['free (an empty folder)', 'listed/a/2', 'file'],
    });
    // A folder of files with another ending is as good as empty, and a folder is no file.
    write('free/x.txt');
    mkdirSync(join(folder, 'file.csv'));
    expect(await collect({ free, file })).toEqual({ missing: ['free (an empty folder)', 'file'] });
  });

  it('is stored by name and content, and what was not declared is named', async () => {
    prepareOutputs(folder, { free, listed, file });
    for (const path of [
      'free/x.csv',
      'free/deep/y.csv',
      'listed/1.csv',
      'listed/a/2.csv',
      'file.csv',
      'more',
    ])
      write(path);
    const collected = await collect({ free, listed, file });
    if ('missing' in collected) throw new Error(collected.missing.join());
    const stored = (path: string) => ({ digest: digestOf(path), bytes: path.length });
    expect(collected.outputs.free!.members).toEqual({
      x: stored('free/x.csv'),
      'deep/y': stored('free/deep/y.csv'),
    });
    expect(collected.outputs.listed!.members).toEqual({
      1: stored('listed/1.csv'),
      'a/2': stored('listed/a/2.csv'),
    });
    expect(collected.outputs.file).toMatchObject({ folder: false, digest: digestOf('file.csv') });
    expect(collected.undeclared).toEqual(['more']);
  });

  it('of a folder has a digest of names and contents', async () => {
    const digestOfFolder = async (...paths: [string, string][]) => {
      rmSync(join(folder, 'free'), { recursive: true, force: true });
      for (const [path, text] of paths) write(`free/${path}.csv`, text);
      const collected = await collect({ free });
      return 'missing' in collected ? '' : collected.outputs.free!.digest;
    };
    const digests = [
      await digestOfFolder(['a', 'x'], ['b', 'y']),
      await digestOfFolder(['a', 'y'], ['b', 'x']),
      await digestOfFolder(['a', 'x']),
      await digestOfFolder(['c', 'x'], ['b', 'y']),
    ];
    expect(new Set(digests).size).toBe(4);
    expect(await digestOfFolder(['b', 'y'], ['a', 'x'])).toBe(digests[0]);
  });
});
