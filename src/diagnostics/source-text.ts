import type { Position } from './diagnostic.ts';

/** A text that the user wrote, as read once: the positions of all messages refer to it. */
export interface SourceText {
  /** Path as the user would type it from where they stand; or a name such as `--set` for text that is no file. */
  readonly file: string;
  /** Absolute path, or null for text that is no file. */
  readonly path: string | null;
  /** Without a byte order mark. */
  readonly text: string;
  /** As it stands in the file. */
  readonly raw: string;
  /** Offset of each line's first character. */
  readonly lines: readonly number[];
}

/** A piece of a source text, in UTF-16 code units as editors count columns. `end` is exclusive. */
export interface Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export function sourceText(file: string, path: string | null, raw: string): SourceText {
  const text = raw.startsWith('\uFEFF') ? raw.slice(1) : raw;
  const lines = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
  return { file, path, text, raw, lines };
}

/** Where a span stands. Its length is cut at the end of its first line: that is what can be underlined. */
export function positionOf(span: Span): Position {
  const { source, start } = span;
  let low = 0;
  let high = source.lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lines[middle]! <= start) low = middle;
    else high = middle - 1;
  }
  const lineStart = source.lines[low]!;
  let lineEnd = (source.lines[low + 1] ?? source.text.length + 1) - 1;
  if (source.text[lineEnd - 1] === '\r') lineEnd--;
  return {
    file: source.file,
    line: low + 1,
    column: start - lineStart + 1,
    length: Math.max(1, Math.min(span.end, lineEnd) - start),
  };
}
