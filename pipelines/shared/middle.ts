import { readFile, writeFile } from 'node:fs/promises';
import { decodeCurves, defineStage, type FactsOf, type FactTypes, Type } from 'orograph';

/** What the middle of a surface is like: the values on the two axes through it, one step to each side. */
export default defineStage({
  version: 2,
  summary: 'Says of surfaces whether their middle is a bowl, a hill or a saddle.',
  with: Type.Object(
    {
      scale: Type.Tuple([Type.Number({ exclusiveMinimum: 0 }), Type.Number({ exclusiveMinimum: 0 })], {
        default: [1, 1],
        description: 'That of the surface, [x, y]: curvatures are along the directions as long as they are.',
      }),
    },
    { additionalProperties: false },
  ),
  inputs: { surface: { type: 'curves' } },
  outputs: { bends: { type: 'table', extension: '.json', description: 'Curvatures along x and y.' } },
  async run({ params, input, output }) {
    const { axes, series } = decodeCurves(await readFile(input('surface').path!, 'utf8'));
    if (axes.length !== 2) throw new Error('these are curves, not surfaces');
    const [columns, rows] = axes.map(({ values }) => values.length) as [number, number];
    if (columns < 3 || columns % 2 === 0 || rows < 3 || rows % 2 === 0)
      throw new Error(
        `a surface of ${columns}x${rows} points has none in its middle with neighbours: both numbers have to be odd, 3 or more`,
      );
    const [i, k] = [(columns - 1) / 2, (rows - 1) / 2];
    const step = axes.map(({ values }, n) => (values[1]! - values[0]!) * params.scale[n]!) as [
      number,
      number,
    ];
    const bends = series.map(({ metrics }) => {
      const at = (column: number, row: number): number => metrics.loss![column * rows + row]!;
      const across = (before: number, after: number): number => before - 2 * at(i, k) + after;
      const pair = [
        across(at(i - 1, k), at(i + 1, k)) / step[0] ** 2,
        across(at(i, k - 1), at(i, k + 1)) / step[1] ** 2,
      ];
      if (!pair.every(Number.isFinite))
        throw new Error('losses about the middle of the surface are not finite: its scale is too large');
      return pair;
    });
    await writeFile(output('bends'), `${JSON.stringify(bends)}\n`);
  },
});

/** `weaker`: the axis along which the curvature is the smaller one in size. */
export const factTypes: FactTypes = {
  shape: ['bowl', 'hill', 'saddle', 'other'],
  'along-x': 'number',
  'along-y': 'number',
  weaker: ['x', 'y'],
};
export const facts: FactsOf = async ({ bends }) => {
  const [[x, y]] = JSON.parse(await readFile(bends!.path!, 'utf8')) as [[number, number]];
  const shape = x > 0 && y > 0 ? 'bowl' : x < 0 && y < 0 ? 'hill' : x * y < 0 ? 'saddle' : 'other';
  return { shape, 'along-x': x, 'along-y': y, weaker: Math.abs(x) < Math.abs(y) ? 'x' : 'y' };
};
