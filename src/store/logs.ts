/** Where the logs of stages lie: `logs/ab/abcdef….log`, by key. A log stays as long as its key is kept. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StageKey } from '../util/digest.ts';

const extension = '.log';

export interface LogFile {
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly written: number;
}

export function logPath(cache: string, key: StageKey): string {
  return join(cache, 'logs', key.slice(0, 2), `${key}${extension}`);
}

export function logFiles(cache: string): LogFile[] {
  const folder = join(cache, 'logs');
  return namesIn(folder).flatMap((shelf) =>
    namesIn(join(folder, shelf)).flatMap((name) => {
      const path = join(folder, shelf, name);
      const stats = name.endsWith(extension) ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (stats === undefined) return [];
      return [{ key: name.slice(0, -extension.length), path, bytes: stats.size, written: stats.mtimeMs }];
    }),
  );
}

/** Empty where there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
