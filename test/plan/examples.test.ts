import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatDiagnostics } from '../../src/diagnostics/format.ts';
import type { StageKind } from '../../src/kind/stage-kind.ts';
import { planPipeline } from '../../src/plan/plan-pipeline.ts';
import { kindsInMemory } from '../support/kinds.ts';

const home = new URL('../../', import.meta.url);

/** The indented block of the documentation that begins with a line. */
function block(first: string): string {
  const lines = readFileSync(new URL('docs/pipeline-format.md', home), 'utf8').split('\n');
  const start = lines.indexOf(`    ${first}`);
  expect(start, first).toBeGreaterThan(0);
  const end = lines.findIndex((line, i) => i > start && line !== '' && !line.startsWith('    '));
  return lines
    .slice(start, end)
    .map((line) => line.slice(4))
    .join('\n');
}

async function realKinds(): Promise<Record<string, StageKind>> {
  const kinds: Record<string, StageKind> = {};
  for (const name of readdirSync(new URL('stages/', home)))
    kinds[name] = (
      (await import(new URL(`stages/${name}/stage.ts`, home).href)) as { default: StageKind }
    ).default;
  return kinds;
}

test('the documented example of directions, angles, curvature and connections is a good pipeline', async () => {
  const kinds = await realKinds();
  const root = mkdtempSync(join(tmpdir(), 'orograph-example-'));
  try {
    writeFileSync(join(root, 'p.yaml'), block('pipeline: directions'));
    const registry = kindsInMemory(kinds as never);
    const planned = await planPipeline({ file: 'p.yaml', root, cwd: root, registry, env: {} });
    expect(formatDiagnostics(planned.diagnostics, planned)).toBe('');
    const used = new Set(planned.plan!.instances.map(({ kind }) => kind));
    for (const kind of ['angles', 'connect', 'directions', 'match', 'mine', 'project', 'quadratic'])
      expect(used).toContain(kind);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
