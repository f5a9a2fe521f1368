/// <reference lib="dom" />
/** A pointer over the drawing, and what is told of the place that it is at, or that keys have led to. */
import type { PlanePanel } from '../figure.ts';
import { scaleOf } from '../scale.ts';
import { findInPlane } from './find-in-plane.ts';
import { findInSpace, readableInSpace } from './find-in-space.ts';
import type { Found } from './found.ts';
import { stageOf } from './origin.ts';
import { byId, type Live, live, svg } from './page.ts';
import type { PlaceData } from './page-data.ts';
import { type Place, type Readable, readableInPlane } from './samples.ts';
import { besidePointer } from './tip.ts';

/** A place in the window. */
export interface Spot {
  readonly clientX: number;
  readonly clientY: number;
}

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

/** What can be read in a place of a panel. An inset shows the same quantities, and leaves their names to its frame. */
function readableIn(panel: PlanePanel, { frame, scales }: PlaceData): Readable[] {
  if (!scales) return [];
  const [x, y] = [scales.x, scales.y].map(({ kind, domain }) => scaleOf(kind, domain));
  return readableInPlane(panel, frame, x!, y!);
}

function readableInInset({ inset, x, y }: PlanePanel, place: PlaceData): Readable[] {
  if (!inset || !place.inset) return [];
  const named = { ...inset, x: { ...inset.x, label: x.label }, y: { ...inset.y, label: y.label } };
  return readableIn(named, place.inset);
}

/** All marks of a panel that are shown, those of its inset last. */
export function readableOf({ panel, place, hidden, scene, view }: Live): Readable[] {
  if (panel.kind === 'space') return [readableInSpace(panel, scene!, view)];
  const shown = readableIn(panel, place).filter(({ mark }) => !hidden.has(mark));
  return [
    ...shown,
    ...readableInInset(panel, place)
      .filter(({ mark }) => !hidden.has(mark))
      .map((one) => ({ ...one, mark: one.mark + panel.marks.length })),
  ];
}

function findAt({ panel, place, hidden, scene, view }: Live, at: Place): Found | undefined {
  if (panel.kind === 'space') return findInSpace(panel, scene!, view, at);
  const marks =
    place.inset && contains(place.inset, at) ? readableInInset(panel, place) : readableIn(panel, place);
  return findInPlane(
    marks.filter(({ mark }) => !hidden.has(mark)),
    at,
  );
}

const tip = byId('tip');
const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
dot.setAttribute('r', '2.6');
dot.setAttribute('fill', 'none');
dot.setAttribute('stroke', '#111');
dot.setAttribute('pointer-events', 'none');

/** Tells it again, where something else has come to the place that was told of. */
export let tellAgain = (): void => {};

/** Tells what is at a place, or nothing any more. */
export function point(spot: Spot | undefined): void {
  tellAgain = () => point(spot);
  const at = spot && placeOf(spot);
  const one = at && live.find(({ place }) => contains(place, at));
  show(one && findAt(one, at), spot);
}

/** Tells of a sample that is found without a pointer, and again by asking for it once more. */
export function tell(ask: () => Found | undefined): void {
  tellAgain = () => tell(ask);
  const found = ask();
  const at = found && new DOMPoint(...found.at).matrixTransform(svg.getScreenCTM()!);
  show(found, at && { clientX: at.x, clientY: at.y });
}

function show(found: Found | undefined, spot: Spot | undefined): void {
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
