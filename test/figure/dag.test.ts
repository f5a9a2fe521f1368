import { describe, expect, it } from 'vitest';
import { type Dag, drawDag } from '../../src/figure/dag.ts';
import { sparkline, terminalPlot } from '../../src/figure/sparkline.ts';
import { expectFigure } from './snapshot.ts';

const dag: Dag = {
  nodes: [
    { id: 'm1', label: 'model[seed=1]', layer: 0, status: 'cached' },
    { id: 'm2', label: 'model[seed=2]', layer: 0, status: 'cached' },
    { id: 'gaussians', label: 'gaussians', layer: 1, status: 'cached' },
    { id: 'towards', label: 'towards', layer: 1, status: 'will-run' },
    { id: 'basin', label: 'basin', layer: 2, status: 'will-run' },
    { id: 'double', label: 'double $ & more', layer: 2, status: 'failed' },
    { id: 'figure', label: 'figure', layer: 3 },
  ],
  edges: [
    ['m1', 'gaussians'],
    ['m1', 'towards'],
    ['m2', 'towards'],
    ['m1', 'basin'],
    ['gaussians', 'basin'],
    ['m1', 'double'],
    ['towards', 'double'],
    ['basin', 'figure'],
    ['double', 'figure'],
  ],
};

describe('the drawing of a graph', () => {
  it('is as it was when it was last looked at', () => {
    expectFigure('dag', drawDag(dag));
  });

  it('puts every box in its layer, apart from the others', () => {
    const many: Dag = {
      nodes: Array.from({ length: 60 }, (_, i) => ({ id: `n${i}`, label: `stage ${i}`, layer: i % 4 })),
      edges: Array.from({ length: 60 }, (_, i): [string, string] => [`n${i}`, `n${(i * 7 + 1) % 60}`]).filter(
        ([a, b]) => Number(a.slice(1)) % 4 < Number(b.slice(1)) % 4,
      ),
    };
    const places = [...drawDag(many).matchAll(/<text x="([\d.]+)" y="([\d.]+)"/gu)].map(
      ([, x, y]) => [Number(x), Number(y)] as const,
    );
    expect(places).toHaveLength(60);
    expect(new Set(places.map(([x]) => x)).size).toBe(4);
    for (const [x] of places) {
      const column = places.filter(([other]) => other === x).map(([, y]) => y);
      column.sort((a, b) => a - b);
      column.slice(1).forEach((y, i) => {
        expect(y - column[i]!).toBeGreaterThanOrEqual(25.9);
      });
    }
  });

  it('of nothing is an empty page', () => {
    expect(drawDag({ nodes: [], edges: [] })).toMatch(/^<svg [^>]*width="\d+pt"/u);
  });
});

describe('plots for a terminal', () => {
  it('show a series as bars from its lowest to its highest value', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
  });

  it('show what is not finite as a dot and a constant in the middle', () => {
    expect(sparkline([1, Number.NaN, 1])).toBe('▅·▅');
  });

  it('average long series into the width', () => {
    expect(sparkline([0, 0, 7, 7], 2)).toBe('▁█');
  });

  it('draw a falling line from the upper left to the lower right in braille', () => {
    expect(terminalPlot([0, 1], [1, 0], { columns: 4, rows: 2 })).toEqual(['1 ┤⠑⢄', '0 ┤  ⠑⢄']);
  });

  it('leave gaps where values are not finite', () => {
    const [only] = terminalPlot([0, 1, 2], [1, Number.NaN, 1], { columns: 3, rows: 1 });
    expect(only).toMatch(/^1 ┤\S {1}\S$/u);
  });
});
