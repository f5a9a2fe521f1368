/** Whether a file is still the one that was read, told by a stat alone. */
import type { BigIntStats } from 'node:fs';

const restMs = 100;
/** For file systems that keep whole seconds (or two of them: FAT). */
const coarseRestMs = 2_100;

export const identityOf = (stats: BigIntStats): string =>
  `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino} ${stats.dev}`;

/** Whether a later change of the file would show in its times. `now`: milliseconds, before it was read. */
export function isAtRest(stats: Pick<BigIntStats, 'mtimeNs' | 'ctimeNs'>, now: number): boolean {
  const newest = stats.mtimeNs > stats.ctimeNs ? stats.mtimeNs : stats.ctimeNs;
  const rest = stats.mtimeNs % 1_000_000_000n === 0n ? coarseRestMs : restMs;
  return Number(newest / 1_000_000n) + rest < now;
}
