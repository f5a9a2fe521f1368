import { layOut } from '../draw.ts';
import type { Figure } from '../figure.ts';
import type { PlacedPanel } from '../fitted.ts';
import type { Scale } from '../scale.ts';
import type { Item, Scene } from '../scene.ts';
import { escapeXml, insideOf, sceneToSvg } from '../svg.ts';
import { client } from './client.generated.ts';
import type { PageData, PlaceData } from './page-data.ts';

/**
 * A figure as one HTML file that reaches for nothing outside itself: the same drawing as the SVG, and a program that
 * turns surfaces, tells values under the pointer, hides and shows marks, and lists the provenance that publishing
 * puts into the file.
 */
export function figureToHtml(
  figure: Figure,
  { scene, panels }: { readonly scene: Scene; readonly panels: readonly PlacedPanel[] },
  svg: string,
): string {
  const frames = figure.frames?.map(({ panels: shown }) => layOut({ ...figure, panels: shown }));
  const height = Math.max(scene.height, ...(frames ?? []).map((frame) => frame.scene.height));
  const data: PageData = {
    figure,
    panels: panels.map(placeData),
    ...(frames && {
      frames: frames.map((frame) => ({
        drawing: insideOf(withoutViews({ ...frame.scene, height })),
        panels: frame.panels.map(placeData),
      })),
    }),
  };
  const drawing = height === scene.height ? svg : sceneToSvg({ ...scene, height });
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(scene.title)}</title>
<style>${css}#drawing svg { max-width: ${Math.round(largestZoom * scene.width)}px; }
</style>
</head>
<body>
<main>
<div id="drawing">
${drawing.trim()}
</div>
<form id="film" hidden>
<button type="button" id="play"></button>
<input type="range" id="frame" min="0" step="1" aria-label="frame">
<output id="frame-title"></output>
</form>
<p id="hint" hidden></p>
<form id="marks" hidden></form>
<details id="origin" hidden><summary>Provenance</summary></details>
</main>
<div id="tip" role="status" hidden></div>
<script type="application/json" id="figure">${scriptJson(data)}</script>
<script>${client}</script>
</body>
</html>
`;
}

/** Pixels of the screen a point: a narrow figure is not blown up to the whole window. */
const largestZoom = 2.8;

/** Views of space are drawn where they are seen, as the reader has turned them. */
function withoutViews(scene: Scene): Scene {
  const emptied = (item: Item): Item =>
    item.type !== 'group' ? item : { ...item, items: item.name === 'space' ? [] : item.items.map(emptied) };
  return { ...scene, items: scene.items.map(emptied) };
}

const placeData = ({ frame, scales, inset }: PlacedPanel): PlaceData => ({
  frame,
  ...(scales && { scales: { x: scaleData(scales.x), y: scaleData(scales.y) } }),
  ...(inset && { inset: placeData(inset) }),
});

const scaleData = ({ kind, domain }: Scale): { kind: Scale['kind']; domain: readonly [number, number] } => ({
  kind,
  domain,
});

/** JSON that cannot end the script element it stands in. */
function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028');
}

const css = `
body { margin: 0; background: #fff; color: #111; font: 14px/1.45 'DejaVu Sans', Verdana, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 16px; }
#drawing svg { display: block; width: 100%; height: auto; margin: 0 auto; overflow: visible; }
#drawing [data-part=space] { cursor: grab; touch-action: none; }
#drawing [tabindex]:focus-visible { outline: 1px solid #06c; } #drawing [tabindex]:focus:not(:focus-visible) { outline: none; }
#hint { color: #555; font-size: 12px; margin: 4px 0; }
#film { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; margin: 8px 0; font-size: 14px; }
#film[hidden] { display: none; }
#film button { width: 5.5em; } #film input { flex: 1; min-width: 8em; } #film output { min-width: 6em; }
#marks { margin: 12px 0; }
#marks, #marks details > div { display: flex; flex-wrap: wrap; gap: 4px 18px; border: 0; font-size: 13px; }
#marks[hidden] { display: none; }
#marks details { flex-basis: 100%; margin: 6px 0 0; } #marks details > div { margin-top: 6px; }
#marks fieldset { border: 1px solid #ddd; border-radius: 4px; display: flex; flex-wrap: wrap; gap: 2px 12px; }
#marks label { white-space: nowrap; }
#tip { position: fixed; pointer-events: none; background: #fff; border: 1px solid #888; border-radius: 3px;
  padding: 4px 8px; font-size: 12px; box-shadow: 0 1px 4px #0003; white-space: pre-line; overflow-wrap: anywhere;
  box-sizing: border-box; max-width: min(46ch, 100vw - 8px); }
details { margin-top: 16px; font-size: 13px; }
details details { margin-top: 8px; }
summary { cursor: pointer; }
details pre { background: #f6f6f6; padding: 10px; overflow: auto; font-size: 12px; }
table { border-collapse: collapse; font-size: 12px; }
th, td { text-align: left; padding: 2px 10px 2px 0; vertical-align: top; }
td.key { font-family: monospace; }
`;
