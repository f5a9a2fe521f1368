import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { layOut } from '../../src/figure/draw.ts';
import type { PlanePanel, SpacePanel } from '../../src/figure/figure.ts';
import { findInPlane, findInSpace } from '../../src/figure/interactive/find.ts';
import { figureToHtml } from '../../src/figure/interactive/html.ts';
import { scaleOf } from '../../src/figure/scale.ts';
import { projectionOf } from '../../src/figure/space/projection.ts';
import { fitSpaceScene } from '../../src/figure/space/surface.ts';
import { sceneToSvg } from '../../src/figure/svg.ts';
import { figures } from './figures.ts';

const nothingHidden = (): boolean => false;

describe('an HTML figure', () => {
  it('reaches for nothing outside itself', () => {
    for (const name of ['surfaces-in-space', 'densities']) {
      const figure = figures[name]!;
      const placed = layOut(figure);
      const html = figureToHtml(figure, placed, sceneToSvg(placed.scene));
      const addresses = [...html.matchAll(/https?:\/\/[^"'\s)\\`]+/gu)].map(([address]) => address);
      // Names of XML namespaces, which nobody fetches.
      expect(new Set(addresses)).toEqual(new Set(['http://www.w3.org/2000/svg']));
      expect(html).not.toMatch(/<(?:link|img|iframe)\b|@import|url\((?!#)/u);
    }
  });

  it('holds the program that its source makes', () => {
    const script = fileURLToPath(new URL('../../scripts/build-client.mjs', import.meta.url));
    const check = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(check.stderr).toBe('');
    expect(check.status).toBe(0);
  });
});

describe('what a pointer finds', () => {
  const { panels } = figures['three-categories']!;
  const { panels: places } = layOut(figures['three-categories']!);
  const panel = panels[1] as PlanePanel;
  const { frame, scales } = places[1]!;
  const { x, y } = scales!;
  const at = (a: number, b: number): [number, number] => [
    frame.x + x.at(a) * frame.width,
    frame.y + frame.height * (1 - y.at(b)),
  ];
  const curves = panel.marks.flatMap((mark) => (mark.type === 'line' ? [mark] : []));

  it('is the nearest sample of the nearest curve, with its name and values', () => {
    const value = curves[0]!.y[5]!;
    const found = findInPlane(panel, frame, x, y, at(curves[0]!.x[5]! + 0.004, value), nothingHidden)!;
    expect(found.lines[0]).toBe('−g');
    expect(found.lines[1]).toBe(`λ = −0.75`);
    expect(found.lines[2]).toBe(`loss = ${Number(value.toPrecision(6))}`);
  });

  it('is no curve that is hidden, and nothing far from all of them', () => {
    const spot = at(curves[0]!.x[5]!, curves[0]!.y[5]!);
    const hidden = (mark: number): boolean => panel.marks[mark] === curves[0];
    expect(findInPlane(panel, frame, x, y, spot, hidden)?.lines[0]).not.toBe('−g');
    expect(findInPlane(panel, frame, x, y, at(-0.9, 0.2), nothingHidden)).toBeUndefined();
  });

  it('is a point of a parabola beside the curve, by its own name', () => {
    const index = figures.densities!.panels.findIndex(
      (one) => one.kind !== 'space' && one.marks.some((mark) => mark.type === 'segments'),
    );
    const one = figures.densities!.panels[index] as PlanePanel;
    const placed = layOut(figures.densities!).panels[index]!;
    const segments = one.marks.find((mark) => mark.type === 'segments')!;
    const { x: across, y: up } = segments.pieces[2]!;
    const spot = [
      placed.frame.x + placed.scales!.x.at(across[12]!) * placed.frame.width,
      placed.frame.y + placed.frame.height * (1 - placed.scales!.y.at(up[12]!)),
    ] as const;
    const found = findInPlane(one, placed.frame, placed.scales!.x, placed.scales!.y, spot, nothingHidden)!;
    expect(found.lines).toEqual([
      'second order',
      'λ = −0.18',
      `loss = ${Number(up[12]!.toPrecision(6))}`.replace('-', '−'),
    ]);
  });

  it('is the triangle of a value that is not finite, and nothing that the frame cuts off', () => {
    const frame = { x: 0, y: 0, width: 100, height: 100 };
    const one: PlanePanel = {
      x: { label: 'λ', scale: 'linear' },
      y: { label: 'loss', scale: 'linear' },
      legend: false,
      marks: [{ type: 'line', x: [0, 1, 2], y: [0.5, null, 1.1], style: 0 }],
    };
    const [across, up] = [scaleOf('linear', [0, 2]), scaleOf('linear', [0, 1])];
    const find = (spot: readonly [number, number]) =>
      findInPlane(one, frame, across, up, spot, nothingHidden);
    expect(find([50, 2])!.lines).toEqual(['λ = 1', 'loss is not finite']);
    expect(find([50, 2])!.at).toEqual([50, 0]);
    const small = { ...one, marks: [{ type: 'line', x: [1], y: [-2.5e-7], style: 0 } as const] };
    expect(findInPlane(small, frame, across, up, [50, 100], nothingHidden)!.lines[1]).toBe(
      'loss = −2.5×10⁻⁷',
    );
    // The third value stands ten points above the frame.
    expect(find([99, 1])).toBeUndefined();
  });

  it('on a surface is the sample below it', () => {
    const surface = figures.surfaces!.panels[0] as PlanePanel;
    const placed = layOut(figures.surfaces!).panels[0]!;
    const spot: [number, number] = [
      placed.frame.x + 0.51 * placed.frame.width,
      placed.frame.y + 0.26 * placed.frame.height,
    ];
    const found = findInPlane(
      surface,
      placed.frame,
      placed.scales!.x,
      placed.scales!.y,
      spot,
      nothingHidden,
    )!;
    // The saddle 1.2 + 3b² - a² + 0.3ab at (0, 0.5).
    expect(found.lines).toEqual(['λ1 = 0, λ2 = 0.5', 'loss = 1.95']);
  });

  it('in space is the sample in front, from wherever the reader has turned it', () => {
    const space = figures['surfaces-in-space']!.panels[3] as SpacePanel;
    const frame = { x: 0, y: 0, width: 200, height: 180 };
    const scene = fitSpaceScene(space, frame, (text, size) => 0.6 * size * text.length);
    for (const view of [space.view, { azimuth: 10, elevation: 50 }, { azimuth: 200, elevation: 80 }]) {
      const { project } = projectionOf(view);
      // A peak of the waves, which nothing hides from above.
      const k = space.surface.values.indexOf(Math.max(...space.surface.values.map((v) => v ?? -9)));
      const [i, j] = [Math.floor(k / 21), k % 21];
      const [px, py] = project([scene.field.x[i]!, scene.field.y[j]!, scene.field.z[k]!]);
      const spot: [number, number] = [scene.centre[0] + px * scene.unit, scene.centre[1] + py * scene.unit];
      const found = findInSpace(space, scene, view, spot)!;
      expect(Math.hypot(found.at[0] - spot[0], found.at[1] - spot[1])).toBeLessThan(6);
      expect(found.lines[1]).toMatch(/^loss = 0\.9/u);
    }
  });
});
