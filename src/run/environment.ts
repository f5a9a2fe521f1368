import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../util/json.ts';
import { packageRoot } from '../util/package-root.ts';
import type { Session } from './session.ts';

export function orographVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version;
}

/** What surrounded a computation: for the provenance record, in no key. Names no user and no machine. */
export function environmentOf(session: Session): JsonObject {
  return {
    orograph: orographVersion(),
    build: session.kinds.build.slice(0, 16),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
  };
}
