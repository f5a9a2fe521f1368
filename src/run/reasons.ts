import { type Difference, describe, differences } from '../fingerprint/differences.ts';
import type { KeyParts } from '../fingerprint/key.ts';
import type { LatestKey } from '../store/contract.ts';
import type { StageKey } from '../util/digest.ts';

/** Why a stage whose key is known must run, most telling first. */
export function reasonsToRun(
  key: StageKey,
  parts: () => KeyParts,
  latest: LatestKey | undefined,
  forced: boolean,
): string[] {
  if (forced) return ['asked for by --force'];
  if (!latest) return ['never finished'];
  if (latest.key === key) return ['its result is no longer in the cache'];
  return changes(parts(), latest).map(describe);
}

/** Field by field against the newest run of the stage. */
export function changes(parts: KeyParts, latest: LatestKey): Difference[] {
  const found = differences(latest.parts as unknown as KeyParts, parts);
  // The key differs, so something does: rules of keys that the parts do not show.
  return found.length > 0 ? found : [{ field: 'the rules of keys', before: null, after: null }];
}
