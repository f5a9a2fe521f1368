import { readFile, writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { type Curves, decodeCurves } from '../../src/landscape/curves.ts';
import type { Json } from '../../src/util/json.ts';
import { csvOf, sheetCsv } from './csv.ts';
import { distinctNames } from './names.ts';
import { npyOf } from './npy.ts';
import type { ExportParameters, Format } from './parameters.ts';
import { numeric, type Sheet, sheetsOf } from './sheets.ts';
import { vtpOf } from './vtp.ts';

/** Curves with a name that can be part of a file's name and is no other's. */
interface NamedCurves {
  readonly name: string;
  readonly curves: Curves;
}

interface NamedTable {
  readonly name: string;
  readonly sheets: readonly Sheet[];
}

export async function run(context: StageContext<ExportParameters>): Promise<void> {
  const { formats, metric } = context.params;
  const files: NamedCurves[] = [];
  for (const [i, { path, label }] of context.list('curves').entries())
    files.push({ name: `curves-${i + 1}`, curves: decodeCurves(await readFile(path!, 'utf8'), label) });
  const tables: NamedTable[] = [];
  for (const [i, { path, label }] of context.list('tables').entries()) {
    const table = tableIn(await readFile(path!, 'utf8'), label);
    const object =
      typeof table === 'object' && table !== null && !Array.isArray(table) ? table : { values: table };
    tables.push({ name: `table-${i + 1}`, sheets: sheetsOf(object) });
  }
  if (files.length === 0 && (tables.length === 0 || formats.includes('vtp')))
    throw new UserError({
      severity: 'error',
      code: 'missing-input',
      message: `${context.stage}: ${tables.length === 0 ? 'there is nothing to export: the inputs curves and tables are both missing' : 'vtp needs the input curves'}`,
    });
  for (const [done, format] of formats.entries()) {
    if (format === 'hdf5') {
      const { writeHdf5 } = await import('./hdf5.ts');
      await writeHdf5(context.output('hdf5'), files, tables);
    } else {
      const members = [
        ...files.flatMap((file) => Object.entries(membersOf(format, file, metric))),
        ...tables.flatMap((table) => Object.entries(tableMembers(format, table))),
      ];
      for (const [member, bytes] of members) await writeFile(context.output(format, member), bytes);
    }
    context.progress(done + 1, formats.length, 'formats');
  }
}

function tableIn(text: string, label: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UserError({
      severity: 'error',
      code: 'bad-table',
      message: `${label} is no table in JSON: ${(error as Error).message}`,
    });
  }
}

type Content = string | Uint8Array;

/** Files by names that no two of them share. */
function named(files: readonly (readonly [string, Content])[]): Record<string, Content> {
  const names = distinctNames(files.map(([name]) => name));
  return Object.fromEntries(files.map(([, content], i) => [names[i]!, content]));
}

/** Files of one table by their names without extension; ParaView has no use for them. */
export function tableMembers(
  format: Exclude<Format, 'hdf5'>,
  { name, sheets }: NamedTable,
): Record<string, Content> {
  if (format === 'csv') return named(sheets.map((sheet) => [`${name}-${sheet.name}`, sheetCsv(sheet)]));
  if (format === 'vtp') return {};
  return named(
    sheets.flatMap((sheet) =>
      numeric(sheet).map(
        ({ name: column, values }) =>
          [`${name}-${sheet.name}-${column.replaceAll('.', '-')}`, npyOf(values, [values.length])] as const,
      ),
    ),
  );
}

/** Files of one curves file by their names without extension. */
function membersOf(
  format: Exclude<Format, 'hdf5'>,
  { name, curves }: NamedCurves,
  metric: string,
): Record<string, Content> {
  if (format === 'csv') return { [name]: csvOf(curves) };
  if (format === 'npy') {
    const points = curves.axes.map((axis) => axis.values.length);
    return named([
      ...curves.axes.map(
        ({ values }, a) => [`${name}-axis-${a + 1}`, npyOf(values, [values.length])] as const,
      ),
      ...curves.series.flatMap(({ metrics }, s) =>
        Object.entries(metrics).map(
          ([own, values]) => [`${name}-${s + 1}-${own}`, npyOf(values, points)] as const,
        ),
      ),
    ]);
  }
  return Object.fromEntries(
    curves.series.map((series, s) => {
      if (!series.metrics[metric])
        throw new UserError({
          severity: 'error',
          code: 'unknown-metric',
          message: `the curve ${series.name} has no metric "${metric}"`,
          expected: `one of ${Object.keys(series.metrics).join(', ')}`,
        });
      return [`${name}-${s + 1}`, vtpOf(curves, series, metric)];
    }),
  );
}
