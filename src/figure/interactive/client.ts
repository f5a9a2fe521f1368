/// <reference lib="dom" />
/**
 * The program inside an HTML figure. `node scripts/build-client.mjs` bundles it, with the drawing code of src/figure/
 * that it shares, into client.generated.ts; a test holds that file to this one.
 */
import type { Figure, Mark, Panel, PlanePanel, SpacePanel, View } from '../figure.ts';
import { plainText } from '../math-text.ts';
import { scaleOf } from '../scale.ts';
import { drawSpace, fitSpaceScene, type SpaceScene } from '../space/surface.ts';
import { itemsToSvg } from '../svg.ts';
import type { Measure } from '../typography.ts';
import { type Found, findInPlane, findInSpace } from './find.ts';
import { panelNames } from './names.ts';
import type { PageData, PlaceData } from './page-data.ts';

/** The parts of a provenance record that the page shows. */
interface Provenance {
  readonly pipeline: string;
  readonly stage: string;
  readonly orograph: string;
  readonly sources: readonly { readonly path: string; readonly text: string }[];
  readonly stages: readonly {
    readonly id: string;
    readonly kind: string;
    readonly key: string;
    readonly inputs: Readonly<Record<string, readonly { readonly label: string }[]>>;
  }[];
}

const byId = (id: string): HTMLElement => document.getElementById(id)!;
const data = JSON.parse(byId('figure').textContent!) as PageData;
const record = document.getElementById('orograph-provenance');
const provenance = record ? (JSON.parse(record.textContent!) as Provenance) : undefined;
const svg = byId('drawing').querySelector('svg')!;
const groups = [...svg.querySelectorAll<SVGGElement>(':scope > g[data-part=panel]')];
const context = document.createElement('canvas').getContext('2d')!;
const measure: Measure = (text, size) => {
  context.font = `${size}px 'DejaVu Sans', Verdana, sans-serif`;
  return context.measureText(plainText(text)).width;
};

interface Live {
  panel: Panel;
  readonly group: SVGGElement;
  readonly place: PlaceData;
  scene: SpaceScene | undefined;
  view: View;
  readonly hidden: Set<number>;
}

const live = data.panels.map((place, i): Live => {
  const panel = (data.figure as Figure).panels[i]!;
  const space = panel.kind === 'space';
  return {
    panel,
    group: groups[i]!,
    place,
    scene: space ? fitSpaceScene(panel, place.frame, measure) : undefined,
    view: space ? panel.view : { azimuth: 0, elevation: 0 },
    hidden: new Set(),
  };
});

/** Where the pointer is, in points of the page. */
function placeOf(event: { readonly clientX: number; readonly clientY: number }): readonly [number, number] {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM()!.inverse());
  return [x, y];
}

const contains = ({ frame }: PlaceData, [x, y]: readonly [number, number]): boolean =>
  x >= frame.x && y >= frame.y && x <= frame.x + frame.width && y <= frame.y + frame.height;

const spaceAt = (at: readonly [number, number]): Live | undefined =>
  live.find((one) => one.panel.kind === 'space' && contains(one.place, at));

function findAt(one: Live, at: readonly [number, number]): Found | undefined {
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
  at: readonly [number, number],
  hidden: ReadonlySet<number>,
): Found | undefined {
  if (!scales) return undefined;
  const [x, y] = [scales.x, scales.y].map(({ kind, domain }) => scaleOf(kind, domain));
  return findInPlane(panel, frame, x!, y!, at, (mark) => hidden.has(mark));
}

