import { readFile, writeFile } from 'node:fs/promises';
import Type from 'typebox';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { defineStage, type FactsOf } from '../../src/kind/stage-kind.ts';
import { decodeCurves } from '../../src/landscape/curves.ts';
import { classifyCurves, summarise } from './classify.ts';
import { summaryTypes } from './fact-types.ts';

type Rows = ReturnType<typeof classifyCurves>;

export default defineStage({
  version: 1,
  summary: 'Names the category of each curve and counts its stationary points.',
  with: Type.Object(
    {
      noise: Type.Number({
        default: 0,
        minimum: 0,
        maximum: 1e9,
        description:
          'Standard deviation of the loss from one grid point to the next: 0 where all points use the same images.',
      }),
    },
    { additionalProperties: false },
  ),
  inputs: { curves: { type: 'curves', many: true, description: 'Curves, not surfaces.' } },
  outputs: {
    categories: {
      type: 'categories',
      extension: '.json',
      description: 'One row a curve, over all inputs in their order.',
    },
  },
  run: async (context) => {
    const series: Rows = [];
    for (const { path, label } of context.list('curves')) {
      const rows = classifyCurves(decodeCurves(await readFile(path!, 'utf8'), label), context.params.noise);
      if (rows.length === 0)
        throw new UserError({
          severity: 'error',
          code: 'no-curves',
          message: `${context.stage}: the input ${label} holds surfaces; only curves have a category`,
        });
      series.push(...rows);
    }
    const file = { format: 'orograph-categories/1', series };
    await writeFile(context.output('categories'), `${JSON.stringify(file, null, 1)}\n`);
  },
});

/** What the curves have in common: one category or `mixed`, how many of each, the mean raw count. */
export const factTypes = /* @__PURE__ */ summaryTypes();
export const facts: FactsOf = async (outputs) => {
  const { series } = JSON.parse(await readFile(outputs.categories!.path!, 'utf8')) as { series: Rows };
  return summarise(series);
};
