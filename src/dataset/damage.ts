import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';

/** Damaged or unfit files. */
export function bad(message: string, rest: Partial<Diagnostic> = {}): UserError {
  return new UserError({ severity: 'error', code: 'bad-dataset', message, ...rest });
}
