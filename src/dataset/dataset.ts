/**
 * Data sets: found by name in the workspace or in the package, checked, normalised and handed out as examples. This
 * folder knows file formats; it knows no networks (beyond what an example is) and no stages.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { DatasetIdentity } from '../network/checkpoint.ts';
import type { Examples } from '../network/examples.ts';
import { digestOf } from '../util/digest.ts';
import { type DatasetChoice, type DatasetOptions, optionsBesideName } from './choice.ts';
import { bad } from './damage.ts';
import { examplesOf, type ResidentExamples } from './examples.ts';
import { type DatasetFolder, findDataset } from './find.ts';
import { refuseResizing } from './form.ts';
import { decodeImage, type RgbImage } from './image.ts';
import {
  type Content,
  type ImageShape,
  type ImageSplit,
  type RecordSplit,
  type Split,
  splits,
} from './layout.ts';
import { type Normalisation, type NormalisationChoice, normalisationFor } from './normalisation.ts';
import { type PreparedImage, prepared, preparedFormat } from './prepared.ts';
import { type Rows, residentBudget } from './rows.ts';
import { scratchFolder, stateOf } from './scratch.ts';
import { refuseMore, subsetRows } from './subset.ts';
import { cutBox, imageOfPlanes, planesOf, type View, viewed, viewOf } from './view.ts';

export { type DatasetChoice, datasetSchema } from './choice.ts';
export {
  chosenFiles,
  type DatasetFolder,
  datasetFiles,
  listDatasets,
  obtainable,
  surveyDataset,
} from './find.ts';
export { type ImageShape, type Split, splits } from './layout.ts';
export { type NormalisationChoice, normalisationFor, normalisationSchema } from './normalisation.ts';

export interface Dataset {
  readonly identity: DatasetIdentity;
  readonly classNames: readonly string[];
  /** @throws UserError where the data set has none. */
  readonly train: Examples;
  /** @throws UserError where the data set has none. */
  readonly test: Examples;
}

/** What was read of files: what networks need to know even where a split is missing. */
export interface LoadedDataset extends Dataset {
  /** Of one example, of either split. */
  readonly features: number;
  /** Of an image; null where examples are no images. */
  readonly shape: ImageShape | null;
  /** Bytes of inputs in memory now; at most `residentBudget` a split, whatever its size. */
  residentBytes(): number;
}

/** A stage's context has what a stage needs of it. */
export interface LoadSettings {
  /** Bytes a split may hold (default: `residentBudget`). */
  readonly budget?: number;
  /** Is told how many images are decoded, where there are any to decode. */
  readonly progress?: (done: number, total: number, unit: string, note?: string) => void;
  /** Ends the decoding; what is done of it stays. */
  readonly signal?: AbortSignal;
  /** Refuses, by throwing, what a network does not take: before normalisation, which fails on the wrong kind of data. */
  readonly fits?: (found: FoundData) => void;
}

/** What a data set is before it is normalised. */
interface FoundData {
  readonly name: string;
  readonly digest: string;
  readonly features: number;
  readonly classes: number;
  /** 1 where examples are no images. */
  readonly channels: number;
}

/** A split ready to be handed out. */
interface Ready {
  readonly rows: Rows;
  readonly chosen: Uint32Array;
  readonly labels: Uint16Array;
  readonly shape: ImageShape | null;
  readonly interleaved: boolean;
  readonly content: string;
}

/**
 * Reads and checks a data set. Image files are decoded once and kept in `data/.prepared/` of the workspace.
 * @param normalisation instead of the usual constants. It is part of the identity, not of its digest.
 * @throws UserError where there is none of that name, or a file of it is damaged.
 */
