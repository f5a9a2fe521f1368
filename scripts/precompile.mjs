// Compiles the checks of the schemas that ship (pipelines, stages, the parameters of each kind) to JavaScript, so that
// no run need do it: ajv takes tens of milliseconds, and as long again to load.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';

/** What stages import only when they run stays out: schemas do not need it. */
const withoutRuns = {
  name: 'without-runs',
  setup({ onResolve }) {
    onResolve({ filter: /.*/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path, external: true } : null,
    );
  },
};

/** What the schemas are made of, in one module. */
const entry = (kinds) => `
export { ajvOptions, nameOfCheck } from './src/declare/validate.ts';
import { PipelineFile } from './src/declare/schema.ts';
import { refuseUnknownKeys } from './src/declare/schema-transform.ts';
import { settledStage } from './src/plan/draft.ts';
${kinds.map((kind, i) => `import kind${i} from './stages/${kind}/stage.ts';`).join('\n')}
const kinds = [${kinds.map((_, i) => `kind${i}`).join(', ')}];
export const schemas = [
  { schema: PipelineFile, defaults: false },
  { schema: settledStage, defaults: false },
  ...kinds.map((kind) => ({ schema: refuseUnknownKeys(kind.with), defaults: true })),
];
`;

/**
 * The table of src/declare/precompiled.ts as the text of a module.
 * @param root of the project
 * @param scratch an existing folder below it
 */
export async function precompiledTable(root, scratch, kinds) {
  const tool = join(scratch, 'schemas.mjs');
  await build({
    stdin: { contents: entry(kinds), resolveDir: root, loader: 'ts' },
    absWorkingDir: root,
    outfile: tool,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    plugins: [withoutRuns],
  });
  const { ajvOptions, nameOfCheck, schemas } = await import(pathToFileURL(tool).href);
  rmSync(tool);
  const entries = schemas.map(({ schema, defaults }) => {
    const ajv = new Ajv2020({ ...ajvOptions, useDefaults: defaults, code: { source: true } });
    const code = standaloneCode.default(ajv, ajv.compile(schema));
    return `${nameOfCheck(schema, defaults)}() { const module = { exports: {} }; ${code.replace('"use strict";', '')} return module.exports; },`;
  });
  return `export const precompiled = {\n${entries.join('\n')}\n};`;
}
