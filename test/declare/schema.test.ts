import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { editorSchema } from '../../src/declare/editor-schema.ts';
import type { FactTypes } from '../../src/kind/fact-types.ts';
import type { StageKind } from '../../src/kind/stage-kind.ts';

const root = new URL('../../', import.meta.url);
const file = new URL('schema/pipeline.schema.json', root);

async function builtinKinds(): Promise<Parameters<typeof editorSchema>[0]> {
  const kinds: Record<string, { definition: StageKind; factTypes: FactTypes | null }> = {};
  for (const name of readdirSync(new URL('stages/', root)).sort()) {
    const stage = new URL(`stages/${name}/stage.ts`, root);
    if (!existsSync(stage)) continue;
    const module = (await import(stage.href)) as { default: StageKind; factTypes?: FactTypes };
    kinds[name] = { definition: module.default, factTypes: module.factTypes ?? null };
  }
  return kinds;
}

describe('the schema of pipeline files', () => {
  it('is the committed one (UPDATE_SCHEMA=1 writes it)', async () => {
    const text = `${JSON.stringify(editorSchema(await builtinKinds()), null, 2)}\n`;
    if (process.env.UPDATE_SCHEMA === '1') writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('takes the pipelines that ship, and refuses what their kinds refuse', async () => {
    const validate = new Ajv2020({ strict: false }).compile(editorSchema(await builtinKinds()));
    const folder = new URL('pipelines/', root);
    for (const name of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
      const pipeline = parse(readFileSync(new URL(name, folder), 'utf8'), { merge: true });
      expect(validate(pipeline), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
    const stage = (uses: string, extra = {}) => ({
      pipeline: 'p',
      stages: { a: { uses, with: { nothing: 1 }, ...extra } },
    });
    expect(validate(stage('train'))).toBe(false);
    expect(validate(stage('./mine.ts'))).toBe(true);
    expect(validate(stage('trian'))).toBe(false);
    expect(validate(stage('./mine.ts', { retries: '${{ params.n }}' }))).toBe(true);
    expect(validate(stage('./mine.ts', { retries: 'many' }))).toBe(false);
    const claim = (expect: unknown) => stage('classify', { with: {}, expect });
    expect(validate(claim({ category: ['v-basin', '${{ params.c }}'] }))).toBe(true);
    expect(validate(claim({ category: 'v-basn' }))).toBe(false);
    expect(validate(claim({ 'stationary-points': { min: 1, max: '${{ params.n }}' } }))).toBe(true);
    expect(validate(claim({ 'stationary-points': { min: 'one' } }))).toBe(false);
    expect(validate(claim({ categroy: 'v-basin' }))).toBe(false);
  });
});