export async function loadDataset(
  choice: DatasetChoice,
  root: string,
  normalisation?: NormalisationChoice | Normalisation,
  { budget = residentBudget, progress, signal, fits }: LoadSettings = {},
): Promise<LoadedDataset> {
  const { options, ...set } = findDataset(choice, root);
  const { name, folder, layout } = set;
  const scratch = scratchFolder(root);
  const content =
    'list' in layout.content
      ? layout.content.list(folder, options)
      : await layout.content.read(folder, options, scratch);
  const { classNames } = content;
  const view = viewOf(options, 'list' in layout.content);
  const hash = createHash('sha256').update(JSON.stringify(classNames));
  const ready: Partial<Record<Split, Ready>> = {};
  for (const split of splits) {
    const part = content[split];
    if (!part) continue;
    ready[split] = await readied(split, part, {
      ...set,
      content,
      options,
      view,
      scratch,
      settings: { ...(progress ? { progress } : {}), ...(signal ? { signal } : {}) },
    });
    // The content decides, not how it is cut into files.
    hash.update(JSON.stringify([split, ready[split].content]));
  }
  const beside = optionsBesideName(options);
  if (beside || 'list' in layout.content) hash.update(JSON.stringify(['made', beside ?? {}, view]));
  const digest = hash.digest('hex');
  const { shape, features } = oneForm(ready, name);
  const channels = shape?.channels ?? 1;
  fits?.({ name, digest, features, classes: classNames.length, channels });
  const constants = normalisationFor(normalisation ?? content.normalisation, channels, name);
  const examples: Partial<Record<Split, ResidentExamples>> = {};
  for (const [split, part] of Object.entries(ready) as [Split, Ready][])
    examples[split] = examplesOf(part, classNames.length, channels, constants, budget);
  const get = (split: Split): Examples => {
    const found = examples[split];
    if (found) return found.examples;
    throw new UserError({
      severity: 'error',
      code: 'missing-split',
      message: `the data set "${name}" has no ${split === 'train' ? 'training' : 'test'} examples (${folder})`,
      expected: `the ${split === 'train' ? 'test' : 'train'} split, which it has`,
    });
  };
  return {
    identity: {
      name,
      digest,
      ...constants,
      ...(beside ? { options: beside } : {}),
    },
    classNames,
    features,
    shape,
    get train() {
      return get('train');
    },
    get test() {
      return get('test');
    },
    residentBytes: () => Object.values(examples).reduce((sum, { resident }) => sum + resident(), 0),
  };
}

interface Making extends DatasetFolder {
  readonly content: Content;
  readonly options: DatasetOptions;
  readonly view: View;
  readonly scratch: string;
  readonly settings: Pick<LoadSettings, 'progress' | 'signal'>;
}

/** Chooses the subset, and has images decoded, resized and cropped where that is to be done. */
async function readied(split: Split, part: RecordSplit | ImageSplit, making: Making): Promise<Ready> {
  const { content, options, view, name, settings } = making;
  const { progress, signal } = settings;
  const chosen = subsetRows(part.labels, split, options.subset, content.classNames, name);
  const labels = Uint16Array.from(chosen, (row) => part.labels[row]!);
  const interleaved = options.order === 'channels-last';
  if (part.form === 'records' && view.resize === null && view.crop === null)
    return { rows: part.rows, chosen, labels, shape: content.shape, interleaved, content: part.content };
  const source = part.form === 'images' ? imageSource(part, making) : recordSource(part, interleaved, making);
  const made = await prepared({
    folder: making.scratch,
    state: stateOf(
      part.form === 'images' ? Array.from(chosen, source.nameOf) : part.rows.paths,
      JSON.stringify([
        preparedFormat,
        split,
        view,
        part.form === 'images' ? 0 : part.content,
        Array.from(chosen),
        Array.from(labels),
        part.form === 'images' ? (part.boxes ?? null) : null,
      ]),
    ),
    count: chosen.length,
    described: (i) =>
      `${labels[i]} ${JSON.stringify((part.form === 'images' && part.boxes?.[chosen[i]!]) || null)}`,
    make: (i) => source.make(chosen[i]!),
    nameOf: (i) => source.nameOf(chosen[i]!),
    ...(signal ? { signal } : {}),
    ...(progress
      ? {
          progress: (done: number, total: number) =>
            progress(done, total, 'images', `${split} images of ${name} decoded`),
        }
      : {}),
  });
  return {
    rows: made.rows,
    chosen: Uint32Array.from(chosen, (_, i) => i),
    labels,
    shape: made.shape,
    interleaved: false,
    content: made.content,
  };
}

interface Source {
  make(row: number): Promise<PreparedImage>;
  nameOf(row: number): string;
}

function fitted(image: RgbImage, view: View, label: string, digest: string): PreparedImage {
  const result = viewed(image, view, label);
  const { width, height } = result;
  return { planes: planesOf(result), shape: { height, width, channels: 3 }, digest };
}

