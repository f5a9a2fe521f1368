/**
 * Data sets: found by name in the workspace or in the package, checked, normalised and handed out as examples. This
 * folder knows file formats; it knows no networks (beyond what an example is) and no stages.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { FileDependency } from '../kind/stage-kind.ts';
import type { DatasetIdentity } from '../network/checkpoint.ts';
import type { Examples } from '../network/examples.ts';
import { digestOf } from '../util/digest.ts';
import { packageRoot } from '../util/package-root.ts';
import {
  cifar10Normalisation,
  examplesOf,
  type Normalisation,
  parseClassNames,
  readRecords,
} from './cifar10.ts';

export const splits = ['train', 'test'] as const;
export type Split = (typeof splits)[number];

export interface Dataset {
  readonly identity: DatasetIdentity;
  readonly classNames: readonly string[];
  readonly train: Examples;
  readonly test: Examples;
}

/** A data set's folder, as found. */
export interface DatasetFolder {
  readonly name: string;
  readonly folder: string;
  /** File names inside the folder, in the order of the records. */
  readonly train: readonly string[];
  readonly test: readonly string[];
}

const perColour = Type.Tuple([Type.Number(), Type.Number(), Type.Number()]);

/** Other constants than the usual ones, as a parameter of stages. A checkpoint carries them on. */
export const normalisationSchema = Type.Object(
  { mean: perColour, deviation: perColour },
  {
    additionalProperties: false,
    description:
      'Inputs are (pixel/255 - mean) / deviation, one of each a colour (default: the usual constants of CIFAR-10).',
  },
);

/** What a data set may be called: a plain folder name. */
export const datasetNamePattern = '^[A-Za-z0-9][A-Za-z0-9._-]*$';
const metaFile = 'batches.meta.txt';

function folders(root: string): string[] {
  return [...new Set([join(root, 'data'), join(packageRoot(), 'data')])];
}

/** The files of a data set, where the folder holds one in the official binary layout. */
function inspect(name: string, folder: string): DatasetFolder | undefined {
  if (!existsSync(join(folder, metaFile))) return undefined;
  const files = readdirSync(folder).sort();
  const matching = (pattern: RegExp): string[] => files.filter((file) => pattern.test(file));
  const train = matching(/^(train|data_batch_\d+)\.bin$/);
  const test = matching(/^(test|test_batch)\.bin$/);
  return train.length > 0 && test.length > 0 ? { name, folder, train, test } : undefined;
}

/** Every data set that is there, the workspace's before the package's of the same name. */
export function listDatasets(root: string): DatasetFolder[] {
  const found = new Map<string, DatasetFolder>();
  for (const parent of folders(root)) {
    if (!existsSync(parent)) continue;
    for (const name of readdirSync(parent).sort()) {
      const set = new RegExp(datasetNamePattern).test(name) && inspect(name, join(parent, name));
      if (set && !found.has(name)) found.set(name, set);
    }
  }
  return [...found.values()];
}

function find(name: string, root: string): DatasetFolder {
  if (new RegExp(datasetNamePattern).test(name))
    for (const parent of folders(root)) {
      const set = inspect(name, join(parent, name));
      if (set) return set;
    }
  const there = listDatasets(root).map((set) => set.name);
  throw new UserError({
    severity: 'error',
    code: 'unknown-dataset',
    message: `there is no data set "${name}" (looked for data/${name}/ in the workspace and in orograph itself)`,
    expected: there.length > 0 ? `one of ${there.join(', ')}` : 'a data set',
    hint:
      name === 'cifar10'
        ? 'get it with "orograph data get cifar10"'
        : `put data_batch_*.bin (or train.bin), test_batch.bin (or test.bin) and ${metaFile} into data/${name}/`,
  });
}

/**
 * The files that decide a data set's content, for stage keys; cheap, reads no data.
 * @param root workspace root.
 * @throws UserError where there is no such data set.
 */
