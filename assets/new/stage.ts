import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/**
 * {{name}}: the lowest loss of each curve, and where it is. Replace it by what you need; what you declare here is checked
 * in every pipeline that uses it, before anything runs.
 */
export default defineStage({
  // Raise it when results change for a reason that this code does not show.
  version: 1,
  summary: 'Finds the lowest point of each curve.',
  with: Type.Object(
    {
      metric: Type.String({ default: 'loss', description: 'Which of the metrics of the curves.' }),
    },
    { additionalProperties: false },
  ),
  inputs: { curves: { type: 'curves', many: true, description: 'Curves over one axis.' } },
  outputs: { minima: { type: 'table', extension: '.json', description: 'One row a curve.' } },
  async run(context) {
    const rows = [];
    const inputs = context.list('curves');
    for (const [done, { path, label }] of inputs.entries()) {
      const { axes, series } = decodeCurves(await readFile(path!, 'utf8'));
      for (const { name, metrics } of series) {
        const values = metrics[context.params.metric];
        if (!values) throw new Error(`${label} has no metric ${context.params.metric}`);
        const at = values.reduce((best, value, i) => (value < values[best]! ? i : best), 0);
        rows.push({ input: label, curve: name, lambda: axes[0]!.values[at]!, value: values[at]! });
      }
      context.progress(done + 1, inputs.length, 'inputs');
    }
    await writeFile(context.output('minima'), `${JSON.stringify(rows, null, 1)}\n`);
  },
});

/** Small results for the end of a run and for `expect:`. Changing them runs nothing again. */
export const factTypes: FactTypes = { lowest: 'number' };
export const facts: FactsOf = async (outputs) => {
  const rows = JSON.parse(await readFile(outputs.minima!.path!, 'utf8')) as { value: number }[];
  return { lowest: Math.min(...rows.map(({ value }) => value)) };
};
