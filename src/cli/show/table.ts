import type { Json } from '../../util/json.ts';
import { columns, type Paint, truncate } from '../terminal.ts';
import { number } from '../units.ts';
import { words } from '../views/summary.ts';

const mostRows = 200;

/** Rows as an aligned table, numbers to the right. Long tables are cut in the middle, which is said. */
export function tableLines(rows: readonly Row[], paint: Paint): string[] {
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

type Row = Readonly<Record<string, Json>>;

/** A table of a file that may have several. */
export interface Table {
  /** What it is called there; of a file that is one table, nothing. */
  readonly title: string;
  readonly rows: readonly Row[];
}

/** The tables of a file: JSON, or text with commas or tabs and names in its first line. */
export function parseTables(text: string): Table[] | undefined {
  const tables = parseJson(text) ?? parseDelimited(text);
  const some = tables?.filter(({ rows }) => rows.length > 0);
  return some && some.length > 0 ? some : undefined;
}

const isRow = (value: Json): value is Record<string, Json> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function parseJson(text: string): Table[] | undefined {
  try {
    const value = JSON.parse(text) as Json;
    if (isRow(value)) return tablesWithin(value);
    return Array.isArray(value) && value.every(isRow) ? [{ title: '', rows: value }] : undefined;
  } catch {
    return undefined;
  }
}

/** Lists of rows; lists of numbers or texts, those of one length beside each other; what is no list as one row. */
function tablesWithin(value: Record<string, Json>): Table[] {
  const lists: Table[] = [];
  const columns = new Map<number, [string, Json[]][]>();
  const single: [string, Json][] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(inner)) single.push([name, inner]);
    else if (inner.length > 0 && inner.every(isRow)) lists.push({ title: name, rows: inner });
    else columns.set(inner.length, [...(columns.get(inner.length) ?? []), [name, inner]]);
  }
  const beside = [...columns.entries()].map(
    ([length, named]): Table => ({
      title: named.map(([name]) => name).join(', '),
      rows: Array.from({ length }, (_, i) => Object.fromEntries(named.map(([name, all]) => [name, all[i]!]))),
    }),
  );
  const all = [...lists, ...beside];
  // What else stands in a file of one list is its format.
  if (all.length === 1) return [{ ...all[0]!, title: '' }];
  return single.length > 0 ? [{ title: '', rows: [Object.fromEntries(single)] }, ...all] : all;
}

function parseDelimited(text: string): Table[] | undefined {
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const delimiter = head?.includes('\t') ? '\t' : ',';
  if (!head?.includes(delimiter)) return undefined;
  const names = fields(head, delimiter);
  const rows = lines.map((line) =>
    Object.fromEntries(
      fields(line, delimiter).map((field, i) => {
        const value = field.trim() !== '' && Number.isFinite(Number(field)) ? Number(field) : field;
        return [names[i] ?? `column ${i + 1}`, value];
      }),
    ),
  );
  return [{ title: '', rows }];
}

/** Fields with the delimiter in them are quoted, quotes doubled (RFC 4180). */
function fields(line: string, delimiter: string): string[] {
  const pattern =
    delimiter === '\t' ? /(?:^|\t)(?:"((?:[^"]|"")*)"|([^\t]*))/g : /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  return [...line.matchAll(pattern)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}
