import type { Digest } from '../util/digest.ts';

const before = 'reduced copy of sha256:';

/**
 * The stamp of a reduced copy: that of the figure, and of which bytes it is a copy.
 * @param text the figure's own stamp: a JSON object.
 */
export function reducedStamp(text: string, original: Digest): string {
  return JSON.stringify({ ...JSON.parse(text), reduced: `${before}${original}` });
}

/** The digest of the figure that a file is a reduced copy of; nothing where it is no copy. */
export function originalOf(stamp: { readonly reduced?: string }): string | undefined {
  return stamp.reduced?.startsWith(before) ? stamp.reduced.slice(before.length) : undefined;
}
