import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** Whether losses fall all along curves. */
export default defineStage({
  version: 1,
  summary: 'Says whether the loss falls from each point of a curve to the next.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { curves: { type: 'curves', many: true } },
  outputs: { falling: { type: 'table', extension: '.json' } },
  async run({ list, output }) {
    const rises: number[] = [];
    for (const { path } of list('curves'))
      for (const { metrics } of decodeCurves(await readFile(path!, 'utf8')).series) {
        const loss = metrics.loss!;
        rises.push(loss.filter((value, i) => i > 0 && !(value < loss[i - 1]!)).length);
      }
    await writeFile(output('falling'), `${JSON.stringify(rises)}\n`);
  },
});

/** `rises`: steps that do not fall, over all curves. */
export const factTypes: FactTypes = { falls: 'boolean', rises: 'number' };
export const facts: FactsOf = async ({ falling }) => {
  const list = JSON.parse(await readFile(falling!.path!, 'utf8')) as number[];
  const rises = list.reduce((a, b) => a + b, 0);
  return { falls: rises === 0, rises };
};
