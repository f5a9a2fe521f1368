import { describe, expect, it } from 'vitest';
import { layOut } from '../../src/figure/draw.ts';
import type { Figure, LineMark, Panel, PlanePanel } from '../../src/figure/figure.ts';
import type { PlacedPanel } from '../../src/figure/fitted.ts';
import { figureToHtml } from '../../src/figure/interactive/html.ts';
import { panelNames } from '../../src/figure/interactive/names.ts';
import { stampHtml } from '../../src/figure/stamp/html.ts';
import { sceneToSvg } from '../../src/figure/svg.ts';
import { figures } from './figures.ts';
import { Page } from './page.ts';

const provenance = {
  pipeline: 'p',
  stage: 'figure',
  orograph: '0.1.0',
  sources: [{ path: 'p.yaml', text: 'pipeline: p </script>' }],
  stages: [
    { id: 'curve[seed=1]', kind: 'evaluate', key: 'a'.repeat(64), inputs: {} },
    { id: 'figure', kind: 'render', key: 'b'.repeat(64), inputs: { panels: [{ label: 'curve.curves' }] } },
  ],
};

function opened(figure: Figure, stamp?: object): Page {
  const placed = layOut(figure);
  const html = figureToHtml(figure, placed, sceneToSvg(placed.scene));
  return new Page(stamp ? stampHtml(Buffer.from(html), JSON.stringify(stamp)).toString() : html);
}

const curveOf = (panel: Panel): LineMark =>
  (panel as PlanePanel).marks.find((mark): mark is LineMark => mark.type === 'line')!;

/** Where a placed panel has the samples of a curve. */
const spotsOf =
  ({ frame, scales }: PlacedPanel) =>
  (curve: LineMark, i: number): readonly [number, number] => [
    frame.x + scales!.x.at(curve.x[i]!) * frame.width,
    frame.y + frame.height * (1 - scales!.y.at(curve.y[i]!)),
  ];

