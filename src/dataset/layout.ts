/** What every layout of files offers to the rest of this folder, and how it says what is wrong. */

import type { DatasetOptions } from './choice.ts';
import { bad } from './damage.ts';
import type { NormalisationChoice } from './normalisation.ts';
import type { Element, Rows } from './rows.ts';

export const splits = ['train', 'test'] as const;
export type Split = (typeof splits)[number];

/** Of an image; its features are channel after channel, row by row. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Examples whose features lie in files as they are used. */
export interface RecordSplit {
  readonly form: 'records';
  readonly labels: Uint16Array;
  readonly rows: Rows;
  /** sha256 over the content, however it is cut into files. */
  readonly content: string;
}

/** Examples that are an image file each. */
export interface ImageSplit {
  readonly form: 'images';
  readonly labels: Uint16Array;
  /** Paths inside the data set's folder. */
  readonly files: readonly string[];
  /** What is cut out of each first: left, top, right, bottom. */
  readonly boxes?: readonly (readonly [number, number, number, number])[];
}

/** What a folder holds, before any of it was made to fit. */
export interface Content {
  readonly classNames: readonly string[];
  /** Absent where the folder has none of it. */
  readonly train?: RecordSplit | ImageSplit;
  readonly test?: RecordSplit | ImageSplit;
  /** Of records: of an image, or null where they are no images. */
  readonly shape: ImageShape | null;
  readonly normalisation: NormalisationChoice;
}

/** Of records: what their examples are. */
export interface RecordForm {
  readonly shape: ImageShape | null;
  readonly features: number;
  readonly element: Element;
}

/** A layout of files. */
export interface Layout {
  readonly name: string;
  /** The options that it reads beside name and subset. */
  readonly options: readonly (keyof DatasetOptions)[];
  /** By names alone: cheap. */
  recognise(folder: string): boolean;
  /** Files beside images that decide what the options give, relative to the folder. */
  files(folder: string, options: DatasetOptions): readonly string[];
  /** Only names of folders say what the classes are: no file's content does. */
  readonly classesAreFolders?: true;
  /** How its content is found: of image files by names and lists alone, of records by reading them. */
  readonly content:
    | { readonly list: (folder: string, options: DatasetOptions) => Content }
    | {
        /** @param scratch a folder for what is unpacked. */
        readonly read: (folder: string, options: DatasetOptions, scratch: string) => Promise<Content>;
        /** How many examples a split has, where sizes or headers of files tell it. */
        readonly count?: (folder: string, options: DatasetOptions, split: Split) => number | undefined;
        /** What they are, as names and headers tell it. */
        readonly form?: (folder: string, options: DatasetOptions) => RecordForm | undefined;
      };
}

/** Class names, one a line. */
export function parseClassNames(text: string, path: string): string[] {
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length < 2 || names.length > 65_536)
    throw bad(`${path}: ${names.length} class names; 2 to 65,536, one a line, are needed`);
  return names;
}
