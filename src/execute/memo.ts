import { type ItemScope, itemKey } from '../fingerprint/key.ts';
import type { Memo } from '../kind/stage-kind.ts';
import type { Store } from '../store/contract.ts';
import type { StageKey } from '../util/digest.ts';

/** The memo a running stage sees: items in the store, under keys that carry the kind's code and engine. */
export function memoOf(store: Store, scope: ItemScope, user: StageKey, onComputed: () => void): Memo {
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
        const result = await compute(item, index);
        await store.putItem(key, encode(result), user);
        onComputed();
        results.push(result);
      }
      return results as Awaited<ReturnType<typeof compute>>[];
    },
    get: (key) => store.item(itemKey(scope, key), user),
    async put(key, bytes) {
      await store.putItem(itemKey(scope, key), bytes, user);
      onComputed();
    },
  };
}

/** JSON has no NaN and no Infinity, and losses have both: they travel as `{"$number":"NaN"}`. */
function encode(value: unknown): Uint8Array {
  const text = JSON.stringify(value, (_, inner) =>
    typeof inner === 'number' && !Number.isFinite(inner) ? { $number: String(inner) } : inner,
  );
  return new TextEncoder().encode(text);
}

function decode(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes), (_, inner) =>
    inner !== null && typeof inner === 'object' && typeof inner.$number === 'string'
      ? Number(inner.$number)
      : inner,
  );
}
