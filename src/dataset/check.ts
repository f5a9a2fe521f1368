/** Whether a data set's files read well, one by one: for people who want to know before a stage does. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import { type DatasetFolder, datasetFiles, loadDataset } from './dataset.ts';
import { imageFiles } from './find.ts';
import { decodeImage } from './image.ts';

/** Official archives by the name of the file. */
export const archiveSums: Readonly<Record<string, string>> = {
  'cifar-10-binary.tar.gz': 'c32a1d4ab5d03f1284b67883e8d87530',
  'cifar-100-binary.tar.gz': '03b5dce01913d631647c71ecec9e9cb8',
  'CUB_200_2011.tgz': '97eceeb196236b17998738112f37df78',
};

/** A file of a data set and whether it is what it should be. */
export interface FileCheck {
  readonly file: string;
  readonly state: 'good' | 'damaged' | 'missing';
  /** What is wrong with it. */
  readonly problem?: string;
}

export async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * Reads every record, decodes every image, and compares archives with their official md5 sums.
 * @param progress is told how many images are done.
 */
export async function checkDataset(
  set: DatasetFolder,
  root: string,
  progress: (done: number, total: number) => void = () => {},
): Promise<FileCheck[]> {
  const damaged = (file: string, error: unknown): FileCheck => {
    if (!(error instanceof UserError)) throw error;
    return { file, state: 'damaged', problem: error.message };
  };
  try {
    if ('list' in set.layout.content) {
      const images = imageFiles(set.layout.content.list(set.folder, { name: set.name }), { name: set.name });
      const checks: FileCheck[] = [];
      for (const [i, file] of images.entries()) {
        const path = join(set.folder, file);
        try {
          await decodeImage(await readFile(path), path);
          checks.push({ file, state: 'good' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') checks.push({ file, state: 'missing' });
          else checks.push(damaged(file, error));
        }
        progress(i + 1, images.length);
      }
      return checks;
    }
    const files = datasetFiles(set.name, root);
    for (const { path } of files) {
      const official = archiveSums[basename(path)];
      const found = official && (await md5Of(path));
      if (found !== official)
        return [
          {
            file: basename(path),
            state: 'damaged',
            problem: `the md5 sum is ${found}, officially ${official}`,
          },
        ];
    }
    await loadDataset(set.name, root);
    return files.map(({ path }) => ({ file: basename(path), state: 'good' }));
  } catch (error) {
    return [damaged('', error)];
  }
}
