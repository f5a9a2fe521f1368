/// <reference lib="dom" />
/**
 * The program inside an HTML figure. `node scripts/build-client.mjs` bundles it, with the drawing code of src/figure/
 * that it shares, into client.generated.ts; a test holds that file to this one.
 */
import { listFrames } from './film.ts';
import { listMarks } from './mark-list.ts';
import { listProvenance, provenance } from './origin.ts';
import { byId, live } from './page.ts';
import { listenToPointer } from './pointing.ts';
import { listenToKeys } from './reading.ts';
import { listenToTurns } from './turning.ts';

// In this order: a pointer that turns a surface tells nothing.
listenToTurns();
listenToPointer();
listenToKeys();
listMarks();
listFrames();
listProvenance();
if (live.length > 0) {
  const hint = byId('hint');
  const space = live.some(({ panel }) => panel.kind === 'space');
  const plane = live.some(({ panel }) => panel.kind !== 'space');
  hint.hidden = false;
  const keys = [
    ...(plane ? ['the arrow keys'] : []),
    ...(space ? ['on a surface Shift with the arrow keys'] : []),
  ];
  hint.textContent = [
    ...(space ? ['Drag a surface to turn it (or use Tab and the arrow keys).'] : []),
    `Point at what is drawn to read its values${provenance ? ' and the stage they are from' : ''}`,
    `(or use Tab and ${keys.join(', ')}).`,
  ].join(' ');
}
