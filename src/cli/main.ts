#!/usr/bin/env node
/**
 * Starts the command line. What most runs need is in scripts, each with the byte code that V8 made of it while it ran
 * (scripts/byte-code.mjs): `program.ts` with all that a run with nothing to do takes, what plans a pipeline,
 * and what reads a workspace's configuration. To compile that code again would take a good tenth of such a run. Byte code of another Node, or none, is no harm: the
 * script is then compiled as any other.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** A script and no module, because only scripts can be compiled before. It fills in the module's exports. */
type Wrapped = (
  require: NodeJS.Require,
  load: (specifier: string) => Promise<unknown>,
  url: string,
  module: { exports: unknown },
) => void;

/** By the specifier of its module, seen from here, the name of a script: made of its content, as its byte code's is. */
const scripts = JSON.parse(process.env.OROGRAPH_SCRIPTS!) as Readonly<Record<string, string>>;
const loaded = new Map<string, unknown>();

async function load(specifier: string): Promise<unknown> {
  const name = scripts[specifier];
  if (name === undefined) return import(specifier);
  if (!loaded.has(name)) loaded.set(name, run(name));
  return loaded.get(name);
}

function run(name: string): unknown {
  const file = join(import.meta.dirname, `${name}.cjs`);
  const script = new Script(readFileSync(file, 'utf8'), { filename: file, cachedData: byteCode(name) });
  const module = { exports: {} };
  (script.runInThisContext() as Wrapped)(createRequire(import.meta.url), load, import.meta.url, module);
  return module.exports;
}

function byteCode(name: string): Buffer | undefined {
  try {
    return readFileSync(join(import.meta.dirname, `${name}.v8`));
  } catch {
    return undefined;
  }
}

void load('./program.js');
