/** Finds data sets by name, in the workspace or in the package, and says which files decide their content. */
import { existsSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import type { FileDependency } from '../kind/stage-kind.ts';
import { digestOf } from '../util/digest.ts';
import { packageRoot } from '../util/package-root.ts';
import { arrayLayouts } from './arrays.ts';
import { type DatasetChoice, type DatasetOptions, datasetNamePattern, optionsOf } from './choice.ts';
import { cifarLayouts } from './cifar.ts';
import { cubLayout } from './cub.ts';
import { bad } from './damage.ts';
import { type DatasetForm, formOf } from './form.ts';
import { ilsvrcLayout, imageFolderLayout } from './image-folder.ts';
import { type Content, type Layout, type Split, splits } from './layout.ts';
import { checkSubset, refuseMore, subsetRows } from './subset.ts';

/** The first that recognises a folder reads it. */
const layouts: readonly Layout[] = [
  ...cifarLayouts,
  cubLayout,
  ilsvrcLayout,
  imageFolderLayout,
  ...arrayLayouts,
];

/** A data set's folder, as found. */
export interface DatasetFolder {
  readonly name: string;
  readonly folder: string;
  readonly layout: Layout;
}

function parents(root: string): string[] {
  return [...new Set([join(root, 'data'), join(packageRoot(), 'data')])];
}

function inspect(name: string, folder: string): DatasetFolder | undefined {
  if (!existsSync(folder)) return undefined;
  const layout = layouts.find((candidate) => candidate.recognise(folder));
  return layout && { name, folder, layout };
}

/** Every data set that is there, the workspace's before the package's of the same name. */
export function listDatasets(root: string): DatasetFolder[] {
  const found = new Map<string, DatasetFolder>();
  for (const parent of parents(root)) {
    if (!existsSync(parent)) continue;
    for (const entry of readdirSync(parent, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const { name } = entry;
      if (entry.isFile() || found.has(name) || !new RegExp(datasetNamePattern).test(name)) continue;
      const set = inspect(name, join(parent, name));
      if (set) found.set(name, set);
    }
  }
  return [...found.values()];
}

/** What can be downloaded. */
export const obtainable = ['cifar10', 'cifar100', 'cub200'];

/** @throws UserError where there is none of that name, or it does not know an option. */
export function findDataset(
  choice: DatasetChoice,
  root: string,
): DatasetFolder & { options: DatasetOptions } {
  const options = optionsOf(choice);
  const { name } = options;
  const known = new RegExp(datasetNamePattern).test(name);
  const folders = known ? parents(root).map((parent) => join(parent, name)) : [];
  for (const folder of folders) {
    const set = inspect(name, folder);
    if (set) return { ...set, options: understood(options, set) };
  }
  const strange = folders.find((folder) => existsSync(folder));
  const there = listDatasets(root).map((set) => set.name);
  throw new UserError({
    severity: 'error',
    code: 'unknown-dataset',
    message: strange
      ? `there is no data set "${name}": what is in ${strange} is in no layout that orograph reads`
      : `there is no data set "${name}" (looked for data/${name}/ in the workspace and in orograph itself)`,
    expected: there.length > 0 ? `one of ${there.join(', ')}` : 'a data set',
    hint: obtainable.includes(name)
      ? `get it with "orograph data get ${name}"`
      : (didYouMean(name, [...there, ...obtainable]) ??
        `put its files into data/${name}/: "Data sets" in docs/pipeline-format.md has the layouts`),
  });
}

function understood(options: DatasetOptions, { layout, name }: DatasetFolder): DatasetOptions {
  for (const [option, value] of Object.entries(options))
    if (
      value !== undefined &&
      option !== 'name' &&
      option !== 'subset' &&
      !layout.options.includes(option as keyof DatasetOptions)
    )
      throw new UserError({
        severity: 'error',
        code: 'bad-dataset-options',
        message: `the data set "${name}" (${layout.name}) knows no "${option}"`,
        expected: ['subset', ...layout.options].join(', '),
      });
  const { subset } = options;
  if (subset && subset.train === undefined && subset.test === undefined)
    throw new UserError({
      severity: 'error',
      code: 'bad-dataset-options',
      message: `the subset of "${name}" does not say how many`,
      expected: 'train, test or both',
    });
  return options;
}

/** Of data sets of image files: the files that are used, split by split; none where it is made of records. */
export function imageFiles(content: Content, { name, subset }: DatasetOptions): string[] {
  return splits.flatMap((split) => {
    const part = content[split];
    if (part?.form !== 'images') return [];
    return Array.from(
      subsetRows(part.labels, split, subset, content.classNames, name),
      (row) => part.files[row]!,
    );
  });
}

/** The files of a choice, relative to the folder, and what of their meaning only names of folders tell. */
function usedFiles(
  { folder, layout }: DatasetFolder,
  options: DatasetOptions,
): { readonly files: readonly string[]; readonly classes: string } {
  const files = layout.files(folder, options);
  if (!('list' in layout.content)) return { files, classes: '' };
  const content = layout.content.list(folder, options);
  // A class more is another network and other labels, though a subset may hold the same images.
  const classes = layout.classesAreFolders
    ? ` (${content.classNames.length} classes, ${digestOf(JSON.stringify(content.classNames)).slice(0, 16)})`
    : '';
  return { files: [...files, ...imageFiles(content, options)], classes };
}

/**
 * The files that decide what a choice gives, for stage keys, and the form of its examples; reads lists and headers, no data.
 * @param root workspace root.
 * @throws UserError where there is no such data set, it has fewer examples than a subset asks for, its lists are wrong, or
 * it has no images that could be resized.
 */
export function surveyDataset(
  choice: DatasetChoice,
  root: string,
): { readonly files: FileDependency[]; readonly form: DatasetForm } {
  const set = findDataset(choice, root);
  const { folder, layout, options, name } = set;
  const used = usedFiles(set, options);
  const files = used.files.map((file) => {
    const path = join(folder, file);
    if (!existsSync(path))
      throw bad(`${path}: there is no such file`, { hint: 'the data set is incomplete: get it again' });
    return { name: `data/${name}/${file.split(sep).join('/')}${used.classes}`, path };
  });
  // So that it is told before anything runs; of what only reading tells, the stage tells it.
  if (options.subset && 'count' in layout.content)
    for (const split of splits)
      checkSubset(options.subset, split, layout.content.count?.(folder, options, split), name);
  return { files, form: formOf(set, options) };
}

/** The files alone. @throws UserError as `surveyDataset`. */
export function datasetFiles(choice: DatasetChoice, root: string): FileDependency[] {
  return surveyDataset(choice, root).files;
}

/**
 * The files of a data set that may be chosen instead of the one that a checkpoint knows.
 * @throws UserError as `surveyDataset`, and where a split has fewer examples than are asked for.
 */
export function chosenFiles(
  {
    dataset,
    split = 'train',
    examples,
  }: { readonly dataset?: DatasetChoice; readonly split?: Split; readonly examples?: number },
  root: string,
): FileDependency[] {
  if (dataset === undefined) return [];
  const { files, form } = surveyDataset(dataset, root);
  const there = form.count(split);
  if (examples !== undefined && there !== undefined)
    refuseMore(examples, there, `the ${split} split of "${optionsOf(dataset).name}"`);
  return files;
}
