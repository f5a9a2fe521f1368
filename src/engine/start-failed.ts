import { UserError } from '../diagnostics/diagnostic.ts';

/** The first line of whatever a native library or a package threw, as a user's error. */
export function startFailed(engine: string, cause: unknown, hint: string): UserError {
  const text =
    cause instanceof Error ? cause.message : String((cause as { message?: string })?.message ?? cause);
  // onnxruntime says first in which line of which of its files.
  const first =
    text
      .replace(/^\/onnxruntime_src\/.*? was false\. /, '')
      .split('\n')
      .find((line) => line.trim() !== '') ?? 'no reason given';
  return new UserError({
    severity: 'error',
    code: 'engine-start-failed',
    message: `the engine "${engine}" could not be started: ${first.trim()}`,
    hint,
  });
}
