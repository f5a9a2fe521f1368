import { fontFallback, fontFamily } from './font-files.ts';
import { ascent, descent, faceOf, scriptShift, scriptSize, textWidth } from './fonts.ts';
import { parseMath } from './math-text.ts';
import { type Box, type Item, number, rectangle, type Scene, type TextItem } from './scene.ts';

/**
 * The scene as a standalone SVG document. Texts stay texts (searchable, editable); their places were computed with
 * the widths of the very fonts that PNG and PDF use. Plain presentation attributes only, which every reader of SVG
 * understands.
 */
export function sceneToSvg(scene: Scene): string {
  const clips: Box[] = [];
  const body = scene.items.map((item) => write(item, clips, '')).join('');
  const defs = clips
    .map((box, i) => `<clipPath id="clip${i + 1}"><path d="${rectangle(box)}"/></clipPath>\n`)
    .join('');
  const size = `width="${number(scene.width)}pt" height="${number(scene.height)}pt" viewBox="0 0 ${number(scene.width)} ${number(scene.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="'${fontFamily}', ${fontFallback}" role="img">
<title>${escapeXml(scene.title)}</title>
${defs === '' ? '' : `<defs>\n${defs}</defs>\n`}<path d="${rectangle({ x: 0, y: 0, width: scene.width, height: scene.height })}" fill="#ffffff"/>
${body}</svg>
`;
}

function write(item: Item, clips: Box[], indent: string): string {
  if (item.type === 'text') return `${indent}${writeText(item)}\n`;
  if (item.type === 'path') {
    const stroke = item.stroke ? ` stroke="${item.stroke}" stroke-width="${number(item.width ?? 1)}"` : '';
    const joins = item.stroke && !item.dash ? ' stroke-linejoin="round" stroke-linecap="round"' : '';
    const dash = item.dash ? ` stroke-dasharray="${item.dash.map(number).join(' ')}"` : '';
    return `${indent}<path d="${item.d}" fill="${item.fill ?? 'none'}"${stroke}${joins}${dash}/>\n`;
  }
  if (item.clip) clips.push(item.clip);
  const clip = item.clip ? ` clip-path="url(#clip${clips.length})"` : '';
  const inside = item.items.map((child) => write(child, clips, `${indent} `)).join('');
  return inside === ''
    ? ''
    : `${indent}<g data-part="${escapeXml(item.name)}"${clip}>\n${inside}${indent}</g>\n`;
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
  const place = item.upward
    ? `transform="translate(${number(item.x)} ${number(item.y)}) rotate(-90)"`
    : `x="${number(item.x)}" y="${number(item.y)}"`;
  const anchor = item.anchor === 'start' ? '' : ` text-anchor="${item.anchor}"`;
  const weight = item.bold ? ' font-weight="bold"' : '';
  return `<text ${place} font-size="${number(item.size)}"${anchor}${weight} fill="${item.fill ?? '#000000'}">${spans.join('')}</text>`;
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML text; characters that XML 1.0 forbids become the replacement character. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly what XML forbids
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, '\ufffd')
      .replace(/[&<>"]/gu, (c) => escapes[c]!)
  );
}

/** The box a text covers, from the fonts' metrics: what the tests use to prove that no two texts overlap. */
export function textBox(item: TextItem): Box {
  const width = textWidth(item.text, item.size, item.bold);
  const runs = parseMath(item.text);
  const up = runs.some((r) => r.shift > 0) ? Math.max(ascent, scriptShift.up + ascent * scriptSize) : ascent;
  const before = item.anchor === 'start' ? 0 : item.anchor === 'middle' ? width / 2 : width;
  const height = (up + descent) * item.size;
  return item.upward
    ? { x: item.x - up * item.size, y: item.y - width + before, width: height, height: width }
    : { x: item.x - before, y: item.y - up * item.size, width, height };
}

export function textsOf(items: readonly Item[]): TextItem[] {
  return items.flatMap((item) =>
    item.type === 'group' ? textsOf(item.items) : item.type === 'text' ? [item] : [],
  );
}
