import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../util/package-root.ts';

/** A line of a stack that lies in a file of the user's. */
export interface Frame {
  /** The function, or nothing at a file's top level. */
  readonly name: string;
  /** `networks/mine.ts:12:7`, from the workspace's root. */
  readonly place: string;
}

/**
 * Where in the user's own files an error was thrown, innermost first: frames of orograph, of packages and of Node tell
 * them nothing. Needs source maps, as workers have them, to name what was written and not what was compiled.
 */
export function ownFrames(error: unknown, root: string): Frame[] {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  return lines.flatMap((line) => {
    const found = /^ +at (.+) \((.+:\d+:\d+)\)$/.exec(line) ?? /^ +at ((?:async )?)(.+:\d+:\d+)$/.exec(line);
    if (!found) return [];
    const [, name, at] = found as unknown as [string, string, string];
    const place = relative(root, at.startsWith('file://') ? fileURLToPath(at) : at);
    return isOwn(place, root) ? [{ name: name.trim(), place: place.split(sep).join('/') }] : [];
  });
}

/** Orograph's own repository is a workspace, too. */
function isOwn(place: string, root: string): boolean {
  const parts = place.split(sep);
  if (parts[0] === '..' || place.startsWith(sep) || parts.includes('node_modules')) return false;
  return root !== packageRoot() || !['src', 'stages', 'dist'].includes(parts[0]!);
}
