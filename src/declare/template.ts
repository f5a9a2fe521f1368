/** Where a placeholder may take its value from. `inputs` and `outputs` are filled in when a command runs. */
export const scopes = ['params', 'matrix', 'env', 'inputs', 'outputs'] as const;
export type ScopeName = (typeof scopes)[number];

/** `${{ params.a.b }}`; `member` is what follows a slash: `${{ inputs.models/10 }}`. */
export interface Placeholder {
  readonly scope: ScopeName;
  readonly path: readonly string[];
  readonly member: string | null;
  /** Offsets in the text, `${{` and `}}` included. */
  readonly start: number;
  readonly end: number;
}

/** Something between `${{` and `}}` that is no placeholder. */
export interface BadPlaceholder {
  readonly bad: string;
  readonly scope: string | null;
  readonly start: number;
  readonly end: number;
}

export type Part = string | Placeholder | BadPlaceholder;

const inside = /^([A-Za-z]+)((?:\.[A-Za-z0-9_-]+)+)(?:\/([^\s/{}]+))?$/;

/**
 * Splits a text at its placeholders. There is no arithmetic and no call in a placeholder: what is computed belongs
 * into a stage, where it is keyed. `$${{` stands for a `${{` that is meant as text.
 */
export function parseTemplate(text: string): Part[] {
  const parts: Part[] = [];
  let literal = '';
  let at = 0;
  for (let start = text.indexOf('${{'); start >= 0; start = text.indexOf('${{', at)) {
    if (start > at && text[start - 1] === '$') {
      literal += `${text.slice(at, start - 1)}\${{`;
      at = start + 3;
      continue;
    }
    literal += text.slice(at, start);
    if (literal) parts.push(literal);
    literal = '';
    const close = text.indexOf('}}', start);
    const end = close < 0 ? text.length : close + 2;
    parts.push(close < 0 ? bad('"${{" without "}}"', start, end) : readPlaceholder(text, start, end));
    at = end;
  }
  literal += text.slice(at);
  if (literal || parts.length === 0) parts.push(literal);
  return parts;
}

function bad(reason: string, start: number, end: number, scope: string | null = null): BadPlaceholder {
  return { bad: reason, scope, start, end };
}

function readPlaceholder(text: string, start: number, end: number): Placeholder | BadPlaceholder {
  const body = text.slice(start + 3, end - 2).trim();
  if (body === '') return bad('an empty placeholder', start, end);
  const match = inside.exec(body);
  if (!match) return bad(`"${body}" is not a placeholder`, start, end);
  const scope = match[1] as ScopeName;
  const member = match[3] ?? null;
  if (!scopes.includes(scope)) return bad(`"${scope}" is nothing to take a value from`, start, end, scope);
  const path = match[2]!.slice(1).split('.');
  const files = scope === 'inputs' || scope === 'outputs';
  if (files ? path.length > 1 : member !== null) return bad(`"${body}" is not a placeholder`, start, end);
  return { scope, path, member, start, end };
}

export function isPlaceholder(part: Part): part is Placeholder {
  return typeof part === 'object' && 'path' in part;
}

/**
 * Fills the places that a plan leaves in a command: `${{ inputs.x }}`, `${{ outputs.x }}` and members of them.
 * `fill` returns what is put there, quoted for the shell. The plan has checked that every name exists.
 */
export function fillCommand(command: string, fill: (place: Placeholder) => string): string {
  return parseTemplate(command)
    .map((part) => (typeof part === 'string' ? part : isPlaceholder(part) ? fill(part) : ''))
    .join('');
}
