import { escapeXml } from '../../src/figure/svg.ts';
import type { Curves, Series } from '../../src/landscape/curves.ts';

/**
 * One direction or pair of directions as VTK PolyData in XML (VTK file formats, "PolyData"): a surface of quadrilaterals
 * over (λ₁, λ₂), or a line over λ, with the metric as height and every metric as point data. Text, so that it can be
 * read anywhere. Where the height is not finite there is no cell, and the point lies at height 0.
 */
export function vtpOf({ axes }: Curves, { metrics, name }: Series, metric: string): string {
  const [x, y] = axes;
  const heights = metrics[metric]!;
  const [nx, ny] = [x!.values.length, y?.values.length ?? 1];
  const points = heights.map((height, k) => {
    const [i, j] = [Math.floor(k / ny), k % ny];
    return `${x!.values[i]} ${y ? y.values[j] : 0} ${Number.isFinite(height) ? height : 0}`;
  });
  const cells: number[][] = [];
  for (let i = 0; i + 1 < nx; i++) {
    if (!y) cells.push([i, i + 1]);
    for (let j = 0; j + 1 < ny; j++) {
      const at = i * ny + j;
      cells.push([at, at + ny, at + ny + 1, at + 1]);
    }
  }
  const whole = cells.filter((cell) => cell.every((k) => Number.isFinite(heights[k]!)));
  const ends = whole.map((_, c) => (c + 1) * (y ? 4 : 2));
  const [lines, polys] = y ? [0, whole.length] : [whole.length, 0];
  const element = y ? 'Polys' : 'Lines';
  const data = Object.entries(metrics).map(([own, values]) =>
    array('Float64', own, values.map((v) => (Number.isFinite(v) ? String(v) : 'nan')).join(' ')),
  );
  return `<?xml version="1.0"?>
<!-- ${name.replaceAll(/-(?=-)/gu, '- ')} -->
<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian">
<PolyData>
<Piece NumberOfPoints="${points.length}" NumberOfVerts="0" NumberOfLines="${lines}" NumberOfStrips="0" NumberOfPolys="${polys}">
<PointData Scalars="${escapeXml(metric)}">
${data.join('\n')}
</PointData>
<Points>
${array('Float64', 'Points', points.join('\n'), 3)}
</Points>
<${element}>
${array('Int64', 'connectivity', whole.map((cell) => cell.join(' ')).join('\n'))}
${array('Int64', 'offsets', ends.join(' '))}
</${element}>
</Piece>
</PolyData>
</VTKFile>
`;
}

const array = (type: string, name: string, text: string, components = 1): string =>
  `<DataArray type="${type}" Name="${escapeXml(name)}"${components > 1 ? ` NumberOfComponents="${components}"` : ''} format="ascii">\n${text}\n</DataArray>`;
