/** A stretch of text in one face, size and height. */
export interface Run {
  readonly text: string;
  readonly italic: boolean;
  /** 1 for a superscript, -1 for a subscript, 0 on the line. */
  readonly shift: -1 | 0 | 1;
}

const subscripts = new Map([...'₀₁₂₃₄₅₆₇₈₉₊₋'].map((c, i) => [c, [...'0123456789+−'][i]!]));
const superscripts = new Map([...'⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻'].map((c, i) => [c, [...'0123456789+−'][i]!]));
const letter = /\p{L}/u;
/** What typing stands for in mathematics. */
const symbols: Readonly<Record<string, string>> = { '-': '−', "'": '′', '*': '·' };
/** Relations, with a thin space on both sides. */
const relation = /[=<>≤≥≈∈]/u;
const thinSpace = '\u2009';
const lowerGreek = /[α-ωϵϕ]/u;

/**
 * Splits a text into runs. Between dollar signs the text is mathematics: letters are italic, digits upright,
 * `-` a minus sign, relations stand apart, `_x`, `_{xy}`, `^x`, `^{xy}` go down and up, and `\text{…}` keeps words upright. Outside, a lone
 * Greek letter is italic as well, and Unicode's small digits are set as real sub- and superscripts. A dollar sign
 * without a partner is a dollar sign, and so is `\$` anywhere outside mathematics.
 */
export function parseMath(text: string): Run[] {
  const parts = text.split(/(?<!\\)\$/u);
  if (parts.length % 2 === 0) return merge(plain(text));
  return merge(parts.flatMap((part, i) => (i % 2 === 1 ? mathematics(part, 0) : plain(part))));
}

/** Markup for a text that is to be set as it stands. */
export const literal = (text: string): string => text.replaceAll('$', '\\$');

/** The text without any markup, for descriptions and comparisons. */
export function plainText(text: string): string {
  return parseMath(text)
    .map((run) => run.text)
    .join('');
}

function plain(text: string): Run[] {
  const characters = [...text.replaceAll('\\$', '$')];
  return characters.map((c, i) => {
    if (subscripts.has(c)) return { text: subscripts.get(c)!, italic: false, shift: -1 };
    if (superscripts.has(c)) return { text: superscripts.get(c)!, italic: false, shift: 1 };
    const lone = !letter.test(characters[i - 1] ?? '') && !letter.test(characters[i + 1] ?? '');
    return { text: c, italic: lowerGreek.test(c) && lone, shift: 0 };
  });
}

function mathematics(text: string, shift: Run['shift']): Run[] {
  const runs: Run[] = [];
  let rest = text;
  while (rest !== '') {
    const words = /^\\text\{([^}]*)\}/u.exec(rest);
    const script = /^([_^])(?:\{((?:[^{}]|\{[^{}]*\})*)\}|(.))/u.exec(rest);
    if (words) {
      runs.push({ text: words[1]!, italic: false, shift });
      rest = rest.slice(words[0].length);
    } else if (script) {
      runs.push(...mathematics(script[2] ?? script[3]!, script[1] === '_' ? -1 : 1));
      rest = rest.slice(script[0].length);
    } else {
      const c = String.fromCodePoint(rest.codePointAt(0)!);
      const small = subscripts.get(c) ?? superscripts.get(c);
      if (small !== undefined) runs.push({ text: small, italic: false, shift: subscripts.has(c) ? -1 : 1 });
      else if (relation.test(c) && shift === 0) {
        const before = runs.length > 0 && !runs.at(-1)!.text.endsWith(' ') ? thinSpace : '';
        const after = /^(?:\s|$)/u.test(rest.slice(c.length)) ? '' : thinSpace;
        runs.push({ text: `${before}${c}${after}`, italic: false, shift });
      } else runs.push({ text: symbols[c] ?? c, italic: letter.test(c), shift });
      rest = rest.slice(c.length);
    }
  }
  return runs;
}

function merge(runs: readonly Run[]): Run[] {
  const merged: Run[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    if (last && last.italic === run.italic && last.shift === run.shift)
      merged[merged.length - 1] = { ...last, text: last.text + run.text };
    else merged.push(run);
  }
  return merged;
}
