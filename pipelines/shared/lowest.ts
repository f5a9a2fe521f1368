import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** The smallest losses on surfaces. */
export default defineStage({
  version: 1,
  summary: 'Takes the smallest loss of each surface, one after the other.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { surfaces: { type: 'curves', many: true } },
  outputs: { lowest: { type: 'table', extension: '.json', description: 'One a surface.' } },
  async run({ list, output }) {
    const lowest: number[] = [];
    for (const { path } of list('surfaces'))
      for (const { metrics } of decodeCurves(await readFile(path!, 'utf8')).series) {
        const finite = metrics.loss!.filter(Number.isFinite);
        if (finite.length === 0) throw new Error('no loss of the surface is finite');
        lowest.push(finite.reduce((a, b) => Math.min(a, b)));
      }
    await writeFile(output('lowest'), `${JSON.stringify(lowest)}\n`);
  },
});

/** `falls`: each is lower than the one before. */
export const factTypes: FactTypes = { falls: 'boolean', first: 'number', last: 'number' };
export const facts: FactsOf = async ({ lowest }) => {
  const list = JSON.parse(await readFile(lowest!.path!, 'utf8')) as number[];
  return { falls: list.every((v, i) => i === 0 || v < list[i - 1]!), first: list[0]!, last: list.at(-1)! };
};
