import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import { countDiagnostics, formatDiagnostics } from '../diagnostics/format.ts';
import type { Terminal } from './terminal.ts';

/** Everything that is wrong, each with the user's own line, and how many there are. */
export function printUserError(error: UserError, err: Terminal, cwd: string): void {
  const { diagnostics } = error;
  err.line(describeDiagnostics(diagnostics, err, cwd, error.sources));
  if (diagnostics.length > 1) err.line(`\n${countDiagnostics(diagnostics)}`);
}

/**
 * @param known texts by the `file` of positions, as they were when they were checked; others are read from the disk.
 */
export function describeDiagnostics(
  diagnostics: readonly Diagnostic[],
  terminal: Terminal,
  cwd: string,
  known: ReadonlyMap<string, string> = new Map(),
): string {
  const sources = new Map(known);
  for (const { at, related = [] } of diagnostics)
    for (const position of [at, ...related.map(({ at }) => at)])
      if (position && !sources.has(position.file)) {
        const text = readText(resolve(cwd, position.file));
        if (text !== undefined) sources.set(position.file, text);
      }
  return formatDiagnostics(diagnostics, {
    sources,
    colour: terminal.paint('red', 'x') !== 'x',
    width: Math.max(40, Math.min(160, terminal.size().columns - 10)),
  });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone meanwhile: the message is shown without its line.
    return undefined;
  }
}
