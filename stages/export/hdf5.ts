import h5wasm from 'h5wasm/node';
import type { Curves } from '../../src/landscape/curves.ts';
import { distinctNames } from './names.ts';
import { numeric, type Sheet } from './sheets.ts';

/**
 * Curves files as groups of one HDF5 file: the axes as `axis-1`, `axis-2`, each direction a group with its metrics as
 * float64 arrays over the grid, names and marks as attributes. Tables are groups of sheets, whose columns of numbers are
 * float64 arrays; others are attributes that hold JSON.
 * @param path is written; the same bytes for the same curves.
 */
export async function writeHdf5(
  path: string,
  files: readonly { readonly name: string; readonly curves: Curves }[],
  tables: readonly { readonly name: string; readonly sheets: readonly Sheet[] }[] = [],
): Promise<void> {
  await h5wasm.ready;
  // HDF5 notes the time of every object it makes, and its WebAssembly build has no switch for that.
  const { now } = Date;
  Date.now = () => 0;
  try {
    write(path, files, tables);
  } finally {
    Date.now = now;
  }
}

function write(
  path: string,
  files: readonly { readonly name: string; readonly curves: Curves }[],
  tables: readonly { readonly name: string; readonly sheets: readonly Sheet[] }[],
): void {
  const file = new h5wasm.File(path, 'w', {});
  const float64 = (values: readonly number[], shape: number[]) => ({
    data: new Float64Array(values),
    shape,
    dtype: '<d',
  });
  for (const { name, curves } of files) {
    const group = file.create_group(name);
    group.create_attribute('classes', curves.classes ?? 0);
    group.create_attribute('subject', JSON.stringify(curves.subject));
    curves.axes.forEach(({ label, values, marks }, a) => {
      const axis = group.create_dataset({ name: `axis-${a + 1}`, ...float64(values, [values.length]) });
      axis.create_attribute('label', label);
      axis.create_attribute('marks', JSON.stringify(marks));
    });
    const shape = curves.axes.map(({ values }) => values.length);
    curves.series.forEach((series, s) => {
      const own = group.create_group(`${s + 1}`);
      own.create_attribute('name', series.name);
      own.create_attribute('direction', series.direction);
      const metrics = distinctNames(Object.keys(series.metrics));
      Object.values(series.metrics).forEach((values, m) => {
        own.create_dataset({ name: metrics[m]!, ...float64(values, [...shape]) });
      });
    });
  }
  for (const { name, sheets } of tables) {
    const group = file.create_group(name);
    for (const sheet of sheets) {
      const own = group.create_group(sheet.name);
      const numbers = new Map(numeric(sheet).map((column) => [column.name, column.values]));
      const names = distinctNames(sheet.columns.map((column) => column.name));
      sheet.columns.forEach((column, c) => {
        const values = numbers.get(column.name);
        if (values) own.create_dataset({ name: names[c]!, ...float64(values, [values.length]) });
        else own.create_attribute(names[c]!, JSON.stringify(column.values));
      });
    }
  }
  file.flush();
  file.close();
}
