import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/**
 * How far a curve falls on each side of the peak at the perturbed model before it rises above that peak again; of the two
 * the smaller drop: the peak's height, 0 where there is none. The peak is where one comes by climbing from the perturbed
 * model, and near it: no further than a tenth of the way to the curve's ends.
 */
export default defineStage({
  version: 1,
  summary: 'Takes the heights of peaks at the perturbed model, over curves one after the other.',
  with: Type.Object({}, { additionalProperties: false }),
  inputs: { curves: { type: 'curves', many: true } },
  outputs: { heights: { type: 'table', extension: '.json', description: 'One a curve.' } },
  async run({ list, output }) {
    const heights: number[] = [];
    for (const { path } of list('curves')) {
      const { axes, series } = decodeCurves(await readFile(path!, 'utf8'));
      if (axes.length !== 1) throw new Error('these are surfaces, not curves');
      const at = axes[0]!.values;
      const middle = at.reduce((best, v, i) => (Math.abs(v) < Math.abs(at[best]!) ? i : best), 0);
      for (const { metrics } of series) {
        const loss = metrics.loss!;
        const peak = climbed(
          loss,
          middle,
          (v) => Math.abs(at[v]! - at[middle]!) <= 0.05 * (at.at(-1)! - at[0]!),
        );
        if (peak === undefined) {
          heights.push(0);
          continue;
        }
        const top = loss[peak]!;
        const lowest = (outward: readonly number[]): number => {
          const end = outward.findIndex((v) => v > top);
          return Math.min(...outward.slice(0, end < 0 ? undefined : end));
        };
        const sides = [lowest(loss.slice(0, peak).reverse()), lowest(loss.slice(peak + 1))];
        heights.push(top - Math.max(...sides));
      }
    }
    await writeFile(output('heights'), `${JSON.stringify(heights)}\n`);
  },
});

/** Where steps upwards from a point end; undefined where they lead too far. */
function climbed(loss: readonly number[], from: number, isNear: (at: number) => boolean): number | undefined {
  for (let at = from; isNear(at); ) {
    const next = loss[at - 1]! > loss[at + 1]! ? at - 1 : at + 1;
    if (!(loss[next]! > loss[at]!)) return at;
    at = next;
  }
  return undefined;
}

export const factTypes: FactTypes = { falls: 'boolean', first: 'number', last: 'number' };
/** `falls`: each is a smaller one than that before it, or none where there was none any more. */
export const facts: FactsOf = async ({ heights }) => {
  const list = JSON.parse(await readFile(heights!.path!, 'utf8')) as number[];
  return {
    falls:
      list[0]! > 0 && list.every((h, i) => i === 0 || h < list[i - 1]! || (h === 0 && list[i - 1] === 0)),
    first: list[0]!,
    last: list.at(-1)!,
  };
};