/** The stage behind an input such as `panels[1]`. */
function stageOf(source: string | undefined): string[] {
  const [, input, place] = /^([^[]+)(?:\[(\d+)\])?$/u.exec(source ?? '') ?? [];
  const figure = provenance?.stages.find(({ id }) => id === provenance.stage);
  const label = input && figure?.inputs[input]?.[Number(place ?? 0)]?.label;
  return label ? [`from ${label}`] : [];
}

const tip = byId('tip');
const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
dot.setAttribute('r', '2.6');
dot.setAttribute('fill', 'none');
dot.setAttribute('stroke', '#111');
dot.setAttribute('pointer-events', 'none');
dot.style.display = 'none';
svg.append(dot);

function tell(found: Found | undefined, event: PointerEvent): void {
  tip.hidden = !found;
  dot.style.display = found ? '' : 'none';
  if (!found) return;
  dot.setAttribute('cx', String(found.at[0]));
  dot.setAttribute('cy', String(found.at[1]));
  tip.textContent = [...found.lines, ...stageOf(found.source)].join('\n');
  const right = event.clientX + 14 + tip.offsetWidth > window.innerWidth;
  tip.style.left = `${right ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14}px`;
  const below = event.clientY + 14 + tip.offsetHeight <= window.innerHeight;
  tip.style.top = `${Math.max(4, below ? event.clientY + 14 : event.clientY - 14 - tip.offsetHeight)}px`;
}

let turning: { readonly one: Live; x: number; y: number } | undefined;

svg.addEventListener('pointerdown', (event) => {
  const one = spaceAt(placeOf(event));
  if (!one) return;
  turning = { one, x: event.clientX, y: event.clientY };
  svg.setPointerCapture(event.pointerId);
  event.preventDefault();
});
// A touch that the browser takes over for a gesture of its own ends in pointercancel, and no pointerup follows.
for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const)
  svg.addEventListener(end, () => {
    turning = undefined;
  });
// The page must not scroll under a finger that turns a surface; beside surfaces it may.
svg.addEventListener(
  'touchstart',
  (event) => {
    const [touch] = event.touches;
    if (event.touches.length === 1 && touch && spaceAt(placeOf(touch))) event.preventDefault();
  },
  { passive: false },
);
svg.addEventListener('pointermove', (event) => {
  if (turning) {
    const { one } = turning;
    const { azimuth, elevation } = one.view;
    one.view = {
      azimuth: azimuth - 0.5 * (event.clientX - turning.x),
      elevation: Math.min(90, Math.max(2, elevation + 0.5 * (event.clientY - turning.y))),
    };
    turning.x = event.clientX;
    turning.y = event.clientY;
    redraw(one);
    tell(undefined, event);
    return;
  }
  const at = placeOf(event);
  const one = live.find(({ place }) => contains(place, at));
  tell(one && findAt(one, at), event);
});
svg.addEventListener('pointerleave', (event) => tell(undefined, event));

let waiting = false;
function redraw(one: Live): void {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    drawView(one);
  });
}

function drawView(one: Live): void {
  const group = one.group.querySelector('[data-part=space]')!;
  group.innerHTML = itemsToSvg(drawSpace(one.panel as SpacePanel, one.scene!, measure, one.view));
}

/** Shows a frame of a figure that moves; surfaces stay turned as they are, and hidden marks hidden. */
function showFrame(k: number): void {
  const frame = (data.figure as Figure).frames![k]!;
  byId('frame-title').textContent = plainText(frame.title);
  live.forEach((one, i) => {
    one.panel = frame.panels[i]!;
    one.group.innerHTML = data.insides![k]![i]!;
    for (const mark of one.hidden)
      for (const drawn of one.group.querySelectorAll<SVGGElement>(`[data-mark="${mark}"]`))
        drawn.style.display = 'none';
    if (one.panel.kind !== 'space') return;
    one.scene = fitSpaceScene(one.panel, one.place.frame, measure);
    drawView(one);
  });
}

/** A slider over the frames, and a button that moves it. */
function listFrames(): void {
  const frames = (data.figure as Figure).frames;
  if (!frames || frames.length < 2) return;
  byId('film').hidden = false;
  const slider = byId('frame') as HTMLInputElement;
  const play = byId('play');
  const last = frames.length - 1;
  let timer: number | undefined;
  const show = (k: number): void => {
    slider.value = String(k);
    showFrame(k);
  };
  const stop = (): void => {
    window.clearInterval(timer);
    timer = undefined;
    play.textContent = '▶ play';
  };
  slider.max = String(last);
  slider.addEventListener('input', () => {
    stop();
    showFrame(Number(slider.value));
  });
  play.addEventListener('click', () => {
    if (timer !== undefined) return stop();
    play.textContent = '⏸ stop';
    if (Number(slider.value) === last) show(0);
    timer = window.setInterval(() => {
      show(Number(slider.value) + 1);
      if (Number(slider.value) === last) stop();
    }, 400);
  });
  stop();
  show(last);
}

