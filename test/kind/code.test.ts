import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileKind, identifyCode, surveyCode } from '../../src/kind/code.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orograph-code-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (files: Record<string, string>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
};
const digest = async (name = 'stage.ts', exported = 'default') =>
  (await identifyCode(join(root, name), exported, { root })).identity.digest;

const files = {
  'stage.ts': `import { half } from './half.ts';
export default { version: 1, run: async (x: number) => (await import('./lazy.ts')).twice(half(x)) };
export const facts = async () => (await import('./facts.ts')).count();
`,
  'half.ts': 'export const half = (x: number): number => x / 2;\nexport const unused = 7;\n',
  'lazy.ts': 'export const twice = (x: number): number => x * 2;\n',
  'facts.ts': 'export const count = (): number => 3;\n',
  'node_modules/dep/package.json': '{"name":"dep","version":"1.2.3","main":"index.js","type":"module"}',
  'node_modules/dep/index.js': 'export const dep = 1;\n',
};

describe('the identity of code', () => {
  it('is blind to comments, white space and types', async () => {
    write(files);
    const before = await digest();
    write({
      'half.ts':
        '/* halves */\nexport const half = (x: number | string & number):   number =>\n  x / 2; // so\n\nexport const unused = 7;\n',
      'stage.ts': `// A heading\n${files['stage.ts'].replaceAll('; ', ';\n  ')}`,
    });
    expect(await digest()).toBe(before);
  });

  it('changes with the code, also behind a dynamic import', async () => {
    write(files);
    const before = await digest();
    write({ 'lazy.ts': 'export const twice = (x: number): number => x + x;\n' });
    expect(await digest()).not.toBe(before);
  });

  it('leaves out what only the export `facts` uses', async () => {
    write(files);
    const [before, factsBefore] = [await digest(), await digest('stage.ts', 'facts')];
    write({ 'facts.ts': 'export const count = (): number => 4;\n' });
    expect(await digest()).toBe(before);
    expect(await digest('stage.ts', 'facts')).not.toBe(factsBefore);
    const { identity } = await identifyCode(join(root, 'stage.ts'), 'default', { root });
    expect(Object.keys(identity.files)).toEqual(['half.ts', 'lazy.ts', 'stage.ts']);
  });

  it('counts a package by its exact version, not by its text', async () => {
    write({
      ...files,
      'half.ts': "import { dep } from 'dep';\nexport const half = (x: number): number => (x * dep) / 2;\n",
    });
    const before = await identifyCode(join(root, 'stage.ts'), 'default', { root });
    expect(before.identity.packages).toEqual({ dep: '1.2.3' });
    write({ 'node_modules/dep/index.js': 'export const dep = 2;\n' });
    expect(await digest()).toBe(before.identity.digest);
    write({
      'node_modules/dep/package.json': files['node_modules/dep/package.json'].replace('1.2.3', '1.2.4'),
    });
    expect(await digest()).not.toBe(before.identity.digest);
  });

  it('counts a package by its text where no version stands for it: linked, or behind an alias', async () => {
    const { 'node_modules/dep/package.json': _, 'node_modules/dep/index.js': __, ...own } = files;
    write({
      ...own,
      'half.ts':
        "import { dep } from 'dep';\nimport { two } from '#two';\nexport const half = (x: number) => (x * dep) / two;\n",
      'package.json': '{"imports":{"#two":"./two.js"}}',
      'two.js': 'export const two = 2;\n',
      'packages/dep/package.json': files['node_modules/dep/package.json'],
      'packages/dep/index.js': files['node_modules/dep/index.js'],
    });
    mkdirSync(join(root, 'node_modules'));
    symlinkSync('../packages/dep', join(root, 'node_modules/dep'));
    const seen = [await digest()];
    write({ 'packages/dep/index.js': 'export const dep = 2;\n' });
    seen.push(await digest());
    write({ 'two.js': 'export const two = 3;\n' });
    seen.push(await digest());
    expect(new Set(seen).size).toBe(3);
  });

  it('lists as sources also those of which nothing is left', async () => {
    write({
      ...files,
      'half.ts': `import './types.ts';\n${files['half.ts']}`,
      'types.ts': 'export type T = 1;\n',
    });
    const { sources } = await surveyCode(join(root, 'stage.ts'), { root });
    expect(sources).toContain(join(root, 'types.ts'));
  });

  it('does not depend on where the folder lies', async () => {
    write(files);
    const here = await digest();
    const first = root;
    root = mkdtempSync(join(tmpdir(), 'orograph-code-elsewhere-'));
    write(files);
    expect(await digest()).toBe(here);
    rmSync(first, { recursive: true, force: true });
  });

  it('lists the exports and gives a module that runs', async () => {
    write(files);
    expect([...(await surveyCode(join(root, 'stage.ts'), { root })).exports].sort()).toEqual([
      'default',
      'facts',
    ]);
    const self = join(root, 'self.mjs');
    write({
      'self.mjs': 'export const defineStage = (kind) => ({ ...kind, defined: true });\n',
      'user.ts':
        "import { defineStage } from 'orograph';\nimport { dep } from 'dep';\nexport default defineStage({ version: dep });\n",
    });
    const out = join(root, 'out', 'user.mjs');
    mkdirSync(join(root, 'out'), { recursive: true });
    writeFileSync(out, await compileKind(join(root, 'user.ts'), out, { root, self }));
    const module = (await import(out)) as { default: unknown };
    expect(module.default).toEqual({ version: 1, defined: true });
  });
});
