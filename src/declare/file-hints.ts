/** What may have been meant by the path of a file that is not there. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { closest } from '../diagnostics/suggest.ts';
import type { ScalarNode } from './node.ts';
import { resolvePath } from './paths.ts';

/** For a path that starts at the root but would lead to a file if it started at the file that says so. */
export function besideHint(at: ScalarNode, root: string): string | undefined {
  const written = String(at.value);
  const folder = at.source.path === null ? root : dirname(at.source.path);
  try {
    if (!isAbsolute(written) && statSync(join(folder, written)).isFile())
      return `did you mean "./${written}"?`;
  } catch {
    // Not there either.
  }
  return nearbyHint(resolvePath(written, folder, root), written);
}

/** A file in the same folder whose name is close. */
export function nearbyHint(path: string, shown: string): string | undefined {
  let entries: Dirent[];
  try {
    entries = readdirSync(realpathSync(dirname(path)), { withFileTypes: true });
  } catch {
    return undefined;
  }
  const name = closest(
    basename(path),
    entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
  );
  if (name === undefined) return undefined;
  const folder = shown.slice(0, shown.length - basename(path).length);
  return `did you mean "${folder}${name}"?`;
}

/** Where a new user looks in vain: the pipelines of a project lie in a folder of their own. */
export function pipelinesHint(cwd: string): string | undefined {
  const folder = 'pipelines';
  try {
    const names = readdirSync(join(cwd, folder)).filter((name) => /\.ya?ml$/.test(name));
    if (names.length === 0) return undefined;
    const shown = names
      .sort()
      .slice(0, 3)
      .map((name) => `${folder}/${name}`);
    return `there ${names.length === 1 ? 'is' : 'are'} ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}`;
  } catch {
    return undefined;
  }
}
