/**
 * Folders of images: one a class, as torchvision's `ImageFolder` reads them, and the flat validation folder of
 * ILSVRC 2012 with a list of its labels.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { bad } from './damage.ts';
import { imageName, otherImageName } from './image.ts';
import type { Content, ImageSplit, Layout, Split } from './layout.ts';

/** The first of them that is there is the split. */
const names: Readonly<Record<Split, readonly string[]>> = {
  train: ['train'],
  test: ['val', 'test', 'validation'],
};

/** A link that leads nowhere, or to itself, is none. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** By code unit, as Python sorts ASCII names. */
const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function splitFolder(folder: string, split: Split): string | undefined {
  return names[split].map((name) => join(folder, name)).find(isFolder);
}

function classFolders(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && isFolder(join(folder, name)))
    .sort(inOrder);
}

/** The images of a folder and of those inside it: folder by folder, each in the order of names. */
function imagesIn(folder: string): string[] {
  const folders = [folder];
  const found: { folder: string; files: string[] }[] = [];
  for (const at of folders) {
    const files: string[] = [];
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(at, entry.name);
      const linked = entry.isSymbolicLink() && isFolder(path);
      if (linked && `${realpathSync(at)}${sep}`.startsWith(`${realpathSync(path)}${sep}`))
        throw bad(`${path}: a link that leads back to a folder that it is in`, { hint: 'remove it' });
      if (linked || entry.isDirectory()) folders.push(path);
      else if (imageName.test(entry.name)) files.push(path);
      else if (otherImageName.test(entry.name))
        throw bad(`${path}: images of this kind are not read`, {
          expected: 'JPEG or PNG files',
          hint: 'convert it, or move it out of the folder',
        });
    }
    found.push({ folder: at, files: files.sort(inOrder) });
  }
  return found.sort((a, b) => inOrder(a.folder, b.folder)).flatMap(({ files }) => files);
}

function readSplit(folder: string, split: Split, classNames: readonly string[]): ImageSplit | undefined {
  const path = splitFolder(folder, split);
  if (path === undefined) return undefined;
  const there = classFolders(path);
  const extra = there.find((name) => !classNames.includes(name));
  if (extra !== undefined)
    throw bad(`${join(path, extra)}: a class that the training images do not have`, {
      expected: `the ${classNames.length} classes of ${splitFolder(folder, 'train')}`,
    });
  const files: string[] = [];
  const labels: number[] = [];
  for (const [c, name] of classNames.entries()) {
    if (!there.includes(name))
      throw bad(`${path}: the class "${name}" is missing`, {
        expected: `a folder for each of the ${classNames.length} classes`,
        hint: 'the labels of all classes after it would be wrong: get the data set again',
      });
    const images = imagesIn(join(path, name));
    if (images.length === 0) throw bad(`${join(path, name)}: no image in it`);
    for (const image of images) {
      files.push(relative(folder, image));
      labels.push(c);
    }
  }
  return { form: 'images', files, labels: Uint16Array.from(labels) };
}

export const imageFolderLayout: Layout = {
  name: 'folders of images',
  options: ['resize', 'crop'],
  recognise(folder) {
    const test = splitFolder(folder, 'test');
    return test !== undefined && classFolders(splitFolder(folder, 'train') ?? test).length > 1;
  },
  files: () => [],
  classesAreFolders: true,
  content: { list: listFolders },
};

function listFolders(folder: string): Content {
  const classNames = classFolders(splitFolder(folder, 'train') ?? splitFolder(folder, 'test')!);
  const train = readSplit(folder, 'train', classNames);
  const test = readSplit(folder, 'test', classNames)!;
  return { classNames, ...(train ? { train } : {}), test, shape: null, normalisation: 'imagenet' };
}

const synsetFile = 'synsets.txt';
/** One line an image, in the order of the file names: its synset, or its number in synsets.txt from 1. */
const labelFiles = ['imagenet_2012_validation_synset_labels.txt', 'ILSVRC2012_validation_ground_truth.txt'];

const labelFileOf = (folder: string): string | undefined =>
  labelFiles.find((file) => existsSync(join(folder, file)));

function linesOf(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  if (lines.at(-1)?.trim() === '') lines.pop();
  return lines.map((line) => line.trim());
}

export const ilsvrcLayout: Layout = {
  name: 'ILSVRC 2012 validation',
  options: ['resize', 'crop'],
  recognise(folder) {
    return labelFileOf(folder) !== undefined && splitFolder(folder, 'test') !== undefined;
  },
  files: (folder) => [labelFileOf(folder)!, ...(existsSync(join(folder, synsetFile)) ? [synsetFile] : [])],
  content: { list: listIlsvrc },
};

function listIlsvrc(folder: string): Content {
  const images = imagesIn(splitFolder(folder, 'test')!);
  const path = join(folder, labelFileOf(folder)!);
  const lines = linesOf(path);
  if (lines.length !== images.length)
    throw bad(`${path}: ${lines.length} labels for ${images.length} images`, {
      expected: 'one line an image',
    });
  const numbered = lines.every((line) => /^\d+$/.test(line));
  const synsetPath = join(folder, synsetFile);
  if (numbered && !existsSync(synsetPath))
    throw bad(`${path}: labels are numbers, and ${synsetFile} does not say of what`, {
      hint: `put the synsets (n01440764, …) in the order of ILSVRC2012_ID into ${synsetPath}, one a line`,
    });
  const listed = existsSync(synsetPath) ? linesOf(synsetPath).map((line) => line.split(/\s+/)[0]!) : lines;
  // Everybody's labels, torchvision's too, number the synsets in the order of their names.
  const classNames = [...new Set(listed)].sort(inOrder);
  if (classNames.length < 2) throw bad(`${path}: ${classNames.length} classes; at least 2 are needed`);
  const number = new Map(classNames.map((name, c) => [name, c]));
  const labels = lines.map((line, i) => {
    const label = number.get(numbered ? (listed[Number(line) - 1] ?? '') : line);
    if (label === undefined)
      throw bad(`${path}:${i + 1}: the label "${line}" is none of the ${classNames.length} classes`);
    return label;
  });
  const files = images.map((image) => relative(folder, image));
  const test: ImageSplit = { form: 'images', files, labels: Uint16Array.from(labels) };
  const train = readSplit(folder, 'train', classNames);
  return { classNames, ...(train ? { train } : {}), test, shape: null, normalisation: 'imagenet' };
}
