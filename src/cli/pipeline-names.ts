import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';

/**
 * Names in one part of a pipeline file, read without checking it: a file that is broken or not there has none.
 */
export function namesIn(
  file: string | undefined,
  part: 'stages' | 'profiles' | 'params',
  cwd: string,
): string[] {
  if (file === undefined) return [];
  try {
    const document = parse(readFileSync(resolve(cwd, file), 'utf8'), { maxAliasCount: 100 }) as unknown;
    const section = (document as Record<string, unknown>)[part];
    return section !== null && typeof section === 'object' ? Object.keys(section) : [];
  } catch {
    return [];
  }
}

/** What a pipeline file calls itself, read without checking it. */
export function nameIn(file: string, cwd: string): string | undefined {
  try {
    const document = parse(readFileSync(resolve(cwd, file), 'utf8'), { maxAliasCount: 100 }) as unknown;
    const name = (document as Record<string, unknown>).pipeline;
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
