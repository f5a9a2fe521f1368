/** What the store's tests agree on: three small stages with known contents, and how to store and to check them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredFile } from '../../src/kind/artifact.ts';
import type { MemoRow } from '../../src/store/contract.ts';
import type { OpenStore } from '../../src/store/open.ts';
import { type Digest, digestOf, type ItemKey, type StageKey } from '../../src/util/digest.ts';

export const stageKey = (name: string | number): StageKey => digestOf(`stage ${name}`) as string as StageKey;
export const itemKey = (name: string | number): ItemKey => digestOf(`item ${name}`) as string as ItemKey;
export const contentOf = (stage: string | number): string => `the result of stage ${stage}\n`;
export const fileOf = (content: string | Uint8Array): StoredFile => ({
  digest: digestOf(content),
  bytes: Buffer.byteLength(content as string),
});

export function rowOf(stage: string | number, file: StoredFile): MemoRow {
  return {
    key: stageKey(stage),
    kind: 'command',
    outputs: {
      out: { type: 'file', members: { '': file }, folder: false, extension: '.txt', digest: file.digest },
    },
    facts: { stage: String(stage) },
    factsCode: digestOf('facts'),
    finishedAt: '2024-05-06T07:08:09.000Z',
    wallMs: 12,
    environment: { node: 'v20', host: 'somewhere' },
  };
}

/** Items of a stage: small ones, and one that becomes a blob. */
export const itemsOf = (stage: string | number): Map<ItemKey, Buffer> =>
  new Map([
    [itemKey(`${stage} a`), Buffer.from(`item a of ${stage}`)],
    [itemKey(`${stage} big`), Buffer.alloc(20_000, String(stage))],
  ]);

/** One stage as a run does it: claim, compute in a work folder, items, ingest, commit, publish. */
export async function runStage(
  store: OpenStore,
  stage: string | number,
  artifacts: string,
  say: (what: string) => void = () => {},
): Promise<void> {
  const key = stageKey(stage);
  store.claim(key);
  const folder = store.createWorkFolder();
  for (const [item, bytes] of itemsOf(stage)) {
    await store.putItem(item, bytes, key);
    say(`item ${item}`);
  }
  writeFileSync(join(folder, 'out.txt'), contentOf(stage));
  const file = await store.ingest(join(folder, 'out.txt'));
  await store.commit(rowOf(stage, file));
  say(`stage ${stage}`);
  await store.discard(folder);
  await store.publish([{ path: join(artifacts, `stage-${stage}`, 'out.txt'), file }]);
  say(`published ${stage}`);
  store.setLatest('p', [{ stage: String(stage), key, parts: { stage: String(stage) } }]);
}

/** Undefined: a miss. Throws where a hit is not exactly what was stored. */
export function checkedLookup(store: OpenStore, stage: string | number): MemoRow | undefined {
  const row = store.lookup(stageKey(stage));
  if (row === undefined) return undefined;
  const right = rowOf(stage, fileOf(contentOf(stage)));
  if (JSON.stringify(sorted(row)) !== JSON.stringify(sorted(right)))
    throw new Error(`wrong hit for ${stage}`);
  const content = readFileSync(store.objectPath(row.outputs.out?.digest as Digest), 'utf8');
  if (content !== contentOf(stage)) throw new Error(`wrong content for ${stage}`);
  return row;
}

const sorted = (row: MemoRow): unknown =>
  Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
