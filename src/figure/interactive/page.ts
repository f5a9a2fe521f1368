/// <reference lib="dom" />
/** What the page shows: its drawing, and the panels in it as they are now. */
import type { Figure, Panel, SpacePanel, View } from '../figure.ts';
import { plainText } from '../math-text.ts';
import { drawSpace, fitSpaceScene, type SpaceScene } from '../space/surface.ts';
import { itemsToSvg } from '../svg.ts';
import type { Measure } from '../typography.ts';
import { panelNames } from './names.ts';
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

function viewOf({ group }: Live): SVGGElement {
  return group.querySelector('[data-part=space]')!;
}

const groups = groupsOf();
export const live = figure.panels.map(
  (panel, i): Live => ({
    panel,
    place: data.panels[i]!,
    group: groups[i]!,
    scene: undefined,
    view: panel.kind === 'space' ? panel.view : { azimuth: 0, elevation: 0 },
    hidden: new Set(),
  }),
);
readyPanels();

/** What panels are called as they are now. */
export function names(): string[] {
  return panelNames(
    live.map(({ place: { frame }, panel }) => ({ frame, panel })),
    figure,
  );
}

/** Makes panels ones that keys reach: then the drawing is no picture without parts. */
function readyPanels(): void {
  if (live.length > 0) svg.setAttribute('role', 'group');
  for (const [i, name] of names().entries()) readyPanel(live[i]!, name);
}

function readyPanel(one: Live, name: string): void {
  if (one.panel.kind === 'space') one.scene = fitSpaceScene(one.panel, one.place.frame, measure);
  const target = focusOf(one);
  target.setAttribute('tabindex', '0');
  // Else a screen reader keeps the arrow keys for itself.
  target.setAttribute('role', 'application');
  target.setAttribute(
    'aria-label',
    one.panel.kind === 'space'
      ? `${name}: ${plainText(one.panel.z.label)}, a surface that arrow keys turn, and read with Shift`
      : `${name}: arrow keys read its values`,
  );
}

/** What has a panel's focus: in space the view, which keys turn. */
function focusOf(one: Live): SVGGElement {
  return one.panel.kind === 'space' ? viewOf(one) : one.group;
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
  });
  readyPanels();
  for (const one of live) if (one.scene) drawView(one);
  if (focused) focusOf(focused).focus();
}
