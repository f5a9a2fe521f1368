/// <reference lib="dom" />
/** Surfaces that are turned: dragged, or by the arrow keys. With Shift these read (`reading.ts`). */
import { drawView, type Live, live, svg } from './page.ts';
import { point, spaceAt, tellAgain } from './pointing.ts';

const turns: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [5, 0],
  ArrowRight: [-5, 0],
  ArrowUp: [0, -5],
  ArrowDown: [0, 5],
};

let held: { readonly one: Live; x: number; y: number } | undefined;
const waiting = new Set<Live>();

/** Turns a view by degrees; however often before the next frame of the screen, it is drawn once. */
function turn(one: Live, across: number, up: number): void {
  const { azimuth, elevation } = one.view;
  one.view = { azimuth: azimuth + across, elevation: Math.min(90, Math.max(2, elevation + up)) };
  if (waiting.has(one)) return;
  waiting.add(one);
  requestAnimationFrame(() => {
    waiting.delete(one);
    drawView(one);
    if (!held) tellAgain();
  });
}

export function listenToTurns(): void {
  svg.addEventListener('pointerdown', (event) => {
    const one = spaceAt(event);
    if (!one || event.button !== 0) return;
    held = { one, x: event.clientX, y: event.clientY };
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  // A touch that the browser takes over for a gesture of its own ends in pointercancel, and no pointerup follows.
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const)
    svg.addEventListener(end, () => {
      held = undefined;
    });
  // The page must not scroll under a finger that turns a surface; beside surfaces it may.
  svg.addEventListener(
    'touchstart',
    (event) => {
      const [touch] = event.touches;
      if (event.touches.length === 1 && touch && spaceAt(touch)) event.preventDefault();
    },
    { passive: false },
  );
  svg.addEventListener('pointermove', (event) => {
    if (!held) return;
    // Nothing is told of a surface that turns.
    event.stopImmediatePropagation();
    point(undefined);
    turn(held.one, -0.5 * (event.clientX - held.x), 0.5 * (event.clientY - held.y));
    Object.assign(held, { x: event.clientX, y: event.clientY });
  });
  svg.addEventListener('keydown', (event) => {
    const one = live.find(
      ({ panel, group }) => panel.kind === 'space' && group.contains(event.target as Node),
    );
    const by = turns[event.key];
    if (!one || !by || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    turn(one, ...by);
  });
}
