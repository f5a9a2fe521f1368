#!/usr/bin/env node
/**
 * Starts the command line. `program.ts` and all that a run with nothing to do needs are one file, written by the build
 * with the byte code that V8 made of it while it ran (scripts/compile-front.mjs): compiling that code again would take
 * a good tenth of such a run. Byte code of another Node, or none, is no harm: the file is then compiled as any other.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** What the front is given: it is a script and no module, because only scripts can be compiled before. */
type Front = (require: NodeJS.Require, load: (specifier: string) => Promise<unknown>, url: string) => void;

// Named by its content, so that no other file's byte code can be taken for it.
const name = process.env.OROGRAPH_FRONT!;
const file = join(import.meta.dirname, `${name}.cjs`);
const script = new Script(readFileSync(file, 'utf8'), { filename: file, cachedData: byteCode() });
const front = script.runInThisContext() as Front;
front(createRequire(import.meta.url), (specifier) => import(specifier), import.meta.url);

function byteCode(): Buffer | undefined {
  try {
    return readFileSync(join(import.meta.dirname, `${name}.v8`));
  } catch {
    return undefined;
  }
}