function imageSource({ files, boxes }: ImageSplit, { folder, view }: Making): Source {
  const nameOf = (row: number): string => join(folder, files[row]!);
  return {
    nameOf,
    async make(row) {
      const label = nameOf(row);
      const bytes = await readFile(label);
      const image = await decodeImage(bytes, label);
      return fitted(boxes ? cutBox(image, boxes[row]!, label) : image, view, label, digestOf(bytes));
    },
  };
}

function recordSource({ rows, content }: RecordSplit, interleaved: boolean, making: Making): Source {
  const { shape } = making.content;
  refuseResizing(making.name, { shape, element: rows.element });
  const { width, height } = shape!;
  const nameOf = (row: number): string => `example ${row} of "${making.name}"`;
  return {
    nameOf,
    async make(row) {
      let image: RgbImage | undefined;
      rows.each([row], (_, bytes) => {
        image = interleaved ? { width, height, pixels: bytes.slice() } : imageOfPlanes(bytes, width, height);
      });
      return fitted(image!, making.view, nameOf(row), content);
    },
  };
}

/** The shape and the number of features, which both splits must share. */
function oneForm(
  ready: Partial<Record<Split, Ready>>,
  name: string,
): { shape: ImageShape | null; features: number } {
  const forms = Object.values(ready).map(({ rows, shape }) => ({
    shape,
    features: rows.features,
  }));
  const [first, second] = forms;
  if (second && JSON.stringify(second.shape) !== JSON.stringify(first!.shape))
    throw bad(
      `"${name}": training images are ${first!.shape?.width} x ${first!.shape?.height}, test images ${second.shape?.width} x ${second.shape?.height}`,
      { hint: 'choose resize: [height, width], or a crop' },
    );
  return first!;
}

/**
 * The data set that a checkpoint was trained on, or the one chosen instead of it, normalised as the checkpoint's was.
 * @throws UserError where the checkpoint's own data set is not the one it saw any more, or does not fit its network.
 */
export async function datasetFor(
  checkpoint: {
    readonly dataset: DatasetIdentity;
    readonly network: { readonly inputs: number; readonly classes: number };
  },
  override: DatasetChoice | undefined,
  root: string,
  settings: LoadSettings = {},
): Promise<LoadedDataset> {
  const own = { ...checkpoint.dataset.options, name: checkpoint.dataset.name } as DatasetChoice;
  const fits = (found: FoundData): void => {
    if (override === undefined && found.digest !== checkpoint.dataset.digest)
      throw new UserError({
        severity: 'error',
        code: 'dataset-changed',
        message: `the data set "${found.name}" is not the one that the checkpoint was trained on: its content has changed`,
        hint: `put the old files back, or write "dataset: ${found.name}" to use what is there now`,
      });
    const problem = misfit(found, checkpoint);
    if (problem)
      throw new UserError({
        severity: 'error',
        code: 'wrong-dataset',
        message: problem,
        hint: `leave out "dataset" for the one that it was trained on, "${checkpoint.dataset.name}"`,
      });
  };
  return loadDataset(override ?? own, root, checkpoint.dataset, { ...settings, fits });
}

/** Why a checkpoint's network does not take such data. */
function misfit(
  { name, features, classes, channels }: FoundData,
  { dataset, network }: Parameters<typeof datasetFor>[0],
): string | undefined {
  if (features !== network.inputs || classes !== network.classes)
    return `the network takes ${network.inputs} features and tells ${network.classes} classes apart; "${name}" has ${features} and ${classes}`;
  const trained = dataset.mean.length;
  return channels === trained
    ? undefined
    : `the network was trained on ${channelsOf(trained)}; "${name}" has ${channelsOf(channels)}`;
}

function channelsOf(count: number): string {
  return count === 1 ? 'vectors, or images of one channel' : `images of ${count} channels`;
}

/**
 * The first `count` examples in file order, or all of them.
 * @throws UserError where there are fewer.
 */
export function firstExamples(examples: Examples, count: number | undefined, label: string): Examples {
  if (count === undefined || count === examples.count) return examples;
  refuseMore(count, examples.count, label);
  return { ...examples, count, labels: examples.labels.subarray(0, count) };
}
