/** Reads curves, measures their valleys (`valley.ts`) and writes numbers and profiles. It knows no networks and no data. */
import { readFile, writeFile } from 'node:fs/promises';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { type Curves, decodeCurves, encodeCurves, type Series } from '../../src/landscape/curves.ts';
import type { JsonObject } from '../../src/util/json.ts';
import type { AsymmetryParameters } from './parameters.ts';
import type { AsymmetryRow, AsymmetryTable } from './table.ts';
import {
  asymmetryOf,
  bottomOf,
  distancesOf,
  lossAt,
  reachFrom,
  type Sampled,
  shiftedLoss,
  shiftGap,
} from './valley.ts';

type Context = StageContext<AsymmetryParameters>;

/** A curve with the distances that all curves of the stage are measured over. */
interface Valley {
  readonly series: Series;
  readonly curve: Sampled;
  readonly bottom: number;
  readonly reach: number;
}

export async function run(context: Context): Promise<void> {
  const { params } = context;
  const curves = await read(context, 'curves');
  const other = context.list('other').length > 0 ? await read(context, 'other') : undefined;
  const valleys = curves.series.map((series) => valleyOf(context, curves, series));
  const reach = Math.min(...valleys.map((valley) => valley.reach));
  const to = params.to ?? reach;
  if (to > reach * (1 + 1e-9) || to <= params.from)
    throw new UserError({
      severity: 'error',
      code: 'curve-too-short',
      message: `${context.stage}: slopes are asked for between the distances ${params.from} and ${to}; both sides of every curve go up to ${reach}`,
      hint: 'evaluate a wider range, or lower `to`',
    });
  const size = params.shift ?? to / 2;
  if (size >= reach)
    throw new UserError({
      severity: 'error',
      code: 'curve-too-short',
      message: `${context.stage}: a shift of ${size} leaves nothing of curves that go up to ${reach} on both sides`,
    });
  const rows = valleys.map((valley) => rowOf(context, valley, { to, size, other }));
  const subject = curves.subject as JsonObject;
  const table: AsymmetryTable = { format: 'orograph-asymmetry/1', series: rows, subject };
  await writeFile(context.output('asymmetry'), `${JSON.stringify(table, null, 1)}\n`);
  await writeFile(context.output('profiles'), encodeCurves(profilesOf(curves, valleys, reach)));
  await writeFile(context.output('shifted'), encodeCurves(shiftedCurves(curves, valleys, reach, size)));
}

async function read(context: Context, input: string): Promise<Curves> {
  const { path, label } = context.input(input);
  const curves = decodeCurves(await readFile(path!, 'utf8'), label);
  if (curves.axes.length !== 1)
    throw new UserError({
      severity: 'error',
      code: 'no-curves',
      message: `${context.stage}: the input ${label} holds surfaces; only curves have two sides`,
    });
  return curves;
}

function valleyOf(context: Context, { axes }: Curves, series: Series): Valley {
  const curve = { lambdas: axes[0]!.values, losses: series.metrics.loss! };
  const bottom = context.params.bottom === 'model' ? 0 : bottomOf(curve);
  const reach = bottom === undefined ? 0 : reachFrom(curve, bottom);
  if (bottom === undefined || !(reach > 0) || !Number.isFinite(lossAt(curve, bottom)))
    throw new UserError({
      severity: 'error',
      code: 'curve-too-short',
      message: `${context.stage}: the curve "${series.name}" has no finite losses on both sides of ${bottom === undefined ? 'a minimum' : `λ = ${bottom}`}`,
      hint: 'a valley needs samples on both sides of its bottom: evaluate a wider range, or take a direction that rises on both sides',
    });
  return { series, curve, bottom, reach };
}