describe('the program of an HTML figure, run', () => {
  const space = figures['surfaces-in-space']!;
  const index = space.panels.findIndex(({ kind }) => kind === 'space');
  const { frame } = layOut(space).panels[index]!;
  const middle = [frame.x + frame.width / 2, frame.y + frame.height / 2] as const;
  const surface = (page: Page): string => page.svg.querySelectorAll('[data-part=space]')[0]!.innerHTML;

  it('turns a surface while it is held, and only then', () => {
    const page = opened(space);
    const drawn = surface(page);
    const [x, y] = middle;
    page.pointer('pointermove', x + 30, y);
    page.draw();
    expect(surface(page)).toBe(drawn);
    expect(page.pointer('pointerdown', x, y)).toBe(true);
    expect(page.captured).toEqual([1]);
    page.pointer('pointermove', x + 30, y + 5);
    page.draw();
    const turned = surface(page);
    expect(turned).not.toBe(drawn);
    expect(turned.match(/<path/gu)!.length).toBeGreaterThan(50);
    // Back again, it is as it was after one frame for both moves.
    page.pointer('pointermove', x + 10, y + 2);
    page.pointer('pointermove', x, y);
    page.draw();
    const back = surface(page);
    page.pointer('pointermove', x + 30, y + 5);
    page.draw();
    expect(surface(page)).toBe(turned);
    expect(back).not.toBe(turned);
  });

  it('turns a surface by the arrow keys where it has the focus, and leaves other keys to the browser', () => {
    const page = opened(space);
    const [view] = page.svg.querySelectorAll('[data-part=space]');
    expect(view!.getAttribute('tabindex')).toBe('0');
    expect(view!.getAttribute('aria-label')).toContain('loss');
    const drawn = surface(page);
    const key = (target: Element, name: string, more = {}): boolean =>
      page.fire(target, 'keydown', { key: name, ...more });
    expect(key(view!, 'a')).toBe(false);
    expect(key(view!, 'ArrowLeft', { altKey: true })).toBe(false);
    expect(key(page.svg, 'ArrowLeft')).toBe(false);
    page.draw();
    expect(surface(page)).toBe(drawn);
    expect(key(view!, 'ArrowLeft')).toBe(true);
    page.draw();
    const left = surface(page);
    expect(left).not.toBe(drawn);
    key(view!, 'ArrowUp');
    page.draw();
    expect(surface(page)).not.toBe(left);
    key(view!, 'ArrowDown');
    key(view!, 'ArrowLeft');
    key(view!, 'ArrowRight');
    page.draw();
    expect(surface(page)).toBe(left);
  });

  it('reads a surface by Shift and the arrow keys, wherever it is turned', () => {
    const page = opened(space, provenance);
    const [view] = page.svg.querySelectorAll('[data-part=space]');
    const tip = page.element('#tip');
    const key = (name: string, shiftKey = true): boolean =>
      page.fire(view!, 'keydown', { key: name, shiftKey });
    const drawn = surface(page);
    expect(key('ArrowRight')).toBe(true);
    const first = tip.textContent;
    expect(first).toMatch(/ = .*\n.* = /u);
    key('ArrowRight');
    expect(tip.textContent).not.toBe(first);
    page.draw();
    expect(surface(page)).toBe(drawn);
    // Turned, the same sample is told at another place.
    const dot = (): string | null => page.svg.querySelector('circle[stroke="#111"]')!.getAttribute('cx');
    const [told, before] = [tip.textContent, dot()];
    key('ArrowLeft', false);
    page.draw();
    expect(tip.textContent).toBe(told);
    expect(dot()).not.toBe(before);
    key('Escape', false);
    expect(tip.hasAttribute('hidden')).toBe(true);
  });

  it('is not turned by the right button, and tells nothing while it turns', () => {
    const page = opened(space);
    const [x, y] = middle;
    const tip = page.element('#tip');
    expect(page.pointer('pointerdown', x, y, { button: 2 })).toBe(false);
    page.pointer('pointermove', x, y);
    expect(tip.textContent).toContain('loss = ');
    page.pointer('pointerdown', x, y);
    page.pointer('pointermove', x + 3, y);
    expect(tip.hasAttribute('hidden')).toBe(true);
    page.pointer('pointerup', x + 3, y);
    expect(tip.hasAttribute('hidden')).toBe(false);
  });

  it.each(['pointerup', 'pointercancel', 'lostpointercapture'])('lets go of it on %s', (end) => {
    const page = opened(space);
    const [x, y] = middle;
    page.pointer('pointerdown', x, y);
    page.pointer(end, x, y);
    const drawn = surface(page);
    page.pointer('pointermove', x + 40, y + 10);
    page.draw();
    expect(surface(page)).toBe(drawn);
  });

  it('keeps the page still under one finger on a surface, and nowhere else', () => {
    const page = opened(space);
    const touch = (count: number, x: number, y: number): boolean =>
      page.fire(page.svg, 'touchstart', { touches: Array(count).fill({ clientX: x, clientY: y }) });
    expect(touch(1, ...middle)).toBe(true);
    expect(touch(2, ...middle)).toBe(false);
    expect(touch(1, 1, 1)).toBe(false);
    expect(page.element('style').textContent).toMatch(/data-part=space\] \{[^}]*touch-action: none/u);
  });

  it('hides and shows marks, and a hidden one tells nothing', () => {
    const figure = figures['three-categories']!;
    const page = opened(figure);
    const form = page.element('#marks');
    expect(form.hasAttribute('hidden')).toBe(false);
    const boxes = [...form.querySelectorAll('fieldset')][1]!.querySelectorAll('input');
    const panel = figure.panels[1] as PlanePanel;
    const placed = layOut(figure).panels[1]!;
    const [m, curve] = panel.marks.flatMap((mark, i) =>
      mark.type === 'line' ? [[i, mark] as const] : [],
    )[0]!;
    const spot = [
      placed.frame.x + placed.scales!.x.at(curve.x[5]!) * placed.frame.width,
      placed.frame.y + placed.frame.height * (1 - placed.scales!.y.at(curve.y[5]!)),
    ] as const;
    const tip = page.element('#tip');
    page.pointer('pointermove', ...spot);
    const told = tip.textContent;
    expect(told).toContain('λ = −0.75');
    expect(tip.hasAttribute('hidden')).toBe(false);
    const group = [...page.svg.querySelectorAll('g[data-part=panel]')][1]!;
    const drawn = [...group.querySelectorAll<SVGGElement>(`[data-mark="${m}"]`)];
    expect(drawn.length).toBeGreaterThan(0);
    boxes[0]!.checked = false;
    page.fire(boxes[0]!, 'change');
    expect(drawn.every(({ style }) => style.display === 'none')).toBe(true);
    page.pointer('pointermove', ...spot);
    expect(tip.hasAttribute('hidden') ? '' : tip.textContent).not.toBe(told);
    boxes[0]!.checked = true;
    page.fire(boxes[0]!, 'change');
    expect(drawn.every(({ style }) => style.display !== 'none')).toBe(true);
    page.pointer('pointermove', ...spot);
    expect(tip.textContent).toBe(told);
    page.pointer('pointerleave', 0, 0);
    expect(tip.hasAttribute('hidden')).toBe(true);
  });

  it('reads panels by keys: curves that are shown, then what stands in the inset', () => {
    const figure = figures.densities!;
    const index = figure.panels.findIndex((panel) => panel.kind !== 'space' && panel.inset);
    const panel = figure.panels[index] as PlanePanel;
    const page = opened(figure);
    const group = page.svg.querySelectorAll('g[data-part=panel]')[index]!;
    expect(group.getAttribute('tabindex')).toBe('0');
    const tip = page.element('#tip');
    const key = (name: string, more = {}): string | null => {
      expect(page.fire(group, 'keydown', { key: name, shiftKey: false, ...more })).toBe(
        name !== 'a' && !('ctrlKey' in more),
      );
      return tip.hasAttribute('hidden') ? null : tip.textContent;
    };
    expect(key('a')).toBeNull();
    expect(key('ArrowRight', { ctrlKey: true })).toBeNull();
    // The focus alone tells the first sample, unless a pointer gave it.
    let byKeys = false;
    Object.assign(group, { matches: () => byKeys });
    page.fire(group, 'focusin');
    expect(tip.hasAttribute('hidden')).toBe(true);
    byKeys = true;
    page.fire(group, 'focusin');
    const first = tip.textContent;
    expect(first).toContain(' = ');
    expect(key('ArrowLeft')).toBe(first);
    expect(key('ArrowRight')).not.toBe(first);
    const dot = (): number => Number(page.svg.querySelector('circle[stroke="#111"]')!.getAttribute('cx'));
    const { x, width } = layOut(figure).panels[index]!.inset!.frame;
    const places = Array.from({ length: panel.marks.length + 1 }, () => {
      key('PageDown');
      return dot();
    });
    expect(places.at(-1)).toBeGreaterThanOrEqual(x - 1);
    expect(places.at(-1)).toBeLessThanOrEqual(x + width + 1);
    page.fire(group, 'focusout');
    expect(tip.hasAttribute('hidden')).toBe(true);
  });

  it('leaves out by keys what is hidden, and keeps its place', () => {
    const figure = figures['three-categories']!;
    const page = opened(figure);
    const group = page.svg.querySelectorAll('g[data-part=panel]')[1]!;
    const tip = page.element('#tip');
    const key = (name: string): string => {
      page.fire(group, 'keydown', { key: name, shiftKey: false });
      return tip.textContent;
    };
    const first = key('Home');
    const second = key('ArrowDown');
    expect(second).not.toBe(first);
    expect(second.split('\n')[1]).toBe(first.split('\n')[1]);
    const [box] = [...page.element('#marks').querySelectorAll('fieldset')][1]!.querySelectorAll('input');
    box!.checked = false;
    page.fire(box!, 'change');
    expect(key('ArrowUp')).toBe(second);
    expect(key('End')).toContain(second.split('\n')[0]!);
    box!.checked = true;
    page.fire(box!, 'change');
    key('Home');
    expect(key('ArrowUp')).toBe(first);
  });

  it('tells what a finger has tapped until it taps elsewhere', () => {
    const figure = figures['three-categories']!;
    const page = opened(figure);
    const spot = spotsOf(layOut(figure).panels[1]!)(curveOf(figure.panels[1]!), 5);
    const tip = page.element('#tip');
    const tap = (target: Element, x: number, y: number): void => {
      for (const type of ['pointerdown', 'pointerup', 'pointerleave'])
        page.fire(target, type, { clientX: x, clientY: y, pointerId: 1, button: 0, pointerType: 'touch' });
    };
    tap(page.svg, ...spot);
    expect(tip.textContent).toContain('λ = −0.75');
    expect(tip.hasAttribute('hidden')).toBe(false);
    tap(page.svg, 1, 1);
    expect(tip.hasAttribute('hidden')).toBe(true);
    tap(page.svg, ...spot);
    tap(page.element('#hint'), 1, 1);
    expect(tip.hasAttribute('hidden')).toBe(true);
  });

  it('has no title that a browser shows beside the values', () => {
    const page = opened(figures['three-categories']!);
    expect(page.svg.querySelector('title')).toBeNull();
    expect(page.svg.getAttribute('aria-label')).toBe('Three categories of curves');
  });

  it('tells in each frame of a figure that moves what stands there, insets in their places too', () => {
    const panelOf = (sign: number): PlanePanel => ({
      x: { label: 'λ', scale: 'linear' },
      y: { label: 'loss', scale: 'linear', domain: [-1, 1] },
      legend: false,
      // Rising and falling: the free corner is another one.
      marks: [{ type: 'line', x: steps, y: steps.map((x) => sign * x), style: 0 }],
      inset: {
        x: { label: '', scale: 'linear', domain: [-0.2, 0.2] },
        y: { label: '', scale: 'linear', domain: [-0.2, 0.2] },
        legend: false,
        marks: [{ type: 'line', x: steps, y: steps.map((x) => sign * x), style: 0 }],
      },
    });
    const steps = Array.from({ length: 41 }, (_, i) => (i - 20) / 20);
    const panels = [[panelOf(1)], [panelOf(-1)]];
    const film: Figure = {
      width: 300,
      frame: { aspect: 1 },
      columns: 1,
      panels: panels[1]!,
      frames: panels.map((shown, k) => ({ title: `E ${k}`, panels: shown })),
    };
    const page = opened(film);
    const slider = page.element('#frame') as HTMLInputElement;
    const insets = panels.map((shown) => layOut({ ...film, panels: shown }).panels[0]!.inset!);
    expect(insets[0]!.frame).not.toEqual(insets[1]!.frame);
    const tip = page.element('#tip');
    for (const k of [1, 0, 1]) {
      slider.value = String(k);
      page.fire(slider, 'input');
      expect(slider.getAttribute('aria-valuetext')).toBe(`E ${k}`);
      const curve = curveOf(panels[k]![0]!);
      const spot = spotsOf(insets[k]!)(curve, 22);
      page.pointer('pointermove', ...spot);
      expect(tip.textContent, `frame ${k}`).toBe(`λ = 0.1\nloss = ${k === 0 ? '' : '−'}0.1`);
      // What clips the inset stands where the inset does.
      const inside = page.svg.querySelector('[data-part=inset] [clip-path]')!;
      const clip = /#(clip\d+)/u.exec(inside.getAttribute('clip-path')!)![1]!;
      const { x, y } = insets[k]!.frame;
      expect(page.svg.querySelector(`#${clip} path`)!.getAttribute('d')).toContain(
        `M${Math.round(x * 100) / 100} ${Math.round(y * 100) / 100}H`,
      );
      // Another frame under a pointer at rest.
      slider.value = String(1 - k);
      page.fire(slider, 'input');
      expect(
        tip.hasAttribute('hidden') || tip.textContent !== `λ = 0.1\nloss = ${k === 0 ? '' : '−'}0.1`,
      ).toBe(true);
    }
  });

  it('hides with a curve the triangles of its values that are not finite', () => {
    const figure = figures['not-finite']!;
    const page = opened(figure);
    const [group] = page.svg.querySelectorAll('g[data-part=panel]');
    const [box] = page.element('#marks').querySelectorAll('input');
    const triangles = [...group!.querySelectorAll<SVGGElement>('[data-part=missing]')];
    expect(triangles).toHaveLength(2);
    box!.checked = false;
    page.fire(box!, 'change');
    expect(triangles.map(({ style }) => style.display === 'none')).toEqual([true, false]);
  });

  it('tells what an inset shows inside it, and not what it hides', () => {
    const figure = figures.densities!;
    const index = figure.panels.findIndex((panel) => panel.kind !== 'space' && panel.inset);
    const [curve] = (figure.panels[index] as PlanePanel).marks.filter((mark) => mark.type === 'line');
    const { frame, scales, inset } = layOut(figure).panels[index]!;
    const spot = (place: PlacedPanel, i: number): readonly [number, number] => [
      place.frame.x + place.scales!.x.at(curve!.x[i]!) * place.frame.width,
      place.frame.y + place.frame.height * (1 - place.scales!.y.at(curve!.y[i]!)),
    ];
    const page = opened(figure);
    const tip = page.element('#tip');
    const middle = curve!.x.findIndex((x) => Math.abs(x - 0.1) < 1e-9);
    page.pointer('pointermove', ...spot(inset!, middle));
    expect(tip.textContent).toContain('λ = 0.1');
    // The same sample in the large frame is elsewhere, and is found there as well.
    page.pointer('pointermove', ...spot({ frame, scales: scales! }, middle));
    expect(tip.textContent).toContain('λ = 0.1');
    page.pointer('pointermove', inset!.frame.x + 1, inset!.frame.y + 1);
    expect(tip.hasAttribute('hidden')).toBe(true);
  });

  it('hides what all panels name alike in all of them at once', () => {
    const labelled = (label: string, style: number) => ({
      type: 'line' as const,
      x: [0, 1],
      y: [style, 1],
      label,
      style,
    });
    const panel = (title: string): PlanePanel => ({
      title,
      x: { label: 'λ', scale: 'linear' },
      y: { label: 'loss', scale: 'linear' },
      legend: true,
      marks: [labelled('first', 0), labelled('second', 1)],
    });
    const page = opened({
      width: 300,
      frame: { aspect: 1 },
      columns: 2,
      panels: [panel('left'), panel('right')],
    });
    const sets = [...page.element('#marks').querySelectorAll('fieldset')];
    expect(sets.map((set) => set.querySelector('legend')!.textContent)).toEqual([
      'all panels',
      'left',
      'right',
    ]);
    const boxes = sets.map((set) => [...set.querySelectorAll('input')]);
    const drawn = (mark: number) =>
      [...page.svg.querySelectorAll<SVGGElement>(`[data-mark="${mark}"]`)].map(({ style }) => style.display);
    expect(drawn(0)).toHaveLength(2);
    boxes[0]![0]!.checked = false;
    page.fire(boxes[0]![0]!, 'change');
    expect(drawn(0)).toEqual(['none', 'none']);
    expect(boxes.slice(1).map(([box]) => box!.checked)).toEqual([false, false]);
    boxes[2]![0]!.checked = true;
    page.fire(boxes[2]![0]!, 'change');
    expect(drawn(0)).toEqual(['none', '']);
    expect(drawn(1).filter((display) => display === 'none')).toEqual([]);
  });

  it('lists the provenance that publishing has put in, as text', () => {
    expect(opened(space).element('#origin').hasAttribute('hidden')).toBe(true);
    const origin = opened(space, provenance).element('#origin');
    expect(origin.hasAttribute('hidden')).toBe(false);
    expect(origin.querySelector('p')!.textContent).toBe('Pipeline p, stage figure, orograph 0.1.0.');
    const rows = [...origin.querySelectorAll('tr')].map((row) =>
      [...row.querySelectorAll('td')].map(({ textContent }) => textContent),
    );
    expect(rows).toEqual([
      ['curve[seed=1]', 'evaluate', 'a'.repeat(16)],
      ['figure', 'render', 'b'.repeat(16)],
    ]);
    expect(origin.querySelector('pre')!.textContent).toBe('pipeline: p </script>');
  });
});

