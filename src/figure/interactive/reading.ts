/// <reference lib="dom" />
/** Panels that are read without a pointer: Tab goes to a panel, keys from sample to sample. */
import { byId, type Live, live } from './page.ts';
import { point, readableOf, tell } from './pointing.ts';
import { type Cursor, readingKeys, step } from './steps.ts';

const cursors = new Map<Live, Cursor>();

/** Tells of the sample that a key leads to; without a key, of the one that the panel was left at. */
function read(one: Live, key = ''): void {
  const reached = step(readableOf(one), cursors.get(one), key);
  if (!reached) {
    point(undefined);
    return;
  }
  cursors.set(one, reached.cursor);
  // A frame later, or after a turn, the same sample is elsewhere.
  tell(() => step(readableOf(one), reached.cursor, '')?.sample.found());
}

const panelOf = (target: EventTarget | null): Live | undefined =>
  live.find(({ group }) => group.contains(target as Node));

export function listenToKeys(): void {
  // Chromium lets keys go to a drawing that itself listens to the focus.
  const drawing = byId('drawing');
  drawing.addEventListener('keydown', (event) => {
    const one = panelOf(event.target);
    if (!one || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Escape') return point(undefined);
    // Arrow keys alone turn a surface.
    if (!readingKeys.has(event.key) || event.shiftKey !== (one.panel.kind === 'space')) return;
    event.preventDefault();
    read(one, event.key);
  });
  drawing.addEventListener('focusin', ({ target }) => {
    const one = panelOf(target);
    // A pointer that presses on a panel gives it the focus, too, and tells for itself.
    if (one && one.panel.kind !== 'space' && (target as Element).matches(':focus-visible')) read(one);
  });
  drawing.addEventListener('focusout', () => point(undefined));
}
