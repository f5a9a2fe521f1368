import { Chalk, type ChalkInstance } from 'chalk';
import type { Diagnostic, Position } from './diagnostic.ts';
import { displayWidth, visible } from './width.ts';

export interface FormatOptions {
  /** Texts by the `file` of positions; where one is missing, its line is not shown. */
  readonly sources: ReadonlyMap<string, string>;
  readonly colour?: boolean;
  /** Columns that a line of source may take; a longer one is cut around its mark. Default 100. */
  readonly width?: number;
}

/** Diagnostics as text for people, one paragraph each, without a newline at the end. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], options: FormatOptions): string {
  const paint = new Chalk({ level: options.colour ? 1 : 0 });
  const lines = new Map<string, readonly string[]>();
  const lineOf = ({ file, line }: Position) => {
    let split = lines.get(file);
    if (!split) {
      split = (options.sources.get(file)?.replace(/^\uFEFF/, '') ?? '').split(/\r?\n/);
      lines.set(file, split);
    }
    return options.sources.has(file) ? split[line - 1] : undefined;
  };
  return diagnostics.map((d) => paragraph(d, lineOf, paint, options.width ?? 100)).join('\n\n');
}

/** `3 errors, 1 warning` */
export function countDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const count = (n: number, word: string) => (n === 0 ? [] : [`${n} ${word}${n === 1 ? '' : 's'}`]);
  return [...count(errors, 'error'), ...count(diagnostics.length - errors, 'warning')].join(', ');
}

type LineOf = (at: Position) => string | undefined;

function paragraph(diagnostic: Diagnostic, lineOf: LineOf, paint: ChalkInstance, width: number): string {
  const { severity, code, message, at, expected, hint, related = [] } = diagnostic;
  const mark = severity === 'error' ? paint.red : paint.yellow;
  const gutter = String(Math.max(...[at, ...related.map(({ at }) => at)].map((p) => p?.line ?? 0))).length;
  const note = (word: string, text: string) =>
    `${' '.repeat(gutter + 1)} ${paint.cyan(`= ${word}:`)} ${visible(text)}`;
  return [
    `${at ? `${paint.bold(shown(at))}: ` : ''}${mark.bold(severity)}: ${visible(message)} ${paint.dim(`[${code}]`)}`,
    ...(at ? excerpt(at, lineOf(at), gutter, mark, paint, width) : []),
    ...(expected === undefined ? [] : [note('expected', expected)]),
    ...(hint === undefined ? [] : [note('hint', hint)]),
    ...related.flatMap(({ message, at }) => [
      `${' '.repeat(gutter + 1)} ${paint.cyan('= note:')} ${shown(at)}: ${visible(message)}`,
      ...excerpt(at, lineOf(at), gutter, paint.cyan, paint, width),
    ]),
  ].join('\n');
}

function shown({ file, line, column }: Position): string {
  return `${visible(file)}:${line}:${column}`;
}

/** The source line with what is meant underlined; a long line is cut around it. */
function excerpt(
  { line, column, length }: Position,
  text: string | undefined,
  gutter: number,
  mark: ChalkInstance,
  paint: ChalkInstance,
  width: number,
): string[] {
  if (text === undefined) return [];
  const start = Math.min(column - 1, text.length);
  const end = Math.min(start + length, text.length);
  let from = 0;
  let to = text.length;
  if (displayWidth(text) > width) {
    // A third of the room before the mark, the rest for it and what follows; never half of a surrogate pair.
    from = whole(text, Math.max(0, start - Math.floor(width / 3)));
    to = whole(text, Math.min(text.length, from + width));
  }
  const before = visible(text.slice(from, start));
  const marked = visible(text.slice(start, Math.min(end, to)));
  const after = visible(text.slice(Math.min(end, to), to));
  const lead = from > 0 ? '…' : '';
  const indent = ' '.repeat(displayWidth(lead + before));
  const number = String(line).padStart(gutter);
  const squiggle = '^'.repeat(Math.max(1, displayWidth(marked)));
  return [
    ` ${paint.dim(`${number} |`)} ${lead}${before}${marked}${after}${to < text.length ? '…' : ''}`.trimEnd(),
    ` ${' '.repeat(gutter)} ${paint.dim('|')} ${indent}${mark(squiggle)}`,
  ];
}

function whole(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
