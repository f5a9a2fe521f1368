/** The program that the store's crash and concurrency tests start as real processes. */
import { appendFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { openStore } from '../../src/store/open.ts';
import { contentOf, rowOf, runStage, stageKey } from './store-rig.ts';

/** Not through a stream: it must be out before the process can be killed. */
const say = (what: string): void => {
  writeSync(1, `${what}\n`);
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const programs: Record<string, (args: string[]) => Promise<void>> = {
  /** sequence CACHE ARTIFACTS STAGE...: runs the stages that are not stored, one after the other. */
  async sequence([cache, artifacts, ...stages]) {
    const store = openStore(cache!);
    for (const stage of stages) {
      if (store.lookup(stageKey(stage)) === undefined) await runStage(store, stage, artifacts!, say);
    }
    await store.settle();
    store.close();
    say('closed');
  },

  /** share CACHE LOG COUNT SEED: computes each key that nobody else has or is computing, in an order of its own. */
  async share([cache, log, count, seed]) {
    const store = openStore(cache!, { owner: `process ${seed}` });
    const open = new Set(Array.from({ length: Number(count) }, (_, index) => index));
    const first = (Number(seed) * 7) % Number(count);
    while (open.size > 0) {
      const order = [...open].sort((a, b) => ((a + first) % Number(count)) - ((b + first) % Number(count)));
      for (const stage of order) {
        const key = stageKey(stage);
        if (store.lookup(key) !== undefined) {
          open.delete(stage);
          continue;
        }
        if (!store.claim(key).mine) continue;
        if (store.lookup(key) === undefined) {
          const folder = store.createWorkFolder();
          await pause(3);
          writeFileSync(join(folder, 'out'), contentOf(stage));
          const file = await store.ingest(join(folder, 'out'));
          await store.commit(rowOf(stage, file));
          appendFileSync(log!, `${stage}\n`);
          await store.discard(folder);
        }
        store.release(key);
        open.delete(stage);
      }
      await pause(5);
    }
    store.close();
  },

  /** Whether a process of this user can run it at all. */
  async nothing() {},

  /** claim CACHE STAGE: claims, says so, and stays. */
  async claim([cache, stage]) {
    const store = openStore(cache!, { owner: 'the one that dies' });
    say(`claimed ${store.claim(stageKey(stage!)).mine}`);
    await pause(60_000);
  },

  /** large CACHE BYTES: stores a result of that size. */
  async large([cache, bytes]) {
    const store = openStore(cache!);
    await runStage(store, 'before', join(cache!, '..', 'artifacts'), say);
    const file = await store.ingestBytes(Buffer.alloc(Number(bytes), 'x'));
    await store.commit(rowOf('large', file));
    say('stored');
    store.close();
  },
};

const [name, ...args] = process.argv.slice(2);
try {
  await programs[name!]!(args);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  for (const { code, message, hint } of error.diagnostics) say(`error ${code}: ${message} | ${hint}`);
  process.exit(2);
}