function show(one: Live, mark: number, shown: boolean): void {
  if (shown) one.hidden.delete(mark);
  else one.hidden.add(mark);
  for (const drawn of one.group.querySelectorAll<SVGGElement>(`[data-mark="${mark}"]`))
    drawn.style.display = shown ? '' : 'none';
}

/** A name to be ticked, and what happens then. */
interface Choice {
  readonly label: string;
  change(shown: boolean): void;
}

/** A frame with a name and check boxes, all ticked. */
function checkBoxes(name: string, choices: readonly Choice[]): readonly [HTMLElement, HTMLInputElement[]] {
  const set = document.createElement('fieldset');
  const legend = document.createElement('legend');
  legend.textContent = name;
  set.append(legend);
  const boxes = choices.map(({ label, change }) => {
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.addEventListener('change', () => change(box.checked));
    const line = document.createElement('label');
    line.append(box, ` ${label}`);
    set.append(line);
    return box;
  });
  return [set, boxes];
}

/** Check boxes for the marks that have names: of what several panels name alike for all of them first. */
function listMarks(): void {
  const form = byId('marks');
  const titles = panelNames(
    data.panels.map(({ frame }, i) => ({ frame, panel: live[i]!.panel })),
    data.figure,
  );
  const alike = new Map<string, { one: Live; mark: number; box: HTMLInputElement }[]>();
  const sets = live.flatMap((one, i) => {
    if (one.panel.kind === 'space') return [];
    const named = one.panel.marks.flatMap((mark, m) => {
      const label = labelOf(mark);
      return label === undefined ? [] : [{ label, mark: m, change: (shown: boolean) => show(one, m, shown) }];
    });
    if (named.length < 2) return [];
    const [set, boxes] = checkBoxes(titles[i]!, named);
    named.forEach(({ label, mark }, k) => {
      alike.set(label, [...(alike.get(label) ?? []), { one, mark, box: boxes[k]! }]);
    });
    return [set];
  });
  form.hidden = sets.length === 0;
  const several = [...alike].filter(([, marks]) => marks.length > 1);
  if (several.length === 0) {
    form.append(...sets);
    return;
  }
  const [all] = checkBoxes(
    'all panels',
    several.map(([label, marks]) => ({
      label,
      change: (shown) => {
        for (const { one, mark, box } of marks) {
          box.checked = shown;
          show(one, mark, shown);
        }
      },
    })),
  );
  const each = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = 'Panel by panel';
  const list = document.createElement('div');
  list.append(...sets);
  each.append(summary, list);
  form.append(all, each);
}

const labelOf = (mark: Mark): string | undefined =>
  'style' in mark && mark.label ? plainText(mark.label) : undefined;

function listProvenance(): void {
  if (!provenance) return;
  const details = byId('origin');
  details.hidden = false;
  const about = document.createElement('p');
  about.textContent = `Pipeline ${provenance.pipeline}, stage ${provenance.stage}, orograph ${provenance.orograph}.`;
  const table = document.createElement('table');
  for (const { id, kind, key } of provenance.stages) {
    const row = table.insertRow();
    row.insertCell().textContent = id;
    row.insertCell().textContent = kind;
    const cell = row.insertCell();
    cell.textContent = key.slice(0, 16);
    cell.title = key;
    cell.className = 'key';
  }
  details.append(about, table);
  for (const { path, text } of provenance.sources) {
    const file = document.createElement('details');
    const name = document.createElement('summary');
    name.textContent = path;
    const pre = document.createElement('pre');
    pre.textContent = text;
    file.append(name, pre);
    details.append(file);
  }
}

listMarks();
listFrames();
listProvenance();
if (live.length > 0) {
  const hint = byId('hint');
  const turns = live.some(({ panel }) => panel.kind === 'space') ? 'Drag a surface to turn it. ' : '';
  hint.hidden = false;
  hint.textContent = `${turns}Point at what is drawn to read its values${provenance ? ' and the stage they are from' : ''}.`;
}
