import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Codes as the sources spell them: the first argument of `error(` and `warning(`, and `code: '...'`. */
function codesInSources(): { codes: Set<string>; quoted: Set<string> } {
  const codes = new Set<string>();
  // Every text that could be a code: some are chosen between, or put together.
  const quoted = new Set<string>();
  const entries = ['src', 'stages'].flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true }),
  );
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, word] of text.matchAll(/['`]([a-z][a-z0-9-]+)['`]/g)) quoted.add(word!);
    const told = /(?:roblems\.(?:error|warning)\(|\bcode:)\s*\n?\s*([^,;]*?)[,;]/g;
    for (const [, expression] of text.matchAll(told)) {
      for (const [, code] of expression!.matchAll(/['`]([a-z][a-z0-9]*(?:-[a-z0-9]+)+)['`]/g))
        codes.add(code!);
    }
  }
  return { codes, quoted };
}

describe('the catalogue of diagnostics', () => {
  it('documents every code that the sources use, and no other', () => {
    const text = readFileSync(join(root, 'docs/diagnostics.md'), 'utf8');
    const documented = new Set([...text.matchAll(/^- `([a-z0-9-]+)`/gm)].map(([, code]) => code!));
    const { codes: used, quoted } = codesInSources();
    expect(used.size).toBeGreaterThan(50);
    expect([...used].filter((code) => !documented.has(code))).toEqual([]);
    const composed = ['unknown-input', 'unknown-matrix'];
    expect([...documented].filter((code) => !quoted.has(code) && !composed.includes(code))).toEqual([]);
  });
});