export function datasetFiles(name: string, root: string): FileDependency[] {
  const { folder, train, test } = find(name, root);
  return [...train, ...test, metaFile].map((file) => ({
    name: `data/${name}/${file}`,
    path: join(folder, file),
  }));
}

/**
 * Reads and checks a data set.
 * @param normalisation instead of the usual constants. It is part of the identity, not of its digest.
 * @throws UserError where there is none of that name, or a file of it is damaged.
 */
export async function loadDataset(
  name: string,
  root: string,
  { mean, deviation }: Normalisation = cifar10Normalisation,
): Promise<Dataset> {
  const { folder, train, test } = find(name, root);
  if (mean.length !== 3 || deviation.length !== 3 || !deviation.every((d) => d > 0))
    throw new UserError({
      severity: 'error',
      code: 'bad-normalisation',
      message: `"${name}" cannot be normalised with the means [${mean}] and the deviations [${deviation}]`,
      expected: 'three of each, one a colour, and deviations above 0',
    });
  const read = async (file: string) => ({
    path: join(folder, file),
    bytes: new Uint8Array(await readFile(join(folder, file))),
  });
  const classNames = parseClassNames(await readFile(join(folder, metaFile), 'utf8'));
  if (classNames.length < 2 || classNames.length > 256)
    throw new UserError({
      severity: 'error',
      code: 'bad-dataset',
      message: `${join(folder, metaFile)}: ${classNames.length} class names; 2 to 256, one a line, are needed`,
    });
  const content = createHash('sha256').update(JSON.stringify(classNames));
  const load = async (split: Split, files: readonly string[]): Promise<Examples> => {
    const parts = [];
    for (const file of files) parts.push(await read(file));
    const records = readRecords(parts, classNames.length);
    // The content decides, not how it is cut into files.
    content.update(JSON.stringify([split, digestOf(records.bytes)]));
    return examplesOf(records, classNames.length, { mean, deviation });
  };
  const examples = { train: await load('train', train), test: await load('test', test) };
  return {
    identity: { name, digest: content.digest('hex'), mean, deviation },
    classNames,
    ...examples,
  };
}

/**
 * The data set that a checkpoint was trained on, or the one named instead of it, normalised as the checkpoint's was.
 * @throws UserError where the checkpoint's own data set is not the one it saw any more, or does not fit its network.
 */
export async function datasetFor(
  checkpoint: {
    readonly dataset: DatasetIdentity;
    readonly network: { readonly inputs: number; readonly classes: number };
  },
  override: string | undefined,
  root: string,
): Promise<Dataset> {
  const name = override ?? checkpoint.dataset.name;
  const dataset = await loadDataset(name, root, checkpoint.dataset);
  if (override === undefined && dataset.identity.digest !== checkpoint.dataset.digest)
    throw new UserError({
      severity: 'error',
      code: 'dataset-changed',
      message: `the data set "${name}" is not the one that the checkpoint was trained on: its content has changed`,
      hint: `put the old files back, or write "dataset: ${name}" to use what is there now`,
    });
  const { inputs, classes } = checkpoint.network;
  if (dataset.train.features !== inputs || dataset.classNames.length !== classes)
    throw new UserError({
      severity: 'error',
      code: 'wrong-dataset',
      message: `the network takes ${inputs} features and tells ${classes} classes apart; "${name}" has ${dataset.train.features} and ${dataset.classNames.length}`,
    });
  return dataset;
}

/**
 * The first `count` examples in file order, or all of them.
 * @throws UserError where there are fewer.
 */
export function firstExamples(examples: Examples, count: number | undefined, label: string): Examples {
  if (count === undefined || count === examples.count) return examples;
  if (count > examples.count)
    throw new UserError({
      severity: 'error',
      code: 'too-few-examples',
      message: `${count} examples are asked for, but ${label} has ${examples.count}`,
    });
  return { ...examples, count, labels: examples.labels.subarray(0, count) };
}
