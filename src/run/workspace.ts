import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { Workspace } from './contract.ts';

export const configFile = 'orograph.config.yaml';

/** What `orograph.config.yaml` may say; all of it optional. */
interface Config {
  readonly cache?: string;
  readonly artifacts?: string;
  readonly jobs?: number;
}

/**
 * The workspace of a folder: the nearest parent with `orograph.config.yaml`, else the folder itself.
 * @param overrides from the command line; paths are relative to `cwd`.
 */
export async function findWorkspace(
  cwd: string,
  overrides: { readonly cache?: string; readonly artifacts?: string; readonly jobs?: number } = {},
): Promise<Workspace> {
  const root = workspaceRoot(cwd);
  const config = await readConfig(join(root, configFile));
  const folder = (override: string | undefined, configured: string | undefined, usual: string): string =>
    override !== undefined ? resolve(cwd, override) : resolve(root, configured ?? usual);
  return {
    root,
    cache: folder(overrides.cache, config.cache, 'cache'),
    artifacts: folder(overrides.artifacts, config.artifacts, 'artifacts'),
    jobs: overrides.jobs ?? config.jobs ?? availableParallelism(),
  };
}

/** The folder of the nearest `orograph.config.yaml` above, else `cwd` itself. */
export function workspaceRoot(cwd: string): string {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, configFile))) return folder;
    if (folder === dirname(folder)) return resolve(cwd);
  }
}

async function readConfig(file: string): Promise<Config> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return {};
  }
  const fail = (message: string, line = 1, column = 1): never => {
    throw new UserError({
      severity: 'error',
      code: 'bad-config',
      message,
      at: { file, line, column, length: 1 },
      expected: 'a mapping with any of cache (folder), artifacts (folder), jobs (number)',
    });
  };
  // Only here: yaml is a large part of what a start costs, and most workspaces have no configuration.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const problem = document.errors[0];
  if (problem) fail(problem.message.split('\n')[0]!, problem.linePos?.[0].line, problem.linePos?.[0].col);
  const value = (document.toJS() ?? {}) as Record<string, unknown>;
  if (typeof value !== 'object' || Array.isArray(value)) fail('the configuration is not a mapping');
  for (const [name, given] of Object.entries(value)) {
    if (name === 'jobs') {
      if (!Number.isInteger(given) || (given as number) < 1) fail('jobs must be a whole number from 1');
    } else if (name === 'cache' || name === 'artifacts') {
      if (typeof given !== 'string' || given === '') fail(`${name} must be the path of a folder`);
    } else fail(`unknown setting "${name}"`);
  }
  return value as Config;
}
