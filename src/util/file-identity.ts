/** Whether a file is still the one that was read, told by a stat alone. */
import type { BigIntStats, Stats } from 'node:fs';

const restMs = 100;
/** For file systems that keep whole seconds (or two of them: FAT). */
const coarseRestMs = 2_100;

/**
 * What of a stat tells one state of a file from another. Plain stats cost half of those with nanoseconds, and tell
 * times to a quarter of a microsecond; the clocks that file systems read tick in milliseconds. The two kinds of stats
 * give different texts: whoever compares must ask for the same kind.
 */
export function identityOf(stats: Stats | BigIntStats): string {
  const [modified, changed] =
    'mtimeNs' in stats ? [stats.mtimeNs, stats.ctimeNs] : [stats.mtimeMs, stats.ctimeMs];
  return `${stats.size} ${modified} ${changed} ${stats.ino} ${stats.dev}`;
}

/** Whether a later change of the file would show in its times. `now`: milliseconds, before it was read. */
export function isAtRest(stats: Stats | BigIntStats, now: number): boolean {
  const [modified, changed] =
    'mtimeNs' in stats
      ? [Number(stats.mtimeNs) / 1e6, Number(stats.ctimeNs) / 1e6]
      : [stats.mtimeMs, stats.ctimeMs];
  const whole = 'mtimeNs' in stats ? stats.mtimeNs % 1_000_000_000n === 0n : modified % 1000 === 0;
  return Math.max(modified, changed) + (whole ? coarseRestMs : restMs) < now;
}
