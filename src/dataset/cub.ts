/** CUB-200-2011 in its own layout of lists (Wah, Branson, Welinder, Perona, Belongie 2011). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bad } from './damage.ts';
import type { ImageSplit, Layout } from './layout.ts';

const lists = ['classes.txt', 'images.txt', 'image_class_labels.txt', 'train_test_split.txt'] as const;
const boxList = 'bounding_boxes.txt';

/** Rows `id rest`, with their line numbers. */
function table(
  folder: string,
  file: string,
): { path: string; byId: Map<number, { rest: string; at: string }> } {
  const path = join(folder, file);
  if (!existsSync(path)) throw bad(`${path}: there is no such file`, { hint: 'get the data set again' });
  const byId = new Map<number, { rest: string; at: string }>();
  for (const [i, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line.trim() === '') continue;
    const at = `${path}:${i + 1}`;
    const match = /^(\d+)\s+(.+?)\s*$/.exec(line);
    if (!match)
      throw bad(`${at}: "${line.trim()}" is no number and value`, { expected: 'a number, a space, a value' });
    const id = Number(match[1]);
    if (byId.has(id)) throw bad(`${at}: the number ${id} is there a second time`);
    byId.set(id, { rest: match[2]!, at });
  }
  return { path, byId };
}

/** The entry of an image in another list. */
function entryOf(list: ReturnType<typeof table>, id: number): { rest: string; at: string } {
  const entry = list.byId.get(id);
  if (!entry) throw bad(`${list.path}: the image ${id} of images.txt is not in it`);
  return entry;
}

interface Lists {
  readonly classNames: string[];
  readonly train: ImageSplit;
  readonly test: ImageSplit;
}

/** Images in the order of their numbers, as everybody who reads these lists takes them. */
function readLists(folder: string, withBoxes: boolean): Lists {
  const [classes, images, labels, split] = lists.map((file) => table(folder, file)) as [
    ReturnType<typeof table>,
    ReturnType<typeof table>,
    ReturnType<typeof table>,
    ReturnType<typeof table>,
  ];
  const boxes = withBoxes ? table(folder, boxList) : undefined;
  const count = classes.byId.size;
  const classNames = Array.from({ length: count }, (_, c) => {
    const entry = classes.byId.get(c + 1);
    if (!entry) throw bad(`${classes.path}: ${count} classes, and none has the number ${c + 1}`);
    return entry.rest;
  });
  if (count < 2) throw bad(`${classes.path}: ${count} classes; at least 2 are needed`);
  const parts = [0, 1].map(() => ({
    labels: [] as number[],
    files: [] as string[],
    boxes: [] as [number, number, number, number][],
  }));
  for (const [id, image] of [...images.byId].sort(([a], [b]) => a - b)) {
    if (image.rest.split('/').some((part) => part === '..' || part === ''))
      throw bad(`${image.at}: "${image.rest}" leads out of images/`);
    const label = entryOf(labels, id);
    const value = Number(label.rest);
    if (!Number.isInteger(value) || value < 1 || value > count)
      throw bad(`${label.at}: the label ${label.rest} of image ${id}, and classes.txt has 1 to ${count}`);
    const side = entryOf(split, id);
    if (side.rest !== '0' && side.rest !== '1')
      throw bad(`${side.at}: "${side.rest}" for image ${id}`, { expected: '1 (training) or 0 (test)' });
    const part = parts[side.rest === '1' ? 0 : 1]!;
    part.labels.push(value - 1);
    part.files.push(join('images', image.rest));
    if (!boxes) continue;
    const box = entryOf(boxes, id);
    const [x, y, width, height] = box.rest.split(/\s+/).map(Number);
    if (![x, y, width, height].every(Number.isFinite) || width! <= 0 || height! <= 0)
      throw bad(`${box.at}: "${box.rest}" is no box`, { expected: 'x, y, width, height in pixels' });
    part.boxes.push([x!, y!, x! + width!, y! + height!]);
  }
  const [train, test] = parts.map(
    ({ labels, files, boxes: cut }): ImageSplit => ({
      form: 'images',
      labels: Uint16Array.from(labels),
      files,
      ...(boxes ? { boxes: cut } : {}),
    }),
  ) as [ImageSplit, ImageSplit];
  for (const [name, { labels }] of [['training', train] as const, ['test', test] as const])
    for (const [c, className] of classNames.entries())
      if (!labels.includes(c))
        throw bad(`${split.path}: the class ${c + 1} ("${className}") has no ${name} image`, {
          hint: 'the lists do not belong together, or the copy is incomplete',
        });
  return { classNames, train, test };
}

export const cubLayout: Layout = {
  name: 'CUB-200-2011',
  options: ['resize', 'crop', 'bounding-box'],
  recognise: (folder) => lists.slice(1).every((file) => existsSync(join(folder, file))),
  files: (_, options) => [...lists, ...(options['bounding-box'] ? [boxList] : [])],
  content: {
    list: (folder, options) => ({
      ...readLists(folder, options['bounding-box'] === true),
      shape: null,
      normalisation: 'imagenet',
    }),
  },
};
