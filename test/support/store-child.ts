/** Runs TypeScript programs of the tests as real processes: bundled once by esbuild, then started by node. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { fastFolder } from './fast-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles `test/support/<name>.ts`; packages stay outside, so the bundle lies where node finds them. */
export async function bundleChild(name: string): Promise<string> {
  const folder = join(root, 'node_modules', '.cache', 'orograph-tests');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${basename(name, '.ts')}-${process.pid}.mjs`);
  await build({
    entryPoints: [join(root, 'test', 'support', name)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'silent',
  });
  return outfile;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly env?: Record<string, string>;
  /** Runs it under `sh -c '<prefix>; exec node …'`, for `ulimit`. */
  readonly prefix?: string;
  readonly uid?: number;
  /** Kill -9 after so many milliseconds. */
  readonly killAfterMs?: number;
}

export function runChild(
  bundle: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...options.env };
    const user = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
    const child =
      options.prefix === undefined
        ? spawn(process.execPath, [bundle, ...args], { env, ...user })
        : spawn('sh', ['-c', `${options.prefix}; exec "$0" "$@"`, process.execPath, bundle, ...args], {
            env,
            ...user,
          });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    if (options.killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), options.killAfterMs);
  });
}

/** Maps with at most `width` at a time. */
export async function mapSome<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/**
 * Where tests keep the stores of their many short-lived processes: a file system in memory where there is one, because
 * what a killed process leaves is the same there, and hundreds of stores cost nothing.
 */
export function fastTemporaryFolder(name: string): string {
  return mkdtempSync(join(fastFolder, `orograph-${name}-`));
}
