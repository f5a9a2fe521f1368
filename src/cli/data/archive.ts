import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { archiveSums, md5Of } from '../../dataset/check.ts';
import { UserError } from '../../diagnostics/diagnostic.ts';
import { DownloadError, download, type OnBytes } from './download.ts';
import { runProgram } from './programs.ts';

/** A data set that its makers give out as one archive. */
export interface OfficialArchive {
  readonly address: string;
  /** Environment variable with the address of a mirror. */
  readonly mirror: string;
  /** What the archive is called. */
  readonly file: string;
  readonly md5: string;
  /** What of it is kept; the names of files and folders in its topmost folder. */
  readonly keep: RegExp;
  /** In words, for the last line. */
  readonly content: string;
}

const archive = (file: string, rest: Omit<OfficialArchive, 'file' | 'md5'>): OfficialArchive => ({
  file,
  md5: archiveSums[file]!,
  ...rest,
});

export const officialArchives: Readonly<Record<string, OfficialArchive>> = {
  cifar100: archive('cifar-100-binary.tar.gz', {
    address: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    mirror: 'OROGRAPH_CIFAR100_URL',
    keep: /\.(bin|txt)$/,
    content: '50,000 training and 10,000 test images of 100 classes',
  }),
  cub200: archive('CUB_200_2011.tgz', {
    address: 'https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz',
    mirror: 'OROGRAPH_CUB200_URL',
    keep: /^(images|(images|image_class_labels|train_test_split|classes|bounding_boxes)\.txt|README)$/,
    content: '5,994 training and 5,794 test images of 200 classes',
  }),
};

export interface FetchOptions {
  readonly signal: AbortSignal;
  readonly onBytes: OnBytes;
  /** What is being done now. */
  readonly say: (text: string) => void;
}

/**
 * Downloads an archive to `file`, which is there only with the official md5 sum.
 * @throws DownloadError where it cannot be had, or is another file.
 */
export async function fetchArchive(
  address: string,
  md5: string,
  file: string,
  { say, onBytes, signal }: FetchOptions,
): Promise<void> {
  // One that a person has put there counts like one that came through the network, and stays theirs.
  const given = existsSync(file);
  if (!given) {
    say(`downloading ${address}`);
    await download(address, file, { onBytes, signal });
  }
  const sum = await md5Of(file);
  if (sum === md5) return;
  if (given)
    throw new UserError({
      severity: 'error',
      code: 'wrong-checksum',
      message: `${file} has the md5 sum ${sum}, officially ${md5}`,
      hint: 'it is damaged, cut short or another version: move it away, and run the command again',
    });
  await rm(file);
  throw new DownloadError(`${address} gave a file with the md5 sum ${sum}, officially ${md5}`);
}

/**
 * Before a data set's folder is replaced: nobody else's files go with it.
 * @param ours files that may go.
 */
export async function refuseInTheWay(folder: string, ours: (file: string) => boolean): Promise<void> {
  const other = existsSync(folder) ? (await readdir(folder)).find((file) => !ours(file)) : undefined;
  if (other === undefined) return;
  throw new UserError({
    severity: 'error',
    code: 'folder-in-the-way',
    message: `${folder} is there, and has files in it that are not of the data set as orograph gets it: ${other}`,
    expected: 'no such folder, or an empty one',
    hint: 'nothing in it was changed: move it away, and run the command again',
  });
}

/** Unpacks the topmost folder's content into `folder`. */
export async function unpack(file: string, folder: string, signal: AbortSignal): Promise<void> {
  await runProgram('tar', ['-xzf', file, '-C', folder, '--strip-components=1'], {
    cwd: dirname(file),
    purpose: 'unpacking the archive',
    signal,
  });
}

/**
 * Puts a data set into `folder`, which appears only when all of it is there. A download that broke off is gone on with
 * next time.
 * @returns where it came from.
 */
export async function getArchive(
  source: OfficialArchive,
  folder: string,
  options: FetchOptions,
): Promise<string> {
  await refuseInTheWay(folder, () => false);
  const name = basename(folder);
  const address = process.env[source.mirror] ?? source.address;
  const work = join(dirname(folder), `.${name}-download`);
  const fresh = join(work, 'files');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const file = join(work, source.file);
  try {
    await fetchArchive(address, source.md5, file, options);
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    throw new UserError({
      severity: 'error',
      code: 'download-failed',
      message: error.message,
      hint: `run the command again to go on where it stopped; or get ${source.address} (md5 ${source.md5}) elsewhere and put it into ${work}/, or unpack it into ${folder}/`,
    });
  }
  options.say('unpacking');
  await unpack(file, fresh, options.signal);
  for (const entry of await readdir(fresh))
    if (!source.keep.test(entry)) await rm(join(fresh, entry), { recursive: true });
  // Over an empty folder, or none.
  await rename(fresh, folder);
  await rm(work, { recursive: true, force: true });
  return address;
}
