import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** What a test file may need at most, with room to spare. Containers often have 64 MB there. */
const enough = 512e6;

/** Where tests write: in memory where there is room, because what they wait for on a disk is mostly its fsyncs. */
export const fastFolder = hasRoom('/dev/shm') ? '/dev/shm' : tmpdir();

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > enough;
}
