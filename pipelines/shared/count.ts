import { readFile, writeFile } from 'node:fs/promises';
import { defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** How many curves are of a category. */
export default defineStage({
  version: 1,
  summary: 'Counts the curves of a category.',
  with: Type.Object({ category: Type.String() }, { additionalProperties: false }),
  inputs: { categories: { type: 'categories', many: true } },
  outputs: { count: { type: 'table', extension: '.json' } },
  async run({ params, list, output }) {
    let [count, of] = [0, 0];
    for (const { path } of list('categories')) {
      const { series } = JSON.parse(await readFile(path!, 'utf8')) as { series: { category: string }[] };
      count += series.filter(({ category }) => category === params.category).length;
      of += series.length;
    }
    await writeFile(output('count'), `${JSON.stringify({ count, of })}\n`);
  },
});

export const factTypes: FactTypes = { count: 'number', of: 'number' };
export const facts: FactsOf = async ({ count }) =>
  JSON.parse(await readFile(count!.path!, 'utf8')) as { count: number; of: number };
