import { readFileSync } from 'node:fs';
import * as fontkit from 'fontkit';
import { fontFiles } from './font-files.ts';
import { parseMath } from './math-text.ts';
import { type Face, faceOf, scriptSize } from './typography.ts';

const open = new Map<Face, fontkit.Font>();

/** The font of a face, read once: its tables are unpacked as they are needed, which costs more than the drawing. */
export function font(face: Face): fontkit.Font {
  const known = open.get(face);
  if (known) return known;
  const read = fontkit.create(readFileSync(fontFiles()[face]));
  if (!('layout' in read)) throw new Error(`the font file of the ${face} face holds no single font`);
  open.set(face, read);
  return read;
}

/** Advances in units of the font, word by word. */
const advances: Readonly<Record<Face, Map<string, number>>> = {
  regular: new Map(),
  italic: new Map(),
  bold: new Map(),
};

/**
 * Width of a run in ems. A word is measured once, however many lines are tried with it: no pair of letters is kerned
 * across a space, and the PDF is set word by word, too.
 */
function runWidth(text: string, face: Face): number {
  const known = advances[face];
  let sum = 0;
  for (const word of text.match(/[^ ]+| +/gu) ?? []) {
    let advance = known.get(word);
    if (advance === undefined) {
      advance = font(face).layout(word).advanceWidth;
      known.set(word, advance);
    }
    sum += advance;
  }
  return sum / font(face).unitsPerEm;
}

const widths = { plain: new Map<string, number>(), bold: new Map<string, number>() };

/** Width of a text with mathematics in points, from the font's own advances, kerning included. */
export function textWidth(text: string, size: number, bold = false): number {
  const known = bold ? widths.bold : widths.plain;
  let width = known.get(text);
  if (width === undefined) {
    width = parseMath(text).reduce(
      (sum, run) => sum + runWidth(run.text, faceOf(run, bold)) * (run.shift === 0 ? 1 : scriptSize),
      0,
    );
    known.set(text, width);
  }
  return width * size;
}

/** Breaks a text at spaces into lines of at most `width`; a word that is wider is broken inside. */
export function wrapText(text: string, size: number, width: number, bold = false): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  const fits = (candidate: string): boolean => textWidth(candidate, size, bold) <= width;
  const space = textWidth(' ', size, bold);
  for (const word of words(text)) {
    const wide = textWidth(word, size, bold);
    if (line !== '' && used + space + wide <= width) {
      line += ` ${word}`;
      used += space + wide;
    } else {
      if (line !== '') lines.push(line);
      line = word;
      while (!fits(line) && line.length > 1) {
        let cut = line.length - 1;
        while (cut > 1 && !fits(line.slice(0, cut))) cut--;
        lines.push(line.slice(0, cut));
        line = line.slice(cut);
      }
      used = textWidth(line, size, bold);
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** Width of a long word, "regularisation", in parts of its size: what is wider is no word that must stay whole. */
const longWord = 9;

/**
 * The same, but words stay whole: lines are as wide as the longest of them where that is wider.
 * @param most that a word may take.
 */
export function wrapWords(
  text: string,
  size: number,
  width: number,
  { bold = false, most = longWord * size } = {},
): string[] {
  const longest = words(text)
    .map((word) => textWidth(word, size, bold))
    .filter((wide) => wide <= most)
    .reduce((widest, wide) => Math.max(widest, wide), width);
  return wrapText(text, size, longest, bold);
}

/** Splits at spaces, but never inside mathematics. */
function words(text: string): string[] {
  const list: string[] = [];
  for (const piece of text.split(/\s+/u).filter((w) => w !== '')) {
    const last = list.at(-1);
    if (last !== undefined && last.split('$').length % 2 === 0) list[list.length - 1] = `${last} ${piece}`;
    else list.push(piece);
  }
  return list;
}
