import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { verify } from '../../src/store/verify.ts';
import { bundleChild, fastTemporaryFolder, runChild } from '../support/store-child.ts';
import { checkedLookup, stageKey } from '../support/store-rig.ts';

let root: string;
let program: string;
beforeAll(async () => {
  root = fastTemporaryFolder('concurrency');
  program = await bundleChild('store-program.ts');
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(program, { force: true });
});

const computed = (log: string): string[] => readFileSync(log, 'utf8').trim().split('\n');

describe('several processes on one store', () => {
  it('compute each key once, from a cache folder that none of them has made', async () => {
    const [cache, log, count] = [join(root, 'shared'), join(root, 'log'), 60];
    const seeds = ['1', '2', '3', '4'];
    const ended = await Promise.all(
      seeds.map((seed) => runChild(program, ['share', cache, log, String(count), seed])),
    );
    for (const { code, stderr, stdout } of ended)
      expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: '' });
    const stages = computed(log);
    expect(stages.length).toBe(count);
    expect(new Set(stages).size).toBe(count);
  }, 60_000);

  it('take over what a killed one had claimed, and lose nothing', async () => {
    const [cache, log, count] = [join(root, 'killed'), join(root, 'killed-log'), 60];
    writeFileSync(log, '');
    const doomed = runChild(program, ['share', cache, log, String(count), '4'], {
      env: { OROGRAPH_FAULT: 'kill@60' },
    });
    // The others come when it is at work: it must not find everything done.
    while (readFileSync(log).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const ended = await Promise.all([
      ...['1', '2', '3'].map((seed) => runChild(program, ['share', cache, log, String(count), seed])),
      doomed,
    ]);
    expect(ended.map(({ code, stderr }) => ({ code, stderr })).slice(0, 3)).toEqual(
      Array.from({ length: 3 }, () => ({ code: 0, stderr: '' })),
    );
    expect(ended[3]!.signal).toBe('SIGKILL');
    const stages = computed(log);
    // It may have died between its commit and its line in the log.
    expect(stages.length).toBeGreaterThanOrEqual(count - 1);
    expect(new Set(stages).size).toBe(stages.length);
    const store = openStore(cache);
    for (let stage = 0; stage < count; stage++) expect(checkedLookup(store, stage)).toBeDefined();
    for await (const { severity } of verify(store)) expect(severity).toBe('leftover');
    store.close();
  }, 60_000);

  it('see a claim while its process lives and void it at once when it is dead', async () => {
    const cache = join(root, 'claims');
    const store = openStore(cache);
    const dying = runChild(program, ['claim', cache, 'x'], { killAfterMs: 1500 });
    let seen = store.claim(stageKey('y'));
    for (const until = Date.now() + 1400; Date.now() < until; ) {
      const other = store.claim(stageKey('x'));
      if (!other.mine) {
        seen = other;
        break;
      }
      store.release(stageKey('x'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(seen).toMatchObject({ mine: false, owner: 'the one that dies' });
    expect((await dying).signal).toBe('SIGKILL');
    expect(store.claim(stageKey('x'))).toEqual({ mine: true });
    store.close();
  }, 20_000);
});
