/** A place in a text that the user wrote. Lines and columns count from 1. */
export interface Position {
  /** Path as the user would type it from where they stand. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Characters to underline, at least 1. */
  readonly length: number;
}

/**
 * One thing the user should know. Expected failures are data of this type, never exceptions that were not
 * thought about; `code` is stable and documented in `docs/diagnostics.md`.
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable identifier in kebab-case, e.g. `unknown-stage`. */
  readonly code: string;
  /** One sentence that says what is wrong. */
  readonly message: string;
  readonly at?: Position;
  /** What would have been right. */
  readonly expected?: string;
  /** What to do about it, e.g. `did you mean "evaluate"?`. */
  readonly hint?: string;
  readonly related?: readonly { readonly message: string; readonly at: Position }[];
}

/** What went wrong, for the shell. */
export const exitCodes = {
  good: 0,
  stageFailed: 1,
  badInput: 2,
  verificationFailed: 3,
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const brand = Symbol.for('orograph.UserError');

/** A mistake of the user's or of the machine's, fully described: shown as its diagnostics, never as a stack trace. */
export class UserError extends Error {
  /** `dist/` holds this class more than once; an error of one is an error to all. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
  readonly [brand] = true;
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode: ExitCode;
  /** Texts by the `file` of positions, as they were read; files that are not in it are read when they are shown. */
  readonly sources: ReadonlyMap<string, string>;
  constructor(
    diagnostics: Diagnostic | readonly Diagnostic[],
    exitCode: ExitCode = exitCodes.badInput,
    sources: ReadonlyMap<string, string> = new Map(),
  ) {
    const list = Array.isArray(diagnostics)
      ? (diagnostics as readonly Diagnostic[])
      : [diagnostics as Diagnostic];
    super(list.map((d) => d.message).join('\n'));
    this.name = 'UserError';
    this.diagnostics = list;
    this.exitCode = exitCode;
    this.sources = sources;
    this.sources = sources;
  }
}
