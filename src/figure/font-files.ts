import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The faces a figure is set in. Light to import: a stage declares the files before anything is drawn. */
export const faces = ['regular', 'italic', 'bold'] as const;
export type Face = (typeof faces)[number];

/** The family's name inside the files, and what a viewer without it should take: Verdana has almost its widths. */
export const fontFamily = 'DejaVu Sans';
export const fontFallback = 'Verdana, sans-serif';

const fileNames: Record<Face, string> = {
  regular: 'DejaVuSans.ttf',
  italic: 'DejaVuSans-Oblique.ttf',
  bold: 'DejaVuSans-Bold.ttf',
};

/** Absolute path of each face in the package dejavu-fonts-ttf. */
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
