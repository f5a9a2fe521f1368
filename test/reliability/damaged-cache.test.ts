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
import { openStore } from '../../src/store/open.ts';
import { Random } from '../../src/util/random.ts';
import { type Ended, looksLikeABug, mapSome, type Workshop } from '../support/reliability-rig.ts';
import {
  Case,
  countPoints,
  finishedIn,
  fullSweep,
  lineOf,
  sweepWorkshop,
} from '../support/reliability-sweep.ts';

let workshop: Workshop;
let expected: Record<string, string>;
/** How many stages a run executes that finds a cache as it was left. */
const undamaged = new Map<string, number>();
const random = new Random([20_260_101, 'damage']);
beforeAll(async () => {
  workshop = sweepWorkshop('damage');
  const { points } = await countPoints(workshop);
  const writes = points.filter(({ role }) => role === 'main').length;
  // While somebody else has the table open, those who close it leave the log and the shared index, as a power cut does.
  const held = new Case(workshop, 'held');
  const holder = openStore(workshop.path('held', 'cache'));
  const killed = await held.run({ OROGRAPH_FAULT: `kill@main:${Math.floor(0.8 * writes)}` });
  expect(killed.signal).toBe('SIGKILL');
  await workshop.orphans();
  copyOf('held', kept('held'));
  holder.close();
  expect(statSync(workshop.path(kept('held'), 'cache', 'memo.sqlite-wal')).size).toBeGreaterThan(0);
  const finished = new Case(workshop, 'finished');
  expect((await finished.run()).code).toBe(0);
  expected = finished.outputs();
  copyOf('finished', kept('finished'));
  for (const origin of origins) {
    const again = copyOf(kept(origin), `${origin}-undamaged`);
    undamaged.set(origin, executedIn(await again.run(tallyOf(origin))));
    again.remove();
  }
  expect(undamaged.get('held')).toBeLessThan(Object.keys(lineOf).length);
  expect(undamaged.get('finished')).toBe(0);
});
afterAll(() => workshop.remove());

/** A cache that a killed run left, and one that a finished run did. */
const origins = ['held', 'finished'];
/** Where the cache of an origin is kept as it was left. */
const kept = (origin: string) => `${origin}-kept`;

function copyOf(origin: string, name: string): Case {
  const copy = new Case(workshop, name);
  cpSync(workshop.path(origin, 'cache'), workshop.path(name, 'cache'), { recursive: true });
  return copy;
}

/** The keys of a copy are those of the original: its stages write into its tally. */
const tallyOf = (origin: string) => new Case(workshop, origin).env();
const executedIn = ({ events }: Ended): number => finishedIn(events).length;
const isSaid = ({ events }: Ended): boolean =>
  events.some((event) => event.type === 'diagnostic' && event.diagnostic.code === 'cache-repaired');

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
  for (const origin of origins) {
    it(`gives no wrong result and no stack trace; what is lost is computed again (${origin})`, async () => {
      const list = damages(workshop.path(kept(origin), 'cache'));
      let said = 0;
      const silent: string[] = [];
      await mapSome([...list.entries()], 2, async ([index, [name, files, damage]]) => {
        const each = copyOf(kept(origin), `${origin}-${index}`);
        for (const path of files(workshop.path(each.name, 'cache'))) damage(path);
        const ended = await each.run(tallyOf(origin));
        expect(looksLikeABug(ended), name).toBeUndefined();
        expect(ended.code, `${name}\n${ended.stdout}${ended.stderr}`).toBe(0);
        expect(each.outputs(), name).toEqual(expected);
        expect(await each.damage(), name).toEqual([]);
        const lost = executedIn(ended) - undamaged.get(origin)!;
        if (lost > 0 && !isSaid(ended)) silent.push(`${name}: ${lost} stages more were executed`);
        if (isSaid(ended)) said++;
        each.remove();
      });
      console.log(
        `${list.length} damages to a cache that was ${origin}: ${said} of them said to have lost something`,
      );
      expect(silent, 'lost without a word').toEqual([]);
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
