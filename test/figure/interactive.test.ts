import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { layOut } from '../../src/figure/draw.ts';
import type { PlanePanel, SpacePanel } from '../../src/figure/figure.ts';
import { findInPlane as find } from '../../src/figure/interactive/find-in-plane.ts';
import { findInSpace, readableInSpace } from '../../src/figure/interactive/find-in-space.ts';
import type { Found } from '../../src/figure/interactive/found.ts';
import { figureToHtml } from '../../src/figure/interactive/html.ts';
import { readableInPlane } from '../../src/figure/interactive/samples.ts';
import { step } from '../../src/figure/interactive/steps.ts';
import { besidePointer } from '../../src/figure/interactive/tip.ts';
import { type Scale, scaleOf } from '../../src/figure/scale.ts';
import type { Box } from '../../src/figure/scene.ts';
import { projectionOf } from '../../src/figure/space/projection.ts';
import { fitSpaceScene } from '../../src/figure/space/surface.ts';
import { sceneToSvg } from '../../src/figure/svg.ts';
import { figures } from './figures.ts';

/** What a pointer finds in a panel, of whose marks some may be hidden. */
function findInPlane(
  panel: PlanePanel,
  frame: Box,
  x: Scale,
  y: Scale,
  at: readonly [number, number],
  hidden: (mark: number) => boolean = () => false,
): Found | undefined {
  const marks = readableInPlane(panel, frame, x, y);
  return find(
    marks.filter(({ mark }) => !hidden(mark)),
    at,
  );
}

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
    const found = findInPlane(panel, frame, x, y, at(curves[0]!.x[5]! + 0.004, value))!;
    expect(found.lines[0]).toBe('−g');
    expect(found.lines[1]).toBe(`λ = −0.75`);
    expect(found.lines[2]).toBe(`loss = ${Number(value.toPrecision(6))}`);
  });

  it('is no curve that is hidden, and nothing far from all of them', () => {
    const spot = at(curves[0]!.x[5]!, curves[0]!.y[5]!);
    const hidden = (mark: number): boolean => panel.marks[mark] === curves[0];
    expect(findInPlane(panel, frame, x, y, spot, hidden)?.lines[0]).not.toBe('−g');
    expect(findInPlane(panel, frame, x, y, at(-0.9, 0.2))).toBeUndefined();
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
    const found = findInPlane(one, placed.frame, placed.scales!.x, placed.scales!.y, spot)!;
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
    const find = (spot: readonly [number, number]) => findInPlane(one, frame, across, up, spot);
    expect(find([50, 2])!.lines).toEqual(['λ = 1', 'loss is not finite']);
    expect(find([50, 2])!.at).toEqual([50, 0]);
    const small = { ...one, marks: [{ type: 'line', x: [1], y: [-2.5e-7], style: 0 } as const] };
    expect(findInPlane(small, frame, across, up, [50, 100])!.lines[1]).toBe('loss = −2.5×10⁻⁷');
    // The third value stands ten points above the frame.
    expect(find([99, 1])).toBeUndefined();
  });

  it('is a bar where it is drawn, up or down, and of two that overlap the one that ends nearest', () => {
    const frame = { x: 0, y: 0, width: 100, height: 100 };
    const bars = (height: readonly (number | null)[], label: string) =>
      ({ type: 'bars', from: [0, 1], to: [1, 2], height, style: 0, label }) as const;
    const one: PlanePanel = {
      x: { label: '', scale: 'linear' },
      y: { label: 'count', scale: 'linear' },
      legend: false,
      marks: [bars([4, -4], 'a'), bars([8, null], 'b')],
    };
    const [across, up] = [scaleOf('linear', [0, 2]), scaleOf('linear', [-10, 10])];
    const find = (spot: readonly [number, number]) => findInPlane(one, frame, across, up, spot)?.lines;
    // Heights 4, 8 and -4 end at 30, 10 and 70; zero is at 50.
    expect(find([25, 32])).toEqual(['a', '0 to 1', 'count = 4']);
    expect(find([25, 45])).toEqual(['a', '0 to 1', 'count = 4']);
    expect(find([25, 15])).toEqual(['b', '0 to 1', 'count = 8']);
    expect(find([75, 60])).toEqual(['a', '1 to 2', 'count = −4']);
    for (const spot of [
      [25, 60],
      [75, 40],
      [75, 80],
      [25, 3],
    ] as const)
      expect(find(spot)).toBeUndefined();
    // On a log scale none stands below the axis.
    const log = scaleOf('log', [0.1, 100]);
    expect(findInPlane(one, frame, across, log, [75, 50])).toBeUndefined();
  });

  it('is a stroke of the rug along all of it', () => {
    const frame = { x: 0, y: 0, width: 100, height: 100 };
    const one: PlanePanel = {
      x: { label: 'eigenvalue', scale: 'linear' },
      y: { label: 'density', scale: 'linear' },
      legend: false,
      marks: [
        { type: 'line', x: [0.52], y: [0.05], style: 0 },
        { type: 'points', x: [0.5], y: [1], shape: 'tick', style: 5 },
      ],
    };
    const unit = scaleOf('linear', [0, 1]);
    const at = (x: number, y: number) => findInPlane(one, frame, unit, unit, [x, y])!.lines;
    expect(at(50, 95.5)).toEqual(['eigenvalue = 0.5']);
    expect(at(50, 99)).toEqual(['eigenvalue = 0.5']);
    expect(at(52, 95)).toEqual(['eigenvalue = 0.52', 'density = 0.05']);
  });

  it('on a surface is the sample below it', () => {
    const surface = figures.surfaces!.panels[0] as PlanePanel;
    const placed = layOut(figures.surfaces!).panels[0]!;
    const spot: [number, number] = [
      placed.frame.x + 0.51 * placed.frame.width,
      placed.frame.y + 0.26 * placed.frame.height,
    ];
    const found = findInPlane(surface, placed.frame, placed.scales!.x, placed.scales!.y, spot)!;
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

  it('in space is never a sample that something hides', () => {
    // A wall across the view: all that is behind it lies on the floor.
    const side = [0, 0.25, 0.5, 0.75, 1];
    const wall: SpacePanel = {
      kind: 'space',
      x: { label: 'a', scale: 'linear' },
      y: { label: 'b', scale: 'linear' },
      z: { label: 'loss', scale: 'linear', domain: [0, 1] },
      view: { azimuth: 0, elevation: 10 },
      surface: {
        x: side,
        y: side,
        values: side.flatMap((x) => side.map(() => (x === 0.75 ? 1 : 0))),
        map: 'viridis',
        points: [],
      },
    };
    const scene = fitSpaceScene(wall, { x: 0, y: 0, width: 300, height: 300 }, () => 10);
    const { project } = projectionOf(wall.view);
    const toPage = (x: number, y: number, z: number): readonly [number, number] => {
      const [px, py] = project([x, y, z]);
      return [scene.centre[0] + px * scene.unit, scene.centre[1] + py * scene.unit];
    };
    // Where the sample in the far corner is, the wall is seen.
    const found = findInSpace(wall, scene, wall.view, toPage(0.25, 0.5, 0))!;
    expect(found.lines[0]).toMatch(/^a = (?:0\.75|1), /u);
    // From above nothing hides it, and the middle of a large cell still tells its nearest corner.
    const above = { azimuth: 0, elevation: 89 };
    const down = projectionOf(above).project([0.1, 0.6, 0]);
    const spot = [scene.centre[0] + down[0] * scene.unit, scene.centre[1] + down[1] * scene.unit] as const;
    expect(findInSpace(wall, scene, above, spot)!.lines).toEqual(['a = 0, b = 0.5', 'loss = 0']);
    expect(findInSpace(wall, scene, wall.view, [1, 1])).toBeUndefined();
  });
});

