/// <reference lib="dom" />
/** A pointer over the drawing, and what is told of the place that it is at. */
import type { PlanePanel } from '../figure.ts';
import { scaleOf } from '../scale.ts';
import { findInPlane } from './find-in-plane.ts';
import { findInSpace } from './find-in-space.ts';
import type { Found } from './found.ts';
import { stageOf } from './origin.ts';
import { byId, type Live, live, svg } from './page.ts';
import type { PlaceData } from './page-data.ts';
import { besidePointer } from './tip.ts';

/** A place in the window. */
export interface Spot {
  readonly clientX: number;
  readonly clientY: number;
}

type Place = readonly [number, number];

/** The same place in points of the drawing. */
function placeOf({ clientX, clientY }: Spot): Place {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM()!.inverse());
  return [x, y];
}

const contains = ({ frame }: PlaceData, [x, y]: Place): boolean =>
  x >= frame.x && y >= frame.y && x <= frame.x + frame.width && y <= frame.y + frame.height;

export function spaceAt(spot: Spot): Live | undefined {
  const at = placeOf(spot);
  return live.find((one) => one.panel.kind === 'space' && contains(one.place, at));
}

function findAt(one: Live, at: Place): Found | undefined {
  const { panel, place, hidden } = one;
  if (panel.kind === 'space') return findInSpace(panel, one.scene!, one.view, at);
  // An inset shows the same quantities, and leaves their names to the frame it stands in.
  return panel.inset && place.inset && contains(place.inset, at)
    ? findIn(named(panel.inset, panel), place.inset, at, hidden)
    : findIn(panel, place, at, hidden);
}

const named = (inset: PlanePanel, { x, y }: PlanePanel): PlanePanel => ({
  ...inset,
  x: { ...inset.x, label: x.label },
  y: { ...inset.y, label: y.label },
});

function findIn(
  panel: PlanePanel,
  { frame, scales }: PlaceData,
  at: Place,
  hidden: ReadonlySet<number>,
): Found | undefined {
  if (!scales) return undefined;
  const [x, y] = [scales.x, scales.y].map(({ kind, domain }) => scaleOf(kind, domain));
  return findInPlane(panel, frame, x!, y!, at, (mark) => hidden.has(mark));
}

const tip = byId('tip');
const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
dot.setAttribute('r', '2.6');
dot.setAttribute('fill', 'none');
dot.setAttribute('stroke', '#111');
dot.setAttribute('pointer-events', 'none');

let pointed: Spot | undefined;

/** Tells what is at a place, or nothing any more. */
export function point(spot: Spot | undefined): void {
  pointed = spot;
  const at = spot && placeOf(spot);
  const one = at && live.find(({ place }) => contains(place, at));
  const found = one && findAt(one, at);
  tip.hidden = !found;
  if (!found || !spot) {
    dot.remove();
    return;
  }
  dot.setAttribute('cx', String(found.at[0]));
  dot.setAttribute('cy', String(found.at[1]));
  svg.append(dot);
  tip.textContent = [...found.lines, ...stageOf(found.source)].join('\n');
  // A box beside the window's edge is narrower than one that has room.
  Object.assign(tip.style, { left: '0', top: '0' });
  const { clientWidth, clientHeight } = document.documentElement;
  tip.style.left = `${besidePointer(spot.clientX, tip.offsetWidth, clientWidth)}px`;
  tip.style.top = `${besidePointer(spot.clientY, tip.offsetHeight, clientHeight)}px`;
}

/** Tells it again, where something else has come below the pointer. */
export const pointAgain = (): void => point(pointed);

export function listenToPointer(): void {
  svg.addEventListener('pointermove', point);
  // A finger that taps does not move.
  svg.addEventListener('pointerup', point);
  svg.addEventListener('pointercancel', () => point(undefined));
  svg.addEventListener('pointerleave', ({ pointerType }) => {
    // Nor does it hover: what it has tapped is told until it taps elsewhere.
    if (pointerType !== 'touch') point(undefined);
  });
  document.addEventListener('pointerdown', ({ target }) => {
    if (!svg.contains(target as Node)) point(undefined);
  });
  for (const change of ['scroll', 'resize']) window.addEventListener(change, () => point(undefined));
}
