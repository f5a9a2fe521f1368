import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { orographVersion } from '../run/environment.ts';
import { workspaceRoot } from '../run/workspace.ts';
import { makeFolder } from '../util/fs-durable.ts';
import type { Paint } from './terminal.ts';
import { closeScreens } from './views/screen.ts';

/**
 * What the user sees of an error that nobody thought of: that it is not their fault, and a file to send along. The
 * stack trace goes to the file; on the screen only with OROGRAPH_DEBUG=1.
 */
export function describeBug(error: unknown, words: readonly string[], paint: Paint): string {
  closeScreens();
  const message = error instanceof Error ? error.message : String(error);
  const details = [
    `orograph ${attempt(orographVersion)}, Node ${process.version}, ${process.platform} ${process.arch}`,
    `time: ${new Date().toISOString()}`,
    `folder: ${attempt(() => process.cwd())}`,
    `command: orograph ${words.join(' ')}`,
    '',
    // With its causes and its own fields.
    inspect(error, { depth: 6 }),
    '',
  ].join('\n');
  const lines = [
    `${paint('red', 'error:')} ${message}`,
    'This is a bug in orograph, not in your pipeline; what is stored is safe.',
  ];
  const file = keep(details, words);
  if (file) lines.push(`The details are in ${file}; please send them along with your report.`);
  if (process.env.OROGRAPH_DEBUG === '1' || !file) lines.push('', details);
  return `${lines.join('\n')}\n`;
}

/** Under the cache folder; where that cannot be written, the system's folder for temporary files. */
function keep(details: string, words: readonly string[]): string | undefined {
  const at = words.indexOf('--cache');
  const cache = at >= 0 ? words[at + 1] : undefined;
  const folders = [
    () => join(cache ?? join(workspaceRoot(process.cwd()), 'cache'), 'bugs'),
    () => join(tmpdir(), 'orograph-bugs'),
  ];
  for (const folderOf of folders) {
    try {
      const folder = folderOf();
      makeFolder(folder);
      const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}-${process.pid}.txt`);
      writeFileSync(file, details);
      return file;
    } catch {
      // The next folder is tried; with none, the details go to the screen.
    }
  }
  return undefined;
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch (error) {
    return `unknown (${String(error)})`;
  }
}
