import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** By how much losses on the way between two ends of a curve exceed the larger of the ends; 0 where none does. */
export default defineStage({
  version: 1,
  summary: 'Takes the barriers of curves, one after the other.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { curves: { type: 'curves', many: true } },
  outputs: { barriers: { type: 'table', extension: '.json', description: 'One a curve.' } },
  async run({ list, output }) {
    const barriers: number[] = [];
    for (const { path } of list('curves'))
      for (const { metrics } of decodeCurves(await readFile(path!, 'utf8')).series) {
        const loss = metrics.loss!;
        if (!loss.every(Number.isFinite)) throw new Error('losses on the way are not finite');
        barriers.push(Math.max(...loss) - Math.max(loss[0]!, loss.at(-1)!));
      }
    await writeFile(output('barriers'), `${JSON.stringify(barriers)}\n`);
  },
});

/** `falls`: each is lower than the one before. */
export const factTypes: FactTypes = { falls: 'boolean', first: 'number', last: 'number' };
export const facts: FactsOf = async ({ barriers }) => {
  const list = JSON.parse(await readFile(barriers!.path!, 'utf8')) as number[];
  return { falls: list.every((b, i) => i === 0 || b < list[i - 1]!), first: list[0]!, last: list.at(-1)! };
};
