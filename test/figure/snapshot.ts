import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

const folder = join(import.meta.dirname, '../figures');

/**
 * Compares a drawing with the committed one in test/figures, byte for byte. Where it differs, the new one is written
 * beside it as `<name>-changed.svg`, to be looked at; UPDATE_FIGURES=1 takes it over.
 */
export function expectFigure(name: string, svg: string): void {
  const path = join(folder, `${name}.svg`);
  const changed = join(folder, `${name}-changed.svg`);
  if (process.env.UPDATE_FIGURES === '1') writeFileSync(path, svg);
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const same = committed === svg;
  if (same) rmSync(changed, { force: true });
  else writeFileSync(changed, svg);
  expect(
    same,
    `${name}.svg changed: compare test/figures/${name}-changed.svg, then set UPDATE_FIGURES=1`,
  ).toBe(true);
}
