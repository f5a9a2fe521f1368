import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PipelineFile } from '../../src/declare/schema.ts';
import { refuseUnknownKeys, type Schema } from '../../src/declare/schema-transform.ts';
import { compile, nameOfCheck } from '../../src/declare/validate.ts';
import { settledStage } from '../../src/plan/draft.ts';
import { packageRoot } from '../../src/util/package-root.ts';
import evaluate from '../../stages/evaluate/stage.ts';
import train from '../../stages/train/stage.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const pipeline = PipelineFile as unknown as Schema;
const parametersOf = (kind: { readonly with: unknown }) => refuseUnknownKeys(kind.with as Schema);
const require = createRequire(import.meta.url);

type Validate = { (value: unknown): boolean; errors?: unknown };

/** The checks as the build makes them. */
async function built(): Promise<Record<string, () => Validate>> {
  const script = join(packageRoot(), 'scripts', 'precompile.mjs');
  const { precompiledTable } = (await import(script)) as {
    precompiledTable: (root: string, scratch: string, kinds: string[]) => Promise<string>;
  };
  const text = await precompiledTable(packageRoot(), scratchFolder('checks'), ['train', 'evaluate']);
  return new Function('require', text.replace('export const precompiled =', 'return'))(require);
}

describe('checks that the build compiles', () => {
  it('find what those find that are compiled when they are used, and fill in the same defaults', async () => {
    const checks = await built();
    const cases: [Schema, boolean, unknown[]][] = [
      [
        pipeline,
        false,
        [{ pipeline: 'p', stages: {} }, { pipelin: 3 }, { pipeline: 'p', stages: { a: { uses: 4 } } }],
      ],
      [settledStage, false, [{ uses: 'train', retries: -1, timeout: 'soon' }, {}]],
      [
        parametersOf(train),
        true,
        [{}, { epochs: -3, sed: 1 }, { network: { name: 'mlp', widths: [4] }, epochs: 2, seed: 1 }],
      ],
      [parametersOf(evaluate), true, [{}, { points: 'many' }, { points: 41, loss: true }]],
    ];
    for (const [schema, defaults, values] of cases) {
      const validate = checks[nameOfCheck(schema, defaults)]!();
      const now = await compile(schema, { defaults });
      for (const value of values) {
        const [one, other] = [structuredClone(value), structuredClone(value)];
        const errors = validate(one) ? [] : validate.errors;
        expect(errors).toEqual(now(other));
        expect(one).toEqual(other);
      }
    }
  });

  it('are in what was built', () => {
    const folder = join(packageRoot(), 'dist', 'cli');
    const newest = readdirSync(folder)
      .filter((name) => /^plan-pipeline-.*\.cjs$/.test(name))
      .map((name) => join(folder, name))
      .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]!;
    const text = readFileSync(newest, 'utf8');
    for (const schema of [pipeline, settledStage]) expect(text).toContain(nameOfCheck(schema, false));
    for (const kind of [train, evaluate]) expect(text).toContain(nameOfCheck(parametersOf(kind), true));
  });
});
