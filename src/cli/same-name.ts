import { closeSync, openSync, readSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { pipelineFilesIn } from './pipeline-files.ts';

/** The name stands near the top; so much of each file is read, because a run with nothing to do waits for this. */
const headBytes = 4096;

/** A warning where another file beside this one has its name: they would take turns to publish to one folder. */
export function warnOfSameName(file: string, cwd: string): Diagnostic | undefined {
  const path = resolve(cwd, file);
  const name = nameIn(path);
  if (name === undefined) return undefined;
  const other = filesBeside(path).find((beside) => nameIn(beside) === name);
  if (other === undefined) return undefined;
  return {
    severity: 'warning',
    code: 'same-pipeline-name',
    message: `${basename(other)}, in the same folder, is called "${name}" too: each run of one replaces the published results of the other`,
    hint: 'give one of them another name after "pipeline:"',
  };
}

function filesBeside(path: string): string[] {
  try {
    return pipelineFilesIn(dirname(path)).filter((beside) => beside !== path);
  } catch {
    // A folder that may be entered and not listed.
    return [];
  }
}

/** Undefined where the file cannot be read or has no plain name: planning tells what is wrong with it. */
function nameIn(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(headBytes);
      const head = bytes.toString('utf8', 0, readSync(fd, bytes, 0, headBytes, 0));
      return /^\uFEFF?pipeline:[ \t]*(["']?)([A-Za-z][A-Za-z0-9_-]*)\1[ \t]*(?:#.*)?\r?$/m.exec(head)?.[2];
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
