import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Codes as the sources spell them: the first argument of `error(` and `warning(`, and `code: '...'`. */
function codesInSources(): Set<string> {
  const codes = new Set<string>();
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    const told = /(?:roblems\.(?:error|warning)\(|\bcode:)\s*\n?\s*([^,;]*?)[,;]/g;
    for (const [, expression] of text.matchAll(told)) {
      for (const [, code] of expression!.matchAll(/['`]([a-z][a-z0-9]*(?:-[a-z0-9]+)+)['`]/g))
        codes.add(code!);
    }
  }
  return codes;
}

describe('the catalogue of diagnostics', () => {
  it('documents every code that the sources use', () => {
    const text = readFileSync(join(root, 'docs/diagnostics.md'), 'utf8');
    const documented = new Set([...text.matchAll(/^- `([a-z0-9-]+)`/gm)].map(([, code]) => code!));
    const used = codesInSources();
    expect(used.size).toBeGreaterThan(50);
    expect([...used].filter((code) => !documented.has(code))).toEqual([]);
  });
});
