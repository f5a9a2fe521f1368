import { escapeXml, unescapeXml } from '../svg.ts';

const open = '<metadata id="orograph-provenance">';
const close = '</metadata>';

/** First inside the document's element. */
export function stampSvg(file: Buffer, text: string): Buffer {
  const svg = file.toString('utf8');
  const element = /<svg\b[^>]*>/u.exec(svg);
  if (!element || element[0].endsWith('/>')) return file;
  const at = element.index + element[0].length;
  return Buffer.from(`${svg.slice(0, at)}\n${open}${escapeXml(text)}${close}${svg.slice(at)}`);
}

export function unstampSvg(file: Buffer): string | undefined {
  if (!/^\s*(?:<\?xml|<svg|<!--)/u.test(file.toString('utf8', 0, 200))) return undefined;
  const svg = file.toString('utf8');
  const from = svg.indexOf(open);
  const to = svg.indexOf(close, from);
  return from < 0 || to < 0 ? undefined : unescapeXml(svg.slice(from + open.length, to));
}
