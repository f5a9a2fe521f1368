/** A reference as it is written, each part with its offsets. See `parseReference`. */
export interface Reference {
  /** What stands before a selector, or all of the dotted path where there is none. */
  readonly head: string;
  readonly selector: readonly SelectorPart[] | null;
  /** After a selector: `stage[seed=1].output`. Without one, the output is the end of `head`. */
  readonly output: string | null;
  readonly member: string | null;
}

export interface SelectorPart {
  readonly axis: string;
  readonly label: string;
  readonly start: number;
  readonly end: number;
}

export interface BadReference {
  readonly bad: string;
  readonly start: number;
  readonly end: number;
}

const path = /[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*/y;
const part = /\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"\]](?:[^,"\]]*[^\s,"\]])?)\s*/y;
const output = /\.([A-Za-z][A-Za-z0-9_-]*)/y;
const member = /\/([^\s/[\]]+)$/y;

export const grammar = 'stage, stage.output, stage[axis=value].output or stage.output/member';

/**
 * Reads `stage`, `stage.output`, `stage[axis=value,axis=value].output/member`. A value with a comma, a bracket or
 * a space at its ends is quoted as in JSON. Which part of `a.b.c` is the stage is decided by the stages there are.
 */
export function parseReference(text: string): Reference | BadReference {
  const match = (pattern: RegExp, at: number) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const bad = (reason: string, start: number, end = start + 1): BadReference => ({ bad: reason, start, end });
  const head = match(path, 0);
  if (!head) return bad(`"${text}" is no reference`, 0, text.length);
  let at = head[0].length;
  let selector: SelectorPart[] | null = null;
  let after: string | null = null;
  if (text[at] === '[') {
    selector = [];
    do {
      const next = match(part, at + 1);
      if (!next) return bad('after "[" or "," an axis and its value must follow', at, text.length);
      const label = next[2]!.startsWith('"') ? unquote(next[2]!) : next[2]!;
      if (label === undefined) return bad(`${next[2]} is not well quoted`, at + 1, part.lastIndex);
      const start = at + 1 + next[0].indexOf(next[1]!);
      const twice = selector.some(({ axis }) => axis === next[1]);
      if (twice) return bad(`the axis "${next[1]}" is selected twice`, start, start + next[1]!.length);
      selector.push({ axis: next[1]!, label, start, end: at + 1 + next[0].trimEnd().length });
      at = part.lastIndex;
    } while (text[at] === ',');
    if (text[at] !== ']') return bad('"]" is missing', at);
    at++;
    const named = match(output, at);
    if (named) {
      after = named[1]!;
      at = output.lastIndex;
    }
  }
  const named = match(member, at);
  if (named) at = text.length;
  if (at < text.length) return bad(`"${text.slice(at)}" cannot follow here`, at, text.length);
  return { head: head[0], selector, output: after, member: named?.[1] ?? null };
}

function unquote(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** The name of an instance: `curve`, `curve[seed=1,model=mlp]`; reads back as a reference to just it. */
export function instanceId(stage: string, axes: readonly (readonly [string, string])[]): string {
  if (axes.length === 0) return stage;
  const parts = axes.map(([axis, label]) => {
    const plain = label !== '' && label === label.trim() && !/[,"\]\\]/.test(label);
    return `${axis}=${plain ? label : JSON.stringify(label)}`;
  });
  return `${stage}[${parts.join(',')}]`;
}
