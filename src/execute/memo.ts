import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { itemKey } from '../fingerprint/key.ts';
import type { Memo } from '../kind/stage-kind.ts';
import type { Store } from '../store/contract.ts';
import type { Job } from './job.ts';

/** Between two looks at an item that another process computes: at first, and at last. */
const [shortestWaitMs, longestWaitMs] = [5, 500];

/** Set while a shared item is computed, and in all that is called from there. */
const computing = new AsyncLocalStorage<true>();

/** The memo a running stage sees: items in the store, under keys that carry the kind's code and engine. */
export function memoOf(
  store: Store,
  { scope, shared, key: user }: Pick<Job, 'scope' | 'shared' | 'key'>,
  signal: AbortSignal,
): Memo {
  return {
    async each(items, keyOf, compute) {
      const results = [];
      for (const [index, item] of items.entries()) {
        const key = itemKey(scope, keyOf(item));
        const known = await store.item(key, user);
        if (known) {
          results.push(decode(known));
          continue;
        }
        const encoded = encode(await compute(item, index));
        await store.putItem(key, encoded, user);
        // What another run will read: JSON has no -0, say, and a resumed stage must see the same as an undisturbed one.
        results.push(decode(encoded));
      }
      return results as Awaited<ReturnType<typeof compute>>[];
    },
    get: (key) => store.item(itemKey(scope, key), user),
    put: (key, bytes) => store.putItem(itemKey(scope, key), bytes, user),
    async shared(item, compute) {
      // Two stages could wait for each other's for ever. So whoever holds a claim waits for none, and whoever waits is
      // served: claims are held by stages that run, with all the tokens that they need.
      if (computing.getStore())
        throw new Error(
          'memo.shared was called while another shared item was computed: compute them one by one',
        );
      const key = itemKey(shared, item);
      for (let wait = shortestWaitMs; ; wait = Math.min(2 * wait, longestWaitMs)) {
        const known = await store.item(key, user);
        if (known) return known;
        if (store.claim(key).mine) break;
        await sleep(wait, undefined, { signal });
      }
      try {
        // Whoever held the claim may have stored it between the look and the claim.
        const known = await store.item(key, user);
        if (known) return known;
        const bytes = await computing.run(true, compute);
        await store.putItem(key, bytes, user);
        return bytes;
      } finally {
        store.release(key);
      }
    },
  };
}

/** JSON has no NaN and no Infinity, and losses have both: they travel as `{"$number":"NaN"}`. */
function encode(value: unknown): Uint8Array {
  const text = JSON.stringify(value, function (this: unknown, name, inner) {
    if (typeof inner === 'number' && !Number.isFinite(inner)) return { $number: String(inner) };
    // An optional property that is not there is not there in JSON either.
    const absent = inner === undefined && name !== '' && !Array.isArray(this);
    if (!absent) refuseUnsaid(inner);
    return inner;
  });
  return new TextEncoder().encode(text);
}

/** What JSON would drop, or make something else of, without a word. */
function refuseUnsaid(value: unknown): void {
  const lost = ['undefined', 'function', 'symbol', 'bigint'].includes(typeof value);
  const collection = ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set;
  if (!lost && !collection) return;
  const what = collection
    ? `a ${value.constructor.name}`
    : value === undefined
      ? 'undefined'
      : `a ${typeof value}`;
  throw new Error(
    `a result of memo.each holds ${what}, which JSON cannot say: return numbers, texts, booleans, null, plain arrays and objects`,
  );
}

function decode(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes), (_, inner) =>
    inner !== null && typeof inner === 'object' && typeof inner.$number === 'string'
      ? Number(inner.$number)
      : inner,
  );
}
