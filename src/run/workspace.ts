import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Config } from './config.ts';
import type { Workspace } from './contract.ts';

export const configFile = 'orograph.config.yaml';

/**
 * The workspace of a folder: the nearest parent with `orograph.config.yaml`, else the folder itself.
 * @param overrides from the command line; paths are relative to `cwd`.
 */
export async function findWorkspace(
  cwd: string,
  overrides: { readonly cache?: string; readonly artifacts?: string; readonly jobs?: number } = {},
): Promise<Workspace> {
  const root = workspaceRoot(cwd);
  const file = join(root, configFile);
  // Only here: yaml is a large part of what a start costs, and most workspaces have no configuration.
  const config: Config = existsSync(file) ? (await import('./config.ts')).readConfig(file) : {};
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
