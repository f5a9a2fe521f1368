/** The official binary files of CIFAR-10 and CIFAR-100, as a folder or inside their tar.gz. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bad } from './damage.ts';
import { type Content, type Layout, parseClassNames, type RecordSplit, type Split } from './layout.ts';
import { type Piece, Rows } from './rows.ts';
import { unpacked } from './unpack.ts';

export const pixelBytes = 3072;
const shape = { height: 32, width: 32, channels: 3 };
const recordForm = { shape, features: 3072, element: 'uint8' } as const;

/** What a record starts with. */
interface Form {
  /** Label bytes before the pixels. */
  readonly labels: readonly string[];
  /** Files of class names, the labels' own one by one. */
  readonly names: readonly string[];
  readonly train: RegExp;
  readonly test: RegExp;
  readonly archive: string;
}

const cifar10: Form = {
  labels: ['label'],
  names: ['batches.meta.txt'],
  train: /^(train|data_batch_\d+)\.bin$/,
  test: /^(test|test_batch)\.bin$/,
  archive: 'cifar-10-binary.tar.gz',
};
const cifar100: Form = {
  labels: ['coarse label', 'fine label'],
  names: ['coarse_label_names.txt', 'fine_label_names.txt'],
  train: /^train\.bin$/,
  test: /^test\.bin$/,
  archive: 'cifar-100-binary.tar.gz',
};

/** The files of a form in a folder: of records in their order, and of names. */
function filesOf(
  form: Form,
  folder: string,
): { train: string[]; test: string[]; names: string[] } | undefined {
  if (!form.names.every((name) => existsSync(join(folder, name)))) return undefined;
  const files = readdirSync(folder).sort();
  const train = files.filter((file) => form.train.test(file));
  const test = files.filter((file) => form.test.test(file));
  return train.length > 0 && test.length > 0 ? { train, test, names: [...form.names] } : undefined;
}

async function readSplit(
  form: Form,
  folder: string,
  files: readonly string[],
  which: number,
  classes: readonly number[],
  ours: boolean,
): Promise<RecordSplit> {
  const head = form.labels.length;
  const recordBytes = head + pixelBytes;
  const hash = createHash('sha256');
  const labels: number[] = [];
  const pieces: Piece[] = [];
  for (const file of files) {
    const path = join(folder, file);
    const wrong = (message: string): Error =>
      bad(`${path}: ${message}`, {
        expected: `records of ${recordBytes} bytes: ${form.labels
          .map((label, i) => `a ${label} below ${classes[i]}`)
          .join(', ')}, then 3,072 pixel bytes`,
        hint: 'the file is damaged or of another format: get it again',
      });
    let bytes = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      for (let i = 0; i < head; i++) {
        // The next byte at or after the chunk's start that is label i of a record.
        const skip = (((i - bytes) % recordBytes) + recordBytes) % recordBytes;
        for (let at = skip; at < chunk.length; at += recordBytes) {
          const label = chunk[at]!;
          const record = bytes + at - i;
          if (label >= classes[i]!)
            throw wrong(
              `the record at byte ${record} has the ${form.labels[i]} ${label}, and there are ${classes[i]} classes`,
            );
          if (i === which) labels.push(label);
        }
      }
      bytes += chunk.length;
    }
    if (bytes === 0) throw wrong('the file is empty');
    const rest = bytes % recordBytes;
    if (rest > 0)
      throw wrong(`the record at byte ${bytes - rest} is cut short after ${rest} of ${recordBytes} bytes`);
    pieces.push({ path, offset: head, stride: recordBytes, rows: bytes / recordBytes });
  }
  return {
    form: 'records',
    labels: Uint16Array.from(labels),
    rows: new Rows(pieces, pixelBytes, 'uint8', ours),
    // The content decides, not how it is cut into files.
    content: hash.digest('hex'),
  };
}

function recordsIn(form: Form, folder: string, split: Split): number {
  const bytes = filesOf(form, folder)![split].reduce(
    (sum, file) => sum + statSync(join(folder, file)).size,
    0,
  );
  return Math.floor(bytes / (form.labels.length + pixelBytes));
}

/** @param ours what we unpacked: another process that unpacks it at the same time puts the same files there. */
async function readFolder(form: Form, folder: string, coarse: boolean, ours = false): Promise<Content> {
  const files = filesOf(form, folder)!;
  const names = files.names.map((file) => {
    const path = join(folder, file);
    const list = parseClassNames(readFileSync(path, 'utf8'), path);
    if (list.length > 256) throw bad(`${path}: ${list.length} class names; a label of one byte has 256`);
    return list;
  });
  const which = coarse ? 0 : names.length - 1;
  const classes = names.map((list) => list.length);
  return {
    classNames: names[which]!,
    train: await readSplit(form, folder, files.train, which, classes, ours),
    test: await readSplit(form, folder, files.test, which, classes, ours),
    shape,
    normalisation: form === cifar100 ? 'cifar100' : 'cifar10',
  };
}

function folderLayout(name: string, form: Form): Layout {
  return {
    name: `${name} records`,
    options: form === cifar100 ? ['labels', 'resize', 'crop'] : ['resize', 'crop'],
    recognise: (folder) => filesOf(form, folder) !== undefined,
    files(folder) {
      const { train, test, names } = filesOf(form, folder)!;
      return [...train, ...test, ...names];
    },
    content: {
      read: (folder, { labels }) => readFolder(form, folder, labels === 'coarse'),
      count: (folder, _, split) => recordsIn(form, folder, split),
      form: () => recordForm,
    },
  };
}

function archiveLayout(name: string, form: Form): Layout {
  return {
    name: `${name} archive`,
    options: folderLayout(name, form).options,
    recognise: (folder) => existsSync(join(folder, form.archive)),
    files: () => [form.archive],
    content: {
      async read(folder, { labels }, scratch) {
        const archive = join(folder, form.archive);
        const wanted = (path: string): boolean =>
          [form.train, form.test].some((pattern) => pattern.test(basename(path))) ||
          form.names.includes(basename(path));
        const inside = await unpacked(archive, scratch, wanted);
        if (!filesOf(form, inside))
          throw bad(`${archive}: the archive lacks files of ${name}`, {
            expected: `${form.names.join(', ')}, and training and test records`,
            hint: 'get the archive again',
          });
        return readFolder(form, inside, labels === 'coarse', true);
      },
      form: () => recordForm,
    },
  };
}

/** The folder of records comes first: what was unpacked by hand need not be unpacked again. */
export const cifarLayouts: readonly Layout[] = [
  folderLayout('CIFAR-10', cifar10),
  folderLayout('CIFAR-100', cifar100),
  archiveLayout('CIFAR-10', cifar10),
  archiveLayout('CIFAR-100', cifar100),
];
