import type { Json } from '../../util/json.ts';
import { columns, type Paint, truncate } from '../terminal.ts';
import { number } from '../units.ts';
import { words } from '../views/summary.ts';

const mostRows = 200;

/** Rows as an aligned table, numbers to the right. Long tables are cut in the middle, which is said. */
export function tableLines(rows: readonly Readonly<Record<string, Json>>[], paint: Paint): string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const shown =
    rows.length <= mostRows ? rows : [...rows.slice(0, mostRows / 2), ...rows.slice(-mostRows / 2)];
  const cells = shown.map((row) => names.map((name) => cell(row[name])));
  const numeric = names.flatMap((name, i) =>
    rows.every((row) => row[name] === undefined || row[name] === null || typeof row[name] === 'number')
      ? [i]
      : [],
  );
  const [head, ...body] = columns([names, ...cells], numeric);
  if (shown.length < rows.length)
    body.splice(
      mostRows / 2,
      0,
      paint('dim', `… ${rows.length - shown.length} rows left out (--json has all) …`),
    );
  return [paint('bold', head ?? ''), ...body];
}

function cell(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'number' ? number(value, 5) : truncate(words(value), 60);
}

/** The rows of a table file: JSON rows, JSON lines, or text with commas or tabs and names in its first line. */
export function parseTable(text: string): Record<string, Json>[] | undefined {
  const rows = parseJsonRows(text) ?? parseDelimited(text);
  return rows && rows.length > 0 ? rows : undefined;
}

function parseJsonRows(text: string): Record<string, Json>[] | undefined {
  try {
    const value = JSON.parse(text) as Json;
    const rows = Array.isArray(value) ? value : (rowsWithin(value) ?? [value]);
    return rows.every((row) => row !== null && typeof row === 'object' && !Array.isArray(row))
      ? (rows as Record<string, Json>[])
      : undefined;
  } catch {
    return undefined;
  }
}

/** The only list of rows in a file that says more than its rows: its format, say. */
function rowsWithin(value: Json): Json[] | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const lists = Object.values(value).filter((inner) => Array.isArray(inner) && inner.length > 0);
  return lists.length === 1 ? (lists[0] as Json[]) : undefined;
}

/** Fields with the delimiter in them are quoted, quotes doubled (RFC 4180). */
function parseDelimited(text: string): Record<string, Json>[] | undefined {
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const delimiter = head?.includes('\t') ? '\t' : ',';
  if (!head?.includes(delimiter)) return undefined;
  const names = fields(head, delimiter);
  return lines.map((line) =>
    Object.fromEntries(
      fields(line, delimiter).map((field, i) => {
        const value = field.trim() !== '' && Number.isFinite(Number(field)) ? Number(field) : field;
        return [names[i] ?? `column ${i + 1}`, value];
      }),
    ),
  );
}

function fields(line: string, delimiter: string): string[] {
  const pattern =
    delimiter === '\t' ? /(?:^|\t)(?:"((?:[^"]|"")*)"|([^\t]*))/g : /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  return [...line.matchAll(pattern)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}
