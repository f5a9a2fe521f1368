import { readFile, writeFile } from 'node:fs/promises';
import { defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** What stands at a place such as `groups.0.degrees` of a table: a number, or a list of them. */
function numbersAt(table: unknown, place: string): number[] {
  let found = table;
  for (const name of place.split('.'))
    found =
      typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined;
  const list = Array.isArray(found) ? found : [found];
  if (list.length === 0 || !list.every((value) => typeof value === 'number'))
    throw new Error(`there are no numbers at "${place}"`);
  return list;
}

/** Numbers of tables, one table after the other, so that what the paper says of them can be expected. */
export default defineStage({
  version: 1,
  summary:
    'Takes numbers out of tables: their range, their mean, and whether their sizes fall from table to table.',
  with: Type.Object(
    { at: Type.String({ description: 'Where they stand: groups.0.degrees.' }) },
    { additionalProperties: false },
  ),
  inputs: { tables: { type: 'table', many: true } },
  outputs: { numbers: { type: 'table', extension: '.json' } },
  async run({ params, list, output }) {
    const numbers: number[] = [];
    for (const { path } of list('tables'))
      numbers.push(...numbersAt(JSON.parse(await readFile(path!, 'utf8')), params.at));
    await writeFile(output('numbers'), `${JSON.stringify(numbers)}\n`);
  },
});

export const factTypes: FactTypes = {
  smallest: 'number',
  largest: 'number',
  mean: 'number',
  'sizes-fall': 'boolean',
};
export const facts: FactsOf = async ({ numbers }) => {
  const list = JSON.parse(await readFile(numbers!.path!, 'utf8')) as number[];
  return {
    smallest: list.reduce((a, b) => Math.min(a, b)),
    largest: list.reduce((a, b) => Math.max(a, b)),
    mean: list.reduce((a, b) => a + b, 0) / list.length,
    'sizes-fall': list.every((value, i) => i === 0 || Math.abs(value) < Math.abs(list[i - 1]!)),
  };
};
