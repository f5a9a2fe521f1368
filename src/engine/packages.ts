import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface FoundPackage {
  readonly name: string;
  readonly version: string;
  /** Absolute path of its folder. */
  readonly folder: string;
}

/** Finds an installed package's manifest by Node's rules, as seen from a folder. */
export function findPackage(name: string, from: string): FoundPackage | undefined {
  let manifest: string;
  try {
    manifest = createRequire(join(from, 'package.json')).resolve(`${name}/package.json`);
  } catch {
    return undefined;
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return { name, version, folder: dirname(manifest) };
}

/** The system and the processor's family, as native packages are built for them. */
export const platform = (): string => `${process.platform}-${process.arch}`;
