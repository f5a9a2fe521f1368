import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { findWorkspace } from '../../src/run/workspace.ts';
import { TestFolder } from '../support/test-folder.ts';

async function workspaceWith(text: string, options = {}) {
  const folder = new TestFolder(join(tmpdir(), 'orograph-config-'), {
    'orograph.config.yaml': text,
    'sub/x': '',
  });
  try {
    const found = await findWorkspace(folder.path('sub'), options);
    return { ...found, relative: (path: string) => path.slice(folder.folder.length + 1) };
  } finally {
    folder.remove();
  }
}

describe('orograph.config.yaml', () => {
  it('marks the root, and sets folders and jobs; options of the command line beat it', async () => {
    const plain = await workspaceWith('# nothing set\n');
    expect([plain.cache, plain.artifacts].map(plain.relative)).toEqual(['cache', 'artifacts']);
    const set = await workspaceWith('cache: my/cache\nartifacts: out\njobs: 3\n');
    expect([set.cache, set.artifacts].map(set.relative)).toEqual(['my/cache', 'out']);
    expect(set.jobs).toBe(3);
    const beaten = await workspaceWith('cache: my/cache\njobs: 3\n', { cache: 'other', jobs: 1 });
    // As the user would type it: from where they stand.
    expect(beaten.relative(beaten.cache)).toBe('sub/other');
    expect(beaten.jobs).toBe(1);
  });

  it.each([
    ['jobs: 0', 1, 'jobs must be a whole number from 1'],
    ['# x\njobs: 1.5', 2, 'jobs must be a whole number from 1'],
    ['cache: []', 1, 'cache must be the path of a folder'],
    ['artifacts: ""', 1, 'artifacts must be the path of a folder'],
    ['cash: x', 1, 'unknown setting "cash"'],
    ['[cache]', 1, 'the configuration is not a mapping'],
    ['cache: *none', 1, 'the configuration cannot be read: Unresolved alias'],
    ['cache: [', 1, 'Flow sequence'],
  ])('is refused with its line: %j', async (text, line, message) => {
    const error = await workspaceWith(text).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(error instanceof UserError)) throw new Error(`no UserError: ${error}`);
    expect(error.exitCode).toBe(2);
    expect(error.diagnostics[0]).toMatchObject({ code: 'bad-config', at: { line } });
    expect(error.diagnostics[0]!.message).toContain(message);
  });
});
