import { readFile } from 'node:fs/promises';
import type { Facts } from '../../src/kind/stage-kind.ts';
import { decodeCurves } from '../../src/landscape/curves.ts';
import { classifyCurves, summarise } from '../classify/classify.ts';

/** Facts of a curves file: categories of curves, the finite extremes of surfaces. */
export async function factsOfCurves(path: string): Promise<Facts> {
  const curves = decodeCurves(await readFile(path, 'utf8'));
  const losses = curves.series.flatMap(({ metrics }) => metrics.loss!).filter(Number.isFinite);
  const smallest = losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const largest = losses.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const extremes: Facts =
    losses.length > 0 ? { 'smallest-loss': smallest, 'largest-loss': largest } : { 'smallest-loss': null };
  const work = curves.subject['multiply-adds'];
  const told: Facts = { ...extremes, ...(typeof work === 'number' ? { 'multiply-adds': work } : {}) };
  return curves.axes.length === 1 ? { ...summarise(classifyCurves(curves)), ...told } : told;
}