describe('keys', () => {
  const frame = { x: 0, y: 0, width: 100, height: 100 };
  const axes = { x: { label: 'λ', scale: 'linear' }, y: { label: 'loss', scale: 'linear' } } as const;
  const [across, up] = [scaleOf('linear', [0, 2]), scaleOf('linear', [0, 1])];
  const walk = (panel: PlanePanel, keys: readonly string[]): (readonly string[] | undefined)[] => {
    const marks = readableInPlane(panel, frame, across, up);
    let at: ReturnType<typeof step>;
    return keys.map((key) => {
      at = step(marks, at?.cursor, key);
      return at?.sample.found().lines;
    });
  };

  it('go along a curve and from curve to curve, and read no sample that is not drawn', () => {
    const panel: PlanePanel = {
      ...axes,
      legend: false,
      marks: [
        // The second value stands above the frame, the third is not finite.
        { type: 'line', x: [0, 0.5, 1, 2], y: [0.1, 7, null, 0.4], style: 0, label: 'a' },
        { type: 'rule', axis: 'x', at: 1, role: 'model', label: 'θ' },
        { type: 'line', x: [5], y: [0.5], style: 1, label: 'outside' },
        { type: 'line', x: [0, 1, 1.9], y: [0.9, 0.8, 0.7], style: 2, label: 'b' },
      ],
    };
    const first = ['a', 'λ = 0', 'loss = 0.1'];
    const last = ['a', 'λ = 2', 'loss = 0.4'];
    expect(walk(panel, ['ArrowRight', 'ArrowLeft', 'ArrowRight', 'ArrowRight', 'ArrowRight'])).toEqual([
      first,
      first,
      ['a', 'λ = 1', 'loss is not finite'],
      last,
      last,
    ]);
    expect(walk(panel, ['Home', 'End', 'ArrowDown', 'ArrowDown', 'Home', 'PageUp', 'ArrowUp'])).toEqual([
      first,
      last,
      ['b', 'λ = 1.9', 'loss = 0.7'],
      ['b', 'λ = 1.9', 'loss = 0.7'],
      ['b', 'λ = 0', 'loss = 0.9'],
      first,
      first,
    ]);
    expect(walk({ ...panel, marks: panel.marks.slice(1, 3) }, ['ArrowRight'])).toEqual([undefined]);
  });

  it('go along both axes of a surface, and to the path over it', () => {
    const panel: PlanePanel = {
      ...axes,
      legend: false,
      marks: [
        {
          type: 'surface',
          form: 'heat',
          x: [0, 2],
          y: [0, 0.5, 1],
          values: [1, 2, 3, 4, null, 6],
          scale: 'linear',
          map: 'viridis',
          label: 'L',
          points: [],
        },
        { type: 'path', x: [0, 1.5], y: [0, 0.5], style: 0 },
      ],
    };
    const keys = [
      'Home',
      'ArrowDown',
      'ArrowUp',
      'ArrowRight',
      'ArrowRight',
      'ArrowUp',
      'ArrowUp',
      'PageDown',
    ];
    expect(walk(panel, keys)).toEqual([
      ['λ = 0, loss = 0', 'L = 1'],
      ['λ = 0, loss = 0', 'L = 1'],
      ['λ = 0, loss = 0.5', 'L = 2'],
      ['λ = 2, loss = 0.5', 'L = not finite'],
      ['λ = 2, loss = 0.5', 'L = not finite'],
      ['λ = 2, loss = 1', 'L = 6'],
      ['λ = 2, loss = 1', 'L = 6'],
      ['point 2 of 2', 'λ = 1.5, loss = 0.5'],
    ]);
  });

  it('call a value so that has no other name', () => {
    const axis = { label: '', scale: 'linear' } as const;
    const marks: PlanePanel['marks'] = [
      {
        type: 'surface',
        form: 'heat',
        x: [0, 1],
        y: [0, 1],
        values: [1, 2, 3, 4],
        scale: 'linear',
        map: 'viridis',
        label: '',
        points: [],
      },
    ];
    expect(walk({ x: axis, y: axis, legend: false, marks }, ['Home'])).toEqual([
      ['x = 0, y = 0', 'value = 1'],
    ]);
  });

  it('lead to samples of a surface in space where it is drawn', () => {
    const space = figures['surfaces-in-space']!.panels[3] as SpacePanel;
    const scene = fitSpaceScene(space, { x: 0, y: 0, width: 200, height: 180 }, () => 10);
    const peak = space.surface.values.indexOf(Math.max(...space.surface.values.map((v) => v ?? -9)));
    const view = { azimuth: 10, elevation: 80 };
    const { at, found } = readableInSpace(space, scene, view).sample(peak)!;
    // Nothing hides a peak from above: there a pointer finds the same.
    expect(findInSpace(space, scene, view, at)).toEqual(found());
  });
});

describe('the box beside a pointer', () => {
  it('lies inside the window, off the pointer where there is room on either side', () => {
    for (const [pointer, size, window] of [
      [0, 100, 400],
      [200, 100, 400],
      [399, 100, 400],
      [200, 190, 400],
      [100, 300, 360],
      [350, 352, 360],
    ] as const) {
      const from = besidePointer(pointer, size, window);
      expect(from).toBeGreaterThanOrEqual(4);
      expect(from + size).toBeLessThanOrEqual(window - 4);
      const room = Math.max(pointer, window - pointer) >= size + 18;
      if (room) expect(pointer < from || pointer > from + size).toBe(true);
    }
    expect(besidePointer(50, 100, 400)).toBe(64);
    expect(besidePointer(390, 100, 400)).toBe(276);
    // One that is larger than the window shows its beginning.
    expect(besidePointer(50, 500, 400)).toBe(4);
  });
});
