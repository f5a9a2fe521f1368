import { readFile, writeFile } from 'node:fs/promises';
import { defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** Mean sizes of a direction's cosines with N.E. and with P.E. */
export default defineStage({
  version: 1,
  summary: 'Compares the cosines of a direction with eigenvectors of negative and of positive eigenvalues.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: {
    angles: { type: 'table', description: 'Of one direction against as many N.E. as P.E., in this order.' },
  },
  outputs: { sides: { type: 'table', extension: '.json' } },
  async run({ input, output }) {
    const { given } = JSON.parse(await readFile(input('angles').path!, 'utf8')) as {
      given: { cosines: number[][] } | null;
    };
    const cosines = given?.cosines[0] ?? [];
    if (cosines.length === 0 || cosines.length % 2 !== 0)
      throw new Error(`these are ${cosines.length} cosines, not as many with N.E. as with P.E.`);
    const half = cosines.length / 2;
    const mean = (list: readonly number[]): number => list.reduce((sum, c) => sum + Math.abs(c), 0) / half;
    const sides = { negative: mean(cosines.slice(0, half)), positive: mean(cosines.slice(half)) };
    await writeFile(output('sides'), `${JSON.stringify(sides)}\n`);
  },
});

/** `larger`: that with N.E. is. */
export const factTypes: FactTypes = { negative: 'number', positive: 'number', larger: 'boolean' };
export const facts: FactsOf = async ({ sides }) => {
  const means = JSON.parse(await readFile(sides!.path!, 'utf8')) as { negative: number; positive: number };
  return { ...means, larger: means.negative > means.positive };
};
