import type { Run } from './math-text.ts';

/** The faces a figure is set in. */
export const faces = ['regular', 'italic', 'bold'] as const;
export type Face = (typeof faces)[number];

/** The family's name inside the files, and what a viewer without it should take: Verdana has almost its widths. */
export const fontFamily = 'DejaVu Sans';
export const fontFallback = 'Verdana, sans-serif';

/** Sub- and superscripts: their size, and how far their baseline moves, in parts of the font size. */
export const scriptSize = 0.72;
export const scriptShift = { up: 0.36, down: 0.16 } as const;
/** Height of the tallest ordinary letters and depth of the deepest, in parts of the font size (DejaVu Sans). */
export const ascent = 0.76;
export const descent = 0.24;
/** The baseline's offset that centres digits on a height, in parts of the font size. */
export const centred = 0.36;

export function faceOf(run: Run, bold: boolean): Face {
  if (bold && !run.italic) return 'bold';
  return run.italic ? 'italic' : 'regular';
}

/** Width of a text with mathematics in points. The fonts' own in files; what a browser measures on a screen. */
export type Measure = (text: string, size: number) => number;
