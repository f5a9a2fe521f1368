import { parseMath } from './math-text.ts';
import { type Box, type Item, number, rectangle, type Scene, type TextItem } from './scene.ts';
import { faceOf, fontFallback, fontFamily, scriptShift, scriptSize } from './typography.ts';

/**
 * The scene as a standalone SVG document. Texts stay texts (searchable, editable); their places were computed with
 * the widths of the very fonts that PNG and PDF use. Plain presentation attributes only, which every reader of SVG
 * understands.
 */
export function sceneToSvg(scene: Scene): string {
  const size = `width="${number(scene.width)}pt" height="${number(scene.height)}pt" viewBox="0 0 ${number(scene.width)} ${number(scene.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="'${fontFamily}', ${fontFallback}" stroke-linejoin="round" stroke-linecap="round" role="img">
<title>${escapeXml(scene.title)}</title>
${insideOf(scene)}</svg>
`;
}

/** All of the document but its root and its title. */
export function insideOf(scene: Scene): string {
  const clips: Box[] = [];
  const body = scene.items.map((item) => write(item, clips, '')).join('');
  const defs = clips
    .map((box, i) => `<clipPath id="clip${i + 1}"><path d="${rectangle(box)}"/></clipPath>\n`)
    .join('');
  return `${defs === '' ? '' : `<defs>\n${defs}</defs>\n`}<path d="${rectangle({ x: 0, y: 0, width: scene.width, height: scene.height })}" fill="#ffffff"/>
${body}`;
}

/** Items alone, for a document that is there already: what they clip is clipped by nothing. */
export function itemsToSvg(items: readonly Item[]): string {
  return items.map((item) => write(item, [], '')).join('');
}

function write(item: Item, clips: Box[], indent: string): string {
  if (item.type === 'text') return `${indent}${writeText(item)}\n`;
  if (item.type === 'path') {
    const stroke = item.stroke ? ` stroke="${item.stroke}" stroke-width="${number(item.width ?? 1)}"` : '';
    // The document's joins are round; a dash must end where it ends.
    const joins = item.stroke && item.dash ? ' stroke-linecap="butt"' : '';
    const dash = item.dash ? ` stroke-dasharray="${item.dash.map(number).join(' ')}"` : '';
    const opacity = item.opacity === undefined ? '' : ` fill-opacity="${number(item.opacity)}"`;
    return `${indent}<path d="${item.d}" fill="${item.fill ?? 'none'}"${opacity}${stroke}${joins}${dash}/>\n`;
  }
  if (item.clip) clips.push(item.clip);
  const clip = item.clip ? ` clip-path="url(#clip${clips.length})"` : '';
  const mark = item.mark === undefined ? '' : ` data-mark="${item.mark}"`;
  const inside = item.items.map((child) => write(child, clips, `${indent} `)).join('');
  // A view of space may be empty: the interactive form fills it.
  return inside === '' && item.name !== 'space'
    ? ''
    : `${indent}<g data-part="${escapeXml(item.name)}"${mark}${clip}>\n${inside}${indent}</g>\n`;
}

function writeText(item: TextItem): string {
  const runs = parseMath(item.text);
  let raised = 0;
  const spans = runs.map((run) => {
    const shift =
      run.shift === 0 ? 0 : run.shift > 0 ? -scriptShift.up * item.size : scriptShift.down * item.size;
    const moved = shift - raised;
    raised = shift;
    const attributes = [
      faceOf(run, item.bold ?? false) === 'italic' ? ' font-style="italic" font-weight="normal"' : '',
      run.shift === 0 ? '' : ` font-size="${number(item.size * scriptSize)}"`,
      moved === 0 ? '' : ` dy="${number(moved)}"`,
    ].join('');
    return attributes === '' ? escapeXml(run.text) : `<tspan${attributes}>${escapeXml(run.text)}</tspan>`;
  });
  const place = item.angle
    ? `transform="translate(${number(item.x)} ${number(item.y)}) rotate(${number(-item.angle)})"`
    : `x="${number(item.x)}" y="${number(item.y)}"`;
  const anchor = item.anchor === 'start' ? '' : ` text-anchor="${item.anchor}"`;
  const weight = item.bold ? ' font-weight="bold"' : '';
  return `<text ${place} font-size="${number(item.size)}"${anchor}${weight} fill="${item.fill ?? '#000000'}">${spans.join('')}</text>`;
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML text; characters that XML 1.0 forbids become the replacement character. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly what XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, '\ufffd')
      .replace(/[&<>"]/gu, (c) => escapes[c]!)
  );
}

/** The text that `escapeXml` wrote. */
export function unescapeXml(text: string): string {
  const characters = Object.fromEntries(Object.entries(escapes).map(([c, name]) => [name, c]));
  return text.replace(/&(?:amp|lt|gt|quot);/gu, (name) => characters[name]!);
}
