/**
 * A text inside a figure's file, where its format has a place for such: metadata of SVG, an iTXt chunk of PNG, XMP of
 * PDF, a data script of HTML. Nothing that is seen changes, and what the text says is nobody's business here.
 */
import { canStamp, type stampable } from './extensions.ts';
import { stampHtml, unstampHtml } from './html.ts';
import { stampPdf, unstampPdf } from './pdf.ts';
import { stampPng, unstampPng } from './png.ts';
import { stampSvg, unstampSvg } from './svg.ts';

interface Format {
  readonly stamp: (file: Buffer, text: string) => Buffer;
  /** The text that `stamp` put in, or undefined. */
  readonly unstamp: (file: Buffer) => string | undefined;
}

const formats: Readonly<Record<(typeof stampable)[number], Format>> = {
  '.svg': { stamp: stampSvg, unstamp: unstampSvg },
  '.png': { stamp: stampPng, unstamp: unstampPng },
  '.pdf': { stamp: stampPdf, unstamp: unstampPdf },
  '.html': { stamp: stampHtml, unstamp: unstampHtml },
};

/**
 * The file with the text inside: the same bytes for the same file and text. A file that is not what its extension says
 * comes back as it is, without a text.
 * @param text JSON, so that it holds no line break.
 */
export function stamped(file: Buffer, extension: string, text: string): Buffer {
  return canStamp(extension) ? formats[extension as keyof typeof formats].stamp(file, text) : file;
}

/** The text inside a figure, found by what the file is and not by what it is called. */
export function stampOf(file: Buffer): string | undefined {
  for (const { unstamp } of Object.values(formats)) {
    const text = unstamp(file);
    if (text !== undefined) return text;
  }
  return undefined;
}
