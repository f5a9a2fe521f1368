import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenStore, openStore } from '../../src/store/open.ts';
import { verify } from '../../src/store/verify.ts';
import type { ItemKey } from '../../src/util/digest.ts';
import { bundleChild, fastTemporaryFolder, mapSome, runChild } from '../support/store-child.ts';
import { checkedLookup, contentOf, itemsOf, runStage, stageKey } from '../support/store-rig.ts';

const stages = ['one', 'two'];
let root: string;
let program: string;
beforeAll(async () => {
  root = fastTemporaryFolder('crash');
  program = await bundleChild('store-program.ts');
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  rmSync(program, { force: true });
});

async function allFindings(store: OpenStore) {
  const findings = [];
  for await (const finding of verify(store)) findings.push(finding);
  return findings;
}

/** What must hold after any death: see design.md, "The store, and what a crash may cost". */
async function survivesWith(cache: string, artifacts: string, said: string): Promise<void> {
  const store = openStore(cache);
  try {
    expect(store.notices).toEqual([]);
    for (const stage of stages) {
      const row = checkedLookup(store, stage);
      if (said.includes(`stage ${stage}\n`)) expect(row, `stage ${stage} was committed`).toBeDefined();
      for (const [item, bytes] of itemsOf(stage)) {
        const kept = await store.item(item as ItemKey, stageKey(stage));
        if (said.includes(`item ${item}\n`)) expect(kept, 'an item that was put').toBeDefined();
        if (kept) expect(Buffer.compare(kept, bytes)).toBe(0);
      }
      const copy = join(artifacts, `stage-${stage}`, 'out.txt');
      if (said.includes(`published ${stage}\n`)) expect(existsSync(copy)).toBe(true);
      if (existsSync(copy)) expect(readFileSync(copy, 'utf8')).toBe(contentOf(stage));
    }
    expect((await allFindings(store)).filter(({ severity }) => severity === 'damage')).toEqual([]);
    for (const stage of stages) {
      expect(store.claim(stageKey(stage)), 'a dead process keeps no claim').toEqual({ mine: true });
      if (!checkedLookup(store, stage)) await runStage(store, stage, artifacts);
      expect(checkedLookup(store, stage)).toBeDefined();
      expect(store.latest('p').get(stage)?.parts ?? { stage }).toEqual({ stage });
    }
  } finally {
    store.close();
  }
}

describe('a store whose process is killed', () => {
  it('keeps what was finished and never a wrong hit, before every single write', async () => {
    const log = join(root, 'points');
    const counted = await runChild(
      program,
      ['sequence', join(root, 'counted'), join(root, 'counted-artifacts'), ...stages],
      { env: { OROGRAPH_FAULT: 'count', OROGRAPH_FAULT_LOG: log } },
    );
    expect(counted).toMatchObject({ code: 0, stderr: '' });
    const names = readFileSync(log, 'utf8').trim().split('\n');
    for (const kind of ['write', 'fsync', 'rename', 'chmod', 'begin', 'commit']) {
      expect(
        names.some((name) => name.includes(` before ${kind}`)),
        `a point before ${kind}`,
      ).toBe(true);
    }
    // What a write leaves is what the next one finds: the points after writes are left to the full sweep.
    const full = process.env.OROGRAPH_FULL_SWEEP === '1';
    const points = names.flatMap((name, index) => (full || name.includes(' before ') ? [index + 1] : []));
    const killed = await mapSome(points, 2, async (point) => {
      const [cache, artifacts] = [join(root, `c${point}`), join(root, `a${point}`)];
      const env = { OROGRAPH_FAULT: `kill@${point}` };
      const ended = await runChild(program, ['sequence', cache, artifacts, ...stages], { env });
      expect(ended.stderr).toBe('');
      await survivesWith(cache, artifacts, ended.stdout);
      rmSync(cache, { recursive: true });
      return ended.signal === 'SIGKILL';
    });
    // fsyncs of one folder may be shared, so that the very last points are not always reached.
    expect(killed.filter(Boolean).length).toBeGreaterThan(points.length - 5);
  }, 120_000);

  it('reports a full disk at any point as one clear sentence and stays intact', async () => {
    const log = join(root, 'points');
    const names = readFileSync(log, 'utf8').trim().split('\n');
    const points = names.flatMap((name, index) =>
      / before (write|fsync|commit)/.test(name) ? [index + 1] : [],
    );
    await mapSome(points, 2, async (point) => {
      const [cache, artifacts] = [join(root, `f${point}`), join(root, `b${point}`)];
      const env = { OROGRAPH_FAULT: `ENOSPC@${point}` };
      const ended = await runChild(program, ['sequence', cache, artifacts, ...stages], { env });
      expect(ended.stderr).toBe('');
      if (ended.code !== 0) {
        expect(ended.code).toBe(2);
        expect(ended.stdout).toMatch(/^error disk-full: cannot .* the disk is full .* \| free some space/m);
      }
      await survivesWith(cache, artifacts, ended.stdout);
      rmSync(cache, { recursive: true });
    });
  }, 120_000);

  it('leaves nothing in tmp/ once it has been opened again', async () => {
    const cache = join(root, 'leftover');
    const env = { OROGRAPH_FAULT: 'kill@30' };
    const ended = await runChild(program, ['sequence', cache, join(root, 'x'), ...stages], { env });
    expect(ended.signal).toBe('SIGKILL');
    expect(readdirSync(join(cache, 'tmp'))).not.toEqual([]);
    const store = openStore(cache);
    for await (const _ of verify(store, { repair: true }));
    store.close();
    expect(readdirSync(join(cache, 'tmp'))).toEqual([]);
  });
});