describe('names of panels', () => {
  const named = (title: string, x: string, y: string): PlanePanel => ({
    kind: undefined as never,
    title,
    x: { label: x, scale: 'linear' },
    y: { label: y, scale: 'linear' },
    legend: false,
    marks: [],
  });
  const at = (row: number, column: number, panel: PlanePanel) => ({
    frame: { x: 100 * column, y: 90 * row + 3 * column, width: 80, height: 60 },
    panel,
  });

  it('are titles, axes, or places: what a reader sees', () => {
    const alone = { columns: 3 };
    const list = [
      at(0, 0, named('$θ$', 'λ', 'loss')),
      at(0, 1, named('', 'λ', 'loss')),
      at(1, 0, named('', 'degrees', 'density')),
      at(1, 1, named('', 'λ', 'loss')),
      at(1, 2, named('', '', '')),
    ];
    expect(panelNames(list, alone)).toEqual([
      'θ',
      'loss over λ (row 1, column 2)',
      'density over degrees',
      'loss over λ (row 2, column 2)',
      'row 2, column 3',
    ]);
    expect(panelNames([at(0, 0, named('', '', ''))], alone)).toEqual(['the panel']);
  });

  it('are the headings of their row and column first', () => {
    const list = [
      at(0, 0, named('[1.0]', 'λ', 'loss')),
      at(0, 1, named('other [3.0]', 'λ', 'loss')),
      at(1, 0, named('', 'λ', 'loss')),
      at(1, 1, named('', 'λ', 'loss')),
    ];
    expect(
      panelNames(list, { columns: 2, rowTitles: ['MLP', 'RN8'], columnTitles: ['$E$ early', '$E$ late'] }),
    ).toEqual(['MLP, E early', 'MLP, E late, other', 'RN8, E early', 'RN8, E late']);
    expect(panelNames(list, { columns: 2, columnTitles: ['P.E.', 'N.E.'] })).toEqual([
      'P.E. (row 1, column 1)',
      'N.E., other',
      'P.E. (row 2, column 1)',
      'N.E.',
    ]);
  });
});