function rowOf(
  context: Context,
  { series, curve, bottom, reach }: Valley,
  { to, size, other }: { to: number; size: number; other: Curves | undefined },
): AsymmetryRow {
  const { from } = context.params;
  const { flat, positive, negative, ratio, p, c, holds } = asymmetryOf(curve, bottom, from, to);
  const towardsFlat = flat === 'positive' ? 1 : -1;
  const expected = (bias: number): number => shiftedLoss(curve, bottom, towardsFlat * bias, size);
  const biases = biasesOf(curve, bottom, reach - size);
  const bias = biases.reduce((best, one) => (expected(one) < expected(best) ? one : best), 0);
  return {
    name: series.name,
    direction: series.direction,
    bottom,
    loss: lossAt(curve, bottom),
    from,
    to,
    flat,
    positive,
    negative,
    ratio: Number.isFinite(ratio) ? ratio : null,
    p,
    c,
    asymmetric: holds,
    shift: { size, bias, 'loss-at-bottom': expected(0), 'loss-at-bias': expected(bias) },
    gap: other ? gapOf(context, other, series, curve, bottom) : null,
  };
}

function gapOf(
  context: Context,
  other: Curves,
  { name }: Series,
  curve: Sampled,
  bottom: number,
): AsymmetryRow['gap'] {
  const found = other.series.find((one) => one.name === name);
  if (!found)
    throw new UserError({
      severity: 'error',
      code: 'curves-differ',
      message: `${context.stage}: the input other has no curve "${name}"`,
      expected: `one of ${other.series.map((one) => one.name).join(', ')}`,
    });
  const against = { lambdas: other.axes[0]!.values, losses: found.metrics.loss! };
  const reach = Math.min(reachFrom(curve, bottom), reachFrom(against, bottom));
  if (!(reach > 0) || !Number.isFinite(lossAt(against, bottom)))
    throw new UserError({
      severity: 'error',
      code: 'curves-differ',
      message: `${context.stage}: the curve "${name}" of the input other has no finite losses around λ = ${bottom}`,
      hint: 'evaluate both over the same range',
    });
  return { ...shiftGap(curve, against, bottom, reach / 2, reach / 2), bottom: bottomOf(against)! };
}

/** Places on both sides of the bottom, 0 among them, ascending. */
function biasesOf(curve: Sampled, bottom: number, reach: number): number[] {
  const distances = distancesOf(curve, bottom, reach);
  return [
    ...distances
      .slice(1)
      .map((distance) => -distance)
      .reverse(),
    ...distances,
  ];
}

/** The two sides of every curve over the distances that all of them have. */
function profilesOf(curves: Curves, valleys: readonly Valley[], reach: number): Curves {
  const values = gridOf(valleys, (curve, bottom) => distancesOf(curve, bottom, reach));
  const series = valleys.flatMap(({ series, curve, bottom }) =>
    (['positive', 'negative'] as const).map((side) => ({
      name: valleys.length === 1 ? `${side} side` : `${series.name}, ${side} side`,
      direction: series.direction,
      metrics: { loss: values.map((d) => lossAt(curve, bottom + (side === 'positive' ? d : -d))) },
    })),
  );
  return { ...curves, axes: [{ label: 'distance', values, marks: [] }], series };
}

/** S(b) of every curve; b is along the direction, not towards the flat side. */
function shiftedCurves(curves: Curves, valleys: readonly Valley[], reach: number, size: number): Curves {
  const values = gridOf(valleys, (curve, bottom) => biasesOf(curve, bottom, reach - size));
  const series = valleys.map(({ series, curve, bottom }) => ({
    name: series.name,
    direction: series.direction,
    metrics: { loss: values.map((bias) => shiftedLoss(curve, bottom, bias, size)) },
  }));
  const marks = [{ at: 0, role: 'model' as const, label: 'bottom' }];
  return { ...curves, axes: [{ label: 'bias', values, marks }], series };
}

/** All places that one of the valleys has, ascending, each once. */
function gridOf(valleys: readonly Valley[], places: (curve: Sampled, bottom: number) => number[]): number[] {
  const all = valleys.flatMap(({ curve, bottom }) => places(curve, bottom)).sort((a, b) => a - b);
  const width = all.at(-1)! - all[0]!;
  return all.filter((value, i) => i === 0 || value - all[i - 1]! > 1e-9 * width);
}
