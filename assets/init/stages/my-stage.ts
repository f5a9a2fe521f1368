import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/**
 * How wide each curve's valley is: the stretch of λ around the model in which the loss stays below its value at the
 * model plus `above`. A stage kind declares its parameters, inputs and outputs; orograph checks them in every pipeline
 * before anything runs, and runs the stage again only if something that decides its result has changed: this code
 * counts, its comments and white space do not.
 */
export default defineStage({
  version: 1,
  summary: 'Measures how wide the valley of each curve is.',
  with: Type.Object(
    {
      above: Type.Number({
        default: 0.5,
        exclusiveMinimum: 0,
        description: 'How far the loss may rise above its value at the model.',
      }),
    },
    { additionalProperties: false },
  ),
  inputs: { curves: { type: 'curves', description: 'Curves over one axis.' } },
  outputs: { widths: { type: 'table', extension: '.json', description: 'One row a curve.' } },
  async run(context) {
    const { axes, series } = decodeCurves(await readFile(context.input('curves').path!, 'utf8'));
    const lambda = axes[0]!.values;
    const model = nearest(lambda, 0);
    const rows = series.map(({ name, metrics }) => {
      const loss = metrics.loss!;
      const inside = (i: number) =>
        i >= 0 && i < loss.length && loss[i]! <= loss[model]! + context.params.above;
      let [left, right] = [model, model];
      while (inside(left - 1)) left--;
      while (inside(right + 1)) right++;
      return { curve: name, from: lambda[left]!, to: lambda[right]!, width: lambda[right]! - lambda[left]! };
    });
    await writeFile(context.output('widths'), `${JSON.stringify(rows, null, 1)}\n`);
  },
});

/** Small results for the end of a run and for `expect:`. Changing them runs nothing again. */
export const factTypes: FactTypes = { 'mean-width': 'number' };
export const facts: FactsOf = async (outputs) => {
  const rows = JSON.parse(await readFile(outputs.widths!.path!, 'utf8')) as { width: number }[];
  return { 'mean-width': rows.reduce((sum, { width }) => sum + width, 0) / rows.length };
};

function nearest(values: readonly number[], target: number): number {
  return values.reduce(
    (best, value, i) => (Math.abs(value - target) < Math.abs(values[best]! - target) ? i : best),
    0,
  );
}
