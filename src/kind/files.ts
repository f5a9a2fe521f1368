import { type Diagnostic, UserError } from '../diagnostics/diagnostic.ts';
import type { FileDependency } from './stage-kind.ts';

/** Files of several sources. @throws UserError of all that are missing, not only of the first source's. */
export function filesFrom(...sources: readonly (() => FileDependency[])[]): FileDependency[] {
  const wrong: Diagnostic[] = [];
  const files = sources.flatMap((source) => {
    try {
      return source();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      wrong.push(...error.diagnostics);
      return [];
    }
  });
  if (wrong.length > 0) throw new UserError(wrong);
  return files;
}
