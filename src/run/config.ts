import { readFileSync } from 'node:fs';
// Not `await import('yaml')`: of a bundled CommonJS package that holds nothing but a default export.
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { UserError } from '../diagnostics/diagnostic.ts';

/** What `orograph.config.yaml` may say; all of it optional. */
export interface Config {
  readonly cache?: string;
  readonly artifacts?: string;
  readonly jobs?: number;
}

/** Reads a configuration file; throws where it cannot be read or says what is not understood. */
export function readConfig(file: string): Config {
  const fail = (message: string, line = 1, column = 1, length = 1): never => {
    throw new UserError({
      severity: 'error',
      code: 'bad-config',
      message,
      at: { file, line, column, length },
      expected: 'a mapping with any of cache (folder), artifacts (folder), jobs (number)',
    });
  };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return fail(`the configuration cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const problem = document.errors[0];
  if (problem) fail(problem.message.split('\n')[0]!, problem.linePos?.[0].line, problem.linePos?.[0].col);
  const { contents } = document;
  if (contents === null) return {};
  if (!isMap(contents)) return fail('the configuration is not a mapping');
  let values: Record<string, unknown>;
  try {
    values = document.toJS() as Record<string, unknown>;
  } catch (error) {
    // An alias of nothing, or too many of them.
    return fail(`the configuration cannot be read: ${(error as Error).message}`);
  }
  for (const { key } of contents.items) {
    if (!isScalar(key) || !key.range) return fail('the configuration is not a mapping of names to values');
    const name = String(key.value);
    const { line, col } = lines.linePos(key.range[0]);
    const refuse = (message: string): never => fail(message, line, col, key.range![1] - key.range![0]);
    const given = values[name];
    if (name === 'jobs') {
      if (!Number.isInteger(given) || (given as number) < 1) refuse('jobs must be a whole number from 1');
    } else if (name === 'cache' || name === 'artifacts') {
      if (typeof given !== 'string' || given === '') refuse(`${name} must be the path of a folder`);
    } else refuse(`unknown setting "${name}"`);
  }
  return values as Config;
}
