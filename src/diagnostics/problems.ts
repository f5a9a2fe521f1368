import type { Diagnostic, Position } from './diagnostic.ts';
import { positionOf, type Span } from './source-text.ts';

/** More than anyone reads; what lies beyond is counted. */
const most = 500;

type Lazy = string | undefined | (() => string | undefined);

interface Details {
  /** Functions where finding it costs something: they are not called for what will not be shown. */
  readonly expected?: Lazy;
  readonly hint?: Lazy;
  readonly related?: readonly { readonly message: string; readonly at: Span | Position | undefined }[];
}

/**
 * Collects what is wrong, so that one pass reports every mistake. The same message at the same place is kept once:
 * a mistake in a matrix stage would otherwise be told once an instance.
 */
export class Problems {
  readonly #found: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;
  #left = 0;

  /** How many errors there were, those beyond the limit included. */
  get errors(): number {
    return this.#errors;
  }

  error(code: string, at: Span | Position | undefined, message: string, details: Details = {}): void {
    this.#tell('error', code, at, message, details);
  }

  warning(code: string, at: Span | Position | undefined, message: string, details: Details = {}): void {
    this.#tell('warning', code, at, message, details);
  }

  #tell(
    severity: Diagnostic['severity'],
    code: string,
    at: Span | Position | undefined,
    message: string,
    details: Details,
  ): void {
    // A file of a hundred thousand mistakes must not cost a search for close names for each.
    if (this.#found.length < most) this.add(diagnostic(severity, code, at, message, details));
    else {
      this.#left++;
      if (severity === 'error') this.#errors++;
    }
  }

  add(found: Diagnostic): void {
    const key = `${found.code}|${found.at?.file}|${found.at?.line}|${found.at?.column}|${found.message}`;
    if (this.#seen.has(key)) return;
    if (found.severity === 'error') this.#errors++;
    if (this.#found.length >= most) {
      this.#left++;
      return;
    }
    this.#seen.add(key);
    this.#found.push(found);
  }

  /** All that was found: file by file in the order in which they were met, top to bottom. */
  list(): Diagnostic[] {
    const files = new Map<string, number>();
    for (const { at } of this.#found) if (at && !files.has(at.file)) files.set(at.file, files.size);
    const rank = (d: Diagnostic) => (d.at ? files.get(d.at.file)! : -1);
    const sorted = [...this.#found].sort(
      (a, b) =>
        rank(a) - rank(b) ||
        (a.at?.line ?? 0) - (b.at?.line ?? 0) ||
        (a.at?.column ?? 0) - (b.at?.column ?? 0),
    );
    if (this.#left > 0) {
      sorted.push({
        severity: 'error',
        code: 'too-many-problems',
        message: `${this.#left} more problems are not shown`,
      });
    }
    return sorted;
  }
}

function diagnostic(
  severity: Diagnostic['severity'],
  code: string,
  at: Span | Position | undefined,
  message: string,
  { expected: wanted, hint: hinted, related }: Details,
): Diagnostic {
  const expected = typeof wanted === 'function' ? wanted() : wanted;
  const hint = typeof hinted === 'function' ? hinted() : hinted;
  const placed = (related ?? []).flatMap(({ message, at }) => (at ? [{ message, at: place(at) }] : []));
  return {
    severity,
    code,
    message,
    ...(at ? { at: place(at) } : {}),
    ...(expected === undefined ? {} : { expected }),
    ...(hint === undefined ? {} : { hint }),
    ...(placed.length > 0 ? { related: placed } : {}),
  };
}

function place(at: Span | Position): Position {
  return 'source' in at ? positionOf(at) : at;
}
