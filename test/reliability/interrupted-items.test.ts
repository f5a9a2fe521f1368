import { readFileSync, rmSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { looksLikeABug, Workshop } from '../support/reliability-rig.ts';

/** Each epoch and each point is an item of the store. */
const pipeline = (epochs: number, batch: number, points: number) => `pipeline: k
engine: wasm
stages:
  model:
    uses: train
    with:
      network: { name: mlp, widths: [4] }
      dataset: { name: cifar10-mini, subset: { train: 64 } }
      epochs: ${epochs}
      keep: [${Array.from({ length: epochs }, (_, i) => i + 1).join(', ')}]
      seed: 1
      batch: ${batch}
  along: { uses: directions, inputs: { model: model.checkpoints/${epochs} }, with: { kind: gaussian, seed: 1 } }
  curve:
    uses: evaluate
    inputs: { model: model.checkpoints/${epochs}, x: along }
    with: { points: ${points}, examples: 32 }
`;

let w: Workshop;
let serial = 0;
beforeAll(() => {
  // The longer one is still at it when the news of its first item has reached us.
  w = new Workshop('items', { 'short.yaml': pipeline(5, 32, 7), 'long.yaml': pipeline(40, 4, 2001) });
});
afterAll(() => w.remove());

/**
 * A run on a cache of its own. Every place where one of its processes changes the disk is a line of its log; workers
 * open the store for items only, so that their transactions count these.
 * @param killOn kills the coordinator when three of this unit are done. Of the first the news may come before it is
 * stored; that one is stored when the next begins.
 */
async function run(file: string, name: string, fault: string, killOn?: string) {
  const log = w.path(`log-${++serial}`);
  const words = ['run', file, '--json', '--cache', `cache-${name}`, '--artifacts', `artifacts-${name}`];
  const env = { OROGRAPH_FAULT: fault, OROGRAPH_FAULT_LOG: log };
  const started = w.start(words, { env, timeoutMs: 240_000 });
  if (killOn !== undefined) {
    await started.event(
      (event) => event.type === 'stage-progress' && event.unit === killOn && event.done >= 3,
    );
    started.child.kill('SIGKILL');
  }
  const ended = await started.ended;
  expect(looksLikeABug(ended)).toBeUndefined();
  expect(await w.orphans(60_000)).toEqual([]);
  const items = readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [role, number, when, what] = line.split(' ');
      return role === 'worker' && what === 'commit' ? [{ when, number: Number(number) }] : [];
    });
  const of = (when: string) => items.filter((item) => item.when === when).map(({ number }) => number);
  return { ended, begun: of('before'), stored: of('after') };
}

const whole = new Map<string, ReturnType<typeof run>>();
function undisturbed(file: string) {
  if (!whole.has(file)) whole.set(file, run(file, `whole-${file}`, 'count'));
  return whole.get(file)!;
}

describe('a stage that is killed amid its items', () => {
  it.each([
    ['a worker, in the fourth epoch', 'short.yaml', 3, 'epochs'],
    ['a worker, at the fourth point', 'short.yaml', 8, 'points'],
    ['the run, in training', 'long.yaml', undefined, 'epochs'],
    ['the run, in the grid', 'long.yaml', undefined, 'points'],
  ] as const)(
    'goes on from what was stored, to the same bytes: %s',
    async (_, file, stored, unit) => {
      const name = `${++serial}`;
      const all = await undisturbed(file);
      expect(all.ended.code).toBe(0);
      const total = all.stored.length;
      // Where the worker is killed: at whatever it does next once so many items are stored.
      const fault = stored === undefined ? 'count' : `kill@worker:${all.stored[stored - 1]! + 1}`;
      const killed = await run(file, name, fault, stored === undefined ? unit : undefined);
      expect(killed.ended.code).toBe(stored === undefined ? null : 1);
      if (stored !== undefined) expect(killed.stored).toHaveLength(stored);
      expect(killed.stored.length).toBeGreaterThan(unit === 'epochs' ? 0 : file === 'short.yaml' ? 5 : 39);
      expect(killed.stored.length).toBeLessThan(total);

      const rest = await run(file, name, 'count');
      expect(rest.ended.code).toBe(0);
      // Nothing that was stored is computed again. Of a transaction under way at the kill nobody knows whether it was
      // done, and a file that was stored and not yet entered takes one transaction more.
      expect(rest.begun.length).toBeGreaterThanOrEqual(total - killed.begun.length);
      expect(rest.begun.length).toBeLessThanOrEqual(
        total - killed.stored.length + (stored === undefined ? 1 : 0),
      );
      expect(w.outputs(`artifacts-${name}`)).toEqual(w.outputs(`artifacts-whole-${file}`));
      expect(await w.damage(`cache-${name}`)).toEqual([]);
    },
    300_000,
  );
});

/** Removes the blobs of the items that have one, or alters those that lie in the table. Returns how many there are. */
function spoilItems(cache: string, which: 'blobs' | 'inline'): number {
  const table = new Sqlite(w.path(cache, 'memo.sqlite'));
  try {
    if (which === 'inline')
      return table.prepare('UPDATE items SET bytes = zeroblob(size) WHERE blob IS NULL').run().changes;
    const blobs = table.prepare('SELECT blob FROM items WHERE blob IS NOT NULL').pluck().all() as string[];
    for (const digest of blobs) rmSync(w.path(cache, 'objects', digest.slice(0, 2), digest.slice(2)));
    return blobs.length;
  } finally {
    table.close();
  }
}

it.each([
  ['epochs', 3, 'blobs', 'model'],
  ['points', 8, 'inline', 'curve'],
] as const)(
  'items that were lost after a kill are computed again, and it is said: %s',
  async (_, stored, which, stage) => {
    const name = `${++serial}`;
    const { stored: all } = await undisturbed('short.yaml');
    await run('short.yaml', name, `kill@worker:${all[stored - 1]! + 1}`);
    const lost = spoilItems(`cache-${name}`, which);
    expect(lost).toBe(3);
    const { ended } = await run('short.yaml', name, 'count');
    expect(ended.code).toBe(0);
    const said = ended.events.flatMap((event) =>
      event.type === 'diagnostic' && event.diagnostic.code === 'cache-repaired'
        ? [event.diagnostic.message]
        : [],
    );
    expect(said).toEqual([`3 sub-results of ${stage} had been stored, but were damaged or gone`]);
    expect(w.outputs(`artifacts-${name}`)).toEqual(w.outputs('artifacts-whole-short.yaml'));
    expect(await w.damage(`cache-${name}`)).toEqual([]);
  },
  300_000,
);
