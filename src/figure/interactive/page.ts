/// <reference lib="dom" />
/** What the page shows: its drawing, and the panels in it as they are now. */
import type { Figure, Panel, SpacePanel, View } from '../figure.ts';
import { plainText } from '../math-text.ts';
import { drawSpace, fitSpaceScene, type SpaceScene } from '../space/surface.ts';
import { itemsToSvg } from '../svg.ts';
import type { Measure } from '../typography.ts';
import type { PageData, PlaceData } from './page-data.ts';

export const byId = (id: string): HTMLElement => document.getElementById(id)!;

export const data = JSON.parse(byId('figure').textContent!) as PageData;
export const figure: Figure = data.figure;
export const svg = byId('drawing').querySelector('svg')!;
// As a title it would pop up beside the values.
const title = svg.querySelector(':scope > title')!;
svg.setAttribute('aria-label', title.textContent!);
title.remove();

const context = document.createElement('canvas').getContext('2d')!;
const measure: Measure = (text, size) => {
  context.font = `${size}px 'DejaVu Sans', Verdana, sans-serif`;
  return context.measureText(plainText(text)).width;
};

export interface Live {
  panel: Panel;
  place: PlaceData;
  group: SVGGElement;
  scene: SpaceScene | undefined;
  view: View;
  readonly hidden: Set<number>;
}

const groupsOf = (): SVGGElement[] => [...svg.querySelectorAll<SVGGElement>(':scope > g[data-part=panel]')];

const viewOf = ({ group }: Live): SVGGElement => group.querySelector('[data-part=space]')!;

const groups = groupsOf();
export const live = figure.panels.map((panel, i): Live => {
  const one: Live = {
    panel,
    place: data.panels[i]!,
    group: groups[i]!,
    scene: undefined,
    view: panel.kind === 'space' ? panel.view : { azimuth: 0, elevation: 0 },
    hidden: new Set(),
  };
  readyView(one);
  return one;
});

/** Makes a view of space one that can be turned, by keys too: then the drawing is no picture without parts. */
function readyView(one: Live): void {
  if (one.panel.kind !== 'space') return;
  svg.setAttribute('role', 'group');
  one.scene = fitSpaceScene(one.panel, one.place.frame, measure);
  const view = viewOf(one);
  view.setAttribute('tabindex', '0');
  view.setAttribute('role', 'img');
  view.setAttribute('aria-label', `${plainText(one.panel.z.label)}: a surface that arrow keys turn`);
}

export function drawView(one: Live): void {
  viewOf(one).innerHTML = itemsToSvg(drawSpace(one.panel as SpacePanel, one.scene!, measure, one.view));
}

export function showMark(one: Live, mark: number, shown: boolean): void {
  if (shown) one.hidden.delete(mark);
  else one.hidden.add(mark);
  for (const drawn of one.group.querySelectorAll<SVGGElement>(`[data-mark="${mark}"]`))
    drawn.style.display = shown ? '' : 'none';
}

/** Shows a frame of a figure that moves; surfaces stay turned as they are, and hidden marks hidden. */
export function showFrame(k: number): void {
  const { drawing, panels } = data.frames![k]!;
  const focused = live.find(({ group }) => group.contains(document.activeElement));
  svg.innerHTML = drawing;
  const drawn = groupsOf();
  live.forEach((one, i) => {
    one.panel = figure.frames![k]!.panels[i]!;
    one.place = panels[i]!;
    one.group = drawn[i]!;
    for (const mark of one.hidden) showMark(one, mark, false);
    readyView(one);
    if (one.scene) drawView(one);
  });
  if (focused) viewOf(focused).focus();
}
