import type { Json, JsonObject } from '../../src/util/json.ts';
import { distinctNames, freeName } from './names.ts';

/** Columns of one length. Text and truth stand only in CSV files. */
export interface Sheet {
  /** Where in the table it comes from, `changes-values`; 'values' for what stands at its top. No other sheet's. */
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly values: readonly Scalar[] }[];
}

export type Scalar = number | string | boolean | null;

/**
 * A table of any stage kind as sheets with rows and columns:
 *
 * - what stands alone is one row of `values`, nested names joined by a dot;
 * - a list of objects is a sheet with a row each, named by where it stands;
 * - a list of numbers is a sheet in long form; those of one length beside each other are its columns; inside a list's
 *   objects a column `row` says (from 1) in which;
 * - a matrix has a column for each of its columns.
 */
export function sheetsOf(table: JsonObject): Sheet[] {
  const { format: _, ...rest } = table;
  const all = sheets('', [rest]);
  const names = distinctNames(all.map(({ name }) => name));
  return all.map(({ columns }, i) => ({ name: names[i]!, columns }));
}

interface Flat {
  readonly scalars: ReadonlyMap<string, Scalar>;
  readonly lists: ReadonlyMap<string, readonly Json[]>;
}

/**
 * @param objects rows of one list; with the name '' the table itself.
 * @param places of a list inside another's rows: in which of them each object stands.
 */
function sheets(name: string, objects: readonly JsonObject[], places?: readonly number[]): Sheet[] {
  const rows = objects.map((object, i) => flat(object, places?.[i]));
  const title = (own: string): string => [name, own].filter(Boolean).join('-').replaceAll('.', '-');
  const found: Sheet[] = [];
  const names = unique(rows.map(({ scalars }) => scalars));
  if (names.length > 0)
    found.push({
      name: title('') || 'values',
      columns: names.map((own) => ({
        name: own,
        values: rows.map(({ scalars }) => scalars.get(own) ?? null),
      })),
    });
  const open = unique(rows.map(({ lists }) => lists));
  const at = (own: string): (readonly Json[])[] => rows.map(({ lists }) => lists.get(own) ?? []);
  while (open.length > 0) {
    const first = open.shift()!;
    const lists = at(first);
    const items = lists.flat();
    if (items.length === 0) continue;
    const counts = lists.map(({ length }) => length);
    const inRows = name === '' ? undefined : counts.flatMap((n, i) => Array<number>(n).fill(i + 1));
    const place = inRows ? [{ name: 'row', values: inRows }] : [];
    if (items.every(isScalar)) {
      const beside = open.filter((own) => {
        const others = at(own);
        return others.flat().every(isScalar) && others.every(({ length }, i) => length === counts[i]);
      });
      for (const own of beside) open.splice(open.indexOf(own), 1);
      const columns = [first, ...beside].map((own) => ({ name: own, values: at(own).flat() as Scalar[] }));
      found.push({ name: title(first), columns: [...place, ...columns] });
    } else if (items.every((item) => Array.isArray(item) && item.every(isScalar))) {
      const matrix = items as Scalar[][];
      const width = Math.max(...matrix.map(({ length }) => length));
      const columns = Array.from({ length: width }, (_, j) => ({
        name: String(j + 1),
        values: matrix.map((line) => line[j] ?? null),
      }));
      found.push({ name: title(first), columns: [...place, ...columns] });
    } else {
      const inner = items.map((item) => (isObject(item) ? item : { value: JSON.stringify(item) }));
      found.push(...sheets(title(first), inner, inRows));
    }
  }
  return found;
}

/** An object's scalars and lists, those of objects inside it under joined names; first in which row it stands. */
function flat(object: JsonObject, row?: number): Flat {
  const scalars = new Map<string, Scalar>(row === undefined ? [] : [['row', row]]);
  const lists = new Map<string, readonly Json[]>();
  const visit = (inner: JsonObject, before: string): void => {
    for (const [key, value] of Object.entries(inner)) {
      if (isObject(value)) {
        visit(value, `${before}${key}.`);
        continue;
      }
      const name = freeName(before + key, (one) => scalars.has(one) || lists.has(one));
      if (Array.isArray(value)) lists.set(name, value);
      else scalars.set(name, value);
    }
  };
  visit(object, '');
  return { scalars, lists };
}

const unique = (maps: readonly ReadonlyMap<string, unknown>[]): string[] => [
  ...new Set(maps.flatMap((map) => [...map.keys()])),
];
const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isScalar = (value: Json): value is Scalar => typeof value !== 'object' || value === null;

/** Columns that hold numbers alone; nothing is NaN. */
export function numeric({ columns }: Sheet): { name: string; values: number[] }[] {
  return columns
    .filter(
      ({ values }) =>
        values.some((value) => typeof value === 'number') &&
        values.every((value) => typeof value === 'number' || value === null),
    )
    .map(({ name, values }) => ({
      name,
      values: values.map((value) => (value as number | null) ?? Number.NaN),
    }));
}
