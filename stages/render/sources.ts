/** What the inputs of a figure are, read: curves, surfaces, or one of the tables that panels know how to draw. */
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { Sample } from '../../src/figure/figure.ts';
import { type Curves, decodeCurves } from '../../src/landscape/curves.ts';
import type { Json, JsonObject } from '../../src/util/json.ts';
import type { AngleTable } from '../angles/table.ts';
import type { EigenTable } from '../eigenpairs/table.ts';
import type { PathTable } from '../project/table.ts';
import type { ChangesTable } from '../quadratic/table.ts';
import type { SpectrumTable } from '../spectrum/table.ts';

export type SourceData =
  | { readonly type: 'curves'; readonly curves: Curves }
  | { readonly type: 'spectrum'; readonly table: SpectrumTable }
  | { readonly type: 'angles'; readonly table: AngleTable }
  | { readonly type: 'eigenvalues'; readonly table: EigenTable }
  | { readonly type: 'changes'; readonly table: ChangesTable }
  | { readonly type: 'path'; readonly table: PathTable }
  /** Rows that say their epoch: what a training or a descent was like. */
  | { readonly type: 'history'; readonly rows: readonly HistoryRow[] }
  /** A table of no known format: histogram and bars take numbers from it by their place. */
  | { readonly type: 'table'; readonly table: Json };

/** A row of a `history`. */
export type HistoryRow = { readonly epoch: number } & JsonObject;

/** One artifact of one input. */
export interface Source {
  /** The input's name, by which panels show it. */
  readonly input: string;
  /** Name and place, `panels[2]`, for messages and for want of a better title. */
  readonly label: string;
  readonly data: SourceData;
}

const formats: Readonly<Record<string, SourceData['type']>> = {
  'orograph-spectrum/1': 'spectrum',
  'orograph-angles/1': 'angles',
  'orograph-eigenvalues/1': 'eigenvalues',
  'orograph-path/1': 'path',
  'orograph-changes/1': 'changes',
};

/** Reads an artifact's text by the format it says it has. */
export function readSource(input: string, label: string, text: string): Source {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw new UserError({
      severity: 'error',
      code: 'bad-table',
      message: `${label} is neither curves nor a table in JSON: ${(error as Error).message}`,
    });
  }
  const format = formatOf(value);
  if (format === 'orograph-curves/1')
    return { input, label, data: { type: 'curves', curves: decodeCurves(text, label) } };
  const rows = historyIn(value);
  if (rows) return { input, label, data: { type: 'history', rows } };
  const type = (format && formats[format]) || 'table';
  return { input, label, data: { type, table: value } as unknown as SourceData };
}

function historyIn(value: Json): HistoryRow[] | undefined {
  const isRow = (row: Json): row is HistoryRow =>
    typeof row === 'object' && row !== null && !Array.isArray(row) && typeof row.epoch === 'number';
  return Array.isArray(value) && value.length > 0 && value.every(isRow) ? value : undefined;
}

/** All that a source's file holds. */
function contentOf({ data }: Source): unknown {
  return data.type === 'curves' ? data.curves : data.type === 'history' ? data.rows : data.table;
}

function formatOf(value: Json): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { format } = value as JsonObject;
  return typeof format === 'string' ? format : undefined;
}

/** What was evaluated, where the source says it. */
export function subjectOf(source: Source): JsonObject {
  const { subject } = (contentOf(source) ?? {}) as { readonly subject?: JsonObject };
  return typeof subject === 'object' && subject !== null ? subject : {};
}

/** Where the numbers stand: at `values`, or, of a list and nothing else, at no place below it: ''. */
export function placeIn({ data }: Source, values: string | undefined): string | undefined {
  return values ?? (data.type === 'table' && Array.isArray(data.table) ? '' : undefined);
}

/** The numbers at a place such as `groups.0.degrees`; what is none keeps its place as null. */
export function samplesAt(source: Source, place: string): Sample[] {
  const { label } = source;
  const missing = (what: string, expected?: string): UserError =>
    new UserError({
      severity: 'error',
      code: 'no-numbers',
      message: `${label} has no numbers${place === '' ? '' : ` at "${place}"`}: ${what}`,
      ...(expected && { expected }),
    });
  let value = contentOf(source);
  for (const step of place === '' ? [] : place.split('.')) {
    if (typeof value !== 'object' || value === null)
      throw missing(`there is nothing below a ${typeof value}`);
    const next = (value as Readonly<Record<string, unknown>>)[step];
    if (next === undefined)
      throw missing(`there is no "${step}"`, `one of ${Object.keys(value).slice(0, 20).join(', ')}`);
    value = next;
  }
  const list: unknown[] = Array.isArray(value) ? value.flat() : [value];
  const samples = list.map((v): Sample => (typeof v === 'number' && Number.isFinite(v) ? v : null));
  if (samples.every((v) => v === null)) throw missing('what stands there is no list of numbers');
  return samples;
}

/** The numbers at a place, without what is none. */
export const numbersAt = (source: Source, place: string): number[] =>
  samplesAt(source, place).filter((v) => v !== null);
