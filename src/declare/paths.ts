/** Paths as pipelines write them, and as people are shown them. */
import { isAbsolute, relative, resolve, sep } from 'node:path';

/** `./` and `../` start at the folder of the file that says so, other paths at the workspace root. */
export function resolvePath(path: string, folder: string, root: string): string {
  return isAbsolute(path) ? path : resolve(/^\.\.?(\/|\\|$)/.test(path) ? folder : root, path);
}

/** A path as the user would type it: relative where that leads down, absolute elsewhere. Slashes on every system. */
export function shownPath(path: string, from: string): string {
  // Nearly always; `relative` would take both paths apart.
  const below = path.startsWith(from) && path[from.length] === sep;
  const way = below ? path.slice(from.length + 1) : relative(from, path);
  const shown = way === '' ? '.' : way.startsWith('..') && way.length >= path.length ? path : way;
  return sep === '/' ? shown : shown.replaceAll(sep, '/');
}
