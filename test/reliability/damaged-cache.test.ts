import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/util/random.ts';
import { looksLikeABug, mapSome, type Workshop } from '../support/reliability-rig.ts';
import { Case, fullSweep, sweepWorkshop } from '../support/reliability-sweep.ts';

let workshop: Workshop;
let whole: Case;
let expected: Record<string, string>;
const random = new Random([20_260_101, 'damage']);
beforeAll(async () => {
  workshop = sweepWorkshop('damage');
  whole = new Case(workshop, 'whole');
  // A killed run leaves the log and the shared index of the memo table, which a clean end removes.
  const killed = await whole.run({ OROGRAPH_FAULT: 'kill@main:180' });
  expect(killed.signal).toBe('SIGKILL');
  const finished = new Case(workshop, 'finished');
  expect((await finished.run()).code).toBe(0);
  expected = finished.outputs();
});
afterAll(() => workshop.remove());

type Damage = readonly [name: string, file: (cache: string) => string[], damage: (path: string) => void];

const table = (suffix: string) => (cache: string) => [join(cache, `memo.sqlite${suffix}`)];
const blobs = (cache: string): string[] =>
  (readdirSync(join(cache, 'objects'), { recursive: true }) as string[])
    .map((name) => join(cache, 'objects', name))
    .filter((path) => statSync(path).isFile());
const code = (cache: string): string[] =>
  readdirSync(join(cache, 'code')).map((name) => join(cache, 'code', name));
const plans = (cache: string): string[] =>
  readdirSync(join(cache, 'plans')).map((name) => join(cache, 'plans', name));

const truncated = (share: number) => (path: string) => {
  chmodSync(path, 0o644);
  truncateSync(path, Math.floor(statSync(path).size * share));
};
const overwritten = (share: number, bytes: number) => (path: string) => {
  chmodSync(path, 0o644);
  const content = readFileSync(path);
  const at = Math.min(content.length - 1, Math.floor(content.length * share));
  for (let i = at; i < Math.min(content.length, at + bytes); i++)
    content[i] = content[i]! ^ (1 + random.below(255));
  writeFileSync(path, content);
};

function damages(from: string): Damage[] {
  const list: Damage[] = [];
  const shares = fullSweep ? Array.from({ length: 24 }, (_, i) => i / 24) : [0, 0.2, 0.55, 0.97];
  for (const suffix of ['', '-wal', '-shm']) {
    if (!existsSync(join(from, `memo.sqlite${suffix}`))) continue;
    for (const share of shares) {
      list.push([`memo.sqlite${suffix} cut at ${share}`, table(suffix), truncated(share)]);
      list.push([`memo.sqlite${suffix} altered at ${share}`, table(suffix), overwritten(share, 64)]);
    }
  }
  for (const share of [0, 0.5]) {
    list.push([`every blob cut at ${share}`, blobs, truncated(share)]);
    list.push([`compiled kinds altered at ${share}`, code, overwritten(share, 16)]);
    list.push([`plans altered at ${share}`, plans, overwritten(share, 16)]);
  }
  return list;
}

describe('a cache that is damaged between two runs', () => {
  for (const origin of ['whole', 'finished']) {
    it(`gives no wrong result and no stack trace; what is lost is computed again (${origin})`, async () => {
      const list = damages(workshop.path(origin, 'cache'));
      let said = 0;
      await mapSome([...list.entries()], 2, async ([index, [name, files, damage]]) => {
        const each = new Case(workshop, `${origin}-${index}`);
        cpSync(workshop.path(origin, 'cache'), workshop.path(each.name, 'cache'), { recursive: true });
        for (const path of files(workshop.path(each.name, 'cache'))) damage(path);
        // The keys of the copy are those of the original: their stages write into its tally.
        const ended = await each.run({ TALLY: new Case(workshop, origin).env().TALLY! });
        expect(looksLikeABug(ended), name).toBeUndefined();
        expect(ended.code, `${name}\n${ended.stdout}${ended.stderr}`).toBe(0);
        expect(each.outputs(), name).toEqual(expected);
        expect(await each.damage(), name).toEqual([]);
        if (
          ended.events.some(
            (event) => event.type === 'diagnostic' && event.diagnostic.code === 'cache-repaired',
          )
        )
          said++;
        each.remove();
      });
      console.log(
        `${list.length} damages to a cache that was ${origin}: ${said} said to have lost the memo table`,
      );
      expect(said).toBeGreaterThan(0);
    }, 600_000);
  }

  it('finds an altered blob of the same length by verify, which removes it, and computes it again', async () => {
    const each = new Case(workshop, 'altered');
    expect((await each.run()).code).toBe(0);
    const cache = workshop.path(each.name, 'cache');
    for (const path of blobs(cache)) overwritten(0, 1)(path);
    const words = ['verify', '--cache', join(each.name, 'cache')];
    expect((await workshop.start(words).ended).code).toBe(3);
    expect((await workshop.start([...words, '--repair']).ended).code).toBe(0);
    expect((await workshop.start(words).ended).code).toBe(0);
    expect((await each.run()).code).toBe(0);
    expect(each.outputs()).toEqual(expected);
  });
});
