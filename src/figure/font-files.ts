import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Face } from './typography.ts';

const fileNames: Record<Face, string> = {
  regular: 'DejaVuSans.ttf',
  italic: 'DejaVuSans-Oblique.ttf',
  bold: 'DejaVuSans-Bold.ttf',
};

/** Absolute path of each face in the package dejavu-fonts-ttf. Light to import: stages declare these files. */
export function fontFiles(): Readonly<Record<Face, string>> {
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')),
    'ttf',
  );
  return {
    regular: join(folder, fileNames.regular),
    italic: join(folder, fileNames.italic),
    bold: join(folder, fileNames.bold),
  };
}
