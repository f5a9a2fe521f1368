import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import { packageRoot } from '../util/package-root.ts';

/** The build of orograph that this code belongs to; undefined where it runs from its sources. */
export const ownBuild = process.env.OROGRAPH_BUILD;

/**
 * Keys say which code computes. An installation that is replaced while a run goes on would compute with other code under
 * the same keys: so a worker asks before and after a job whether all is still of the coordinator's build.
 * @param build the coordinator's. @throws UserError where it is not what lies on the disk or runs here.
 */
export function refuseOtherBuild(build: string | null): void {
  if (build === null || (build === ownBuild && build === buildOnDisk())) return;
  throw new UserError({
    severity: 'error',
    code: 'installation-replaced',
    message:
      'orograph was installed anew while this run went on: what it computes now would not be what its key says',
    hint: 'run again: what is done is kept',
  });
}

function buildOnDisk(): string | undefined {
  try {
    return readFileSync(join(packageRoot(), 'dist', 'stamp'), 'utf8').slice(0, 16);
  } catch {
    return undefined;
  }
}
