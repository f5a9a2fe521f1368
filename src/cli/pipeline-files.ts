import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';

const isPipelineName = (name: string): boolean => /\.ya?ml$/.test(name) && !name.startsWith('.');

function kindOf(path: string): 'file' | 'folder' | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() ? 'folder' : stat ? 'file' : undefined;
}

/** The pipeline files of a folder, sorted. */
export function pipelineFilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter(isPipelineName)
    .sort()
    .map((name) => join(folder, name));
}

/** The pipeline files of a folder and of the folders in it, sorted. Links are not followed. */
export function pipelineFilesUnder(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => join(folder, name));
  return [...pipelineFilesIn(folder), ...below.sort().flatMap(pipelineFilesUnder)];
}

/**
 * Sorts the words of `FILE [STAGE...]` into pipeline files and stages. The first is a file or a folder of them; of the
 * others, those that are files or folders by name and in fact. Stages can be named where there is one file only.
 */
export function filesAndStages(words: readonly string[], cwd: string): { files: string[]; stages: string[] } {
  const files: string[] = [];
  const stages: string[] = [];
  words.forEach((word, i) => {
    // `curve` may be a stage and a folder: only a slash makes a later word a folder.
    if ((i === 0 || word.includes('/')) && kindOf(resolve(cwd, word)) === 'folder') {
      const found = pipelineFilesIn(resolve(cwd, word)).map((file) => join(word, basename(file)));
      if (found.length === 0)
        throw new UserError({
          severity: 'error',
          code: 'no-pipeline',
          message: `the folder ${word} holds no pipeline file`,
          expected: 'files that end with .yaml',
        });
      files.push(...found);
    } else if (i === 0 || isPipelineName(word)) files.push(word);
    else stages.push(word);
  });
  if (stages.length > 0 && files.length > 1)
    throw new UserError({
      severity: 'error',
      code: 'stages-of-several-files',
      message: `stages can be named for one pipeline file only, but there are ${files.length}`,
      hint: `is ${stages[0]} a stage? then run its file alone`,
    });
  return { files, stages };
}
