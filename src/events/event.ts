import type { Diagnostic, Position } from '../diagnostics/diagnostic.ts';
import type { Json } from '../util/json.ts';

/**
 * Everything that happens in a run, as data. The terminal, `--json`, logs and tests are subscribers; logic never
 * prints. Documented in `docs/cli.md`; its JSON Schema is `schema/event.schema.json`.
 */
export type RunEvent =
  | {
      type: 'run-started';
      run: string;
      pipeline: string;
      file: string;
      stages: number;
      engine: string;
      jobs: number;
    }
  | { type: 'diagnostic'; diagnostic: Diagnostic }
  | { type: 'stage-cached'; stage: string; key: string; facts?: Record<string, Json> }
  | { type: 'stage-waiting'; stage: string; key: string; reason: string }
  | { type: 'stage-started'; stage: string; key: string; kind: string; reason: string; attempt: number }
  | { type: 'stage-progress'; stage: string; done: number; total: number; unit: string; note?: string }
  | { type: 'stage-output'; stage: string; stream: 'stdout' | 'stderr'; text: string }
  | { type: 'stage-retry'; stage: string; attempt: number; delayMs: number; message: string }
  | { type: 'stage-finished'; stage: string; key: string; wallMs: number; facts?: Record<string, Json> }
  | { type: 'stage-facts'; stage: string; facts: Record<string, Json> }
  | {
      type: 'stage-failed';
      stage: string;
      code: string;
      message: string;
      expected?: string;
      hint?: string;
      /** Where the stage is declared. */
      at: Position;
      log?: string;
      wallMs: number;
    }
  | { type: 'stage-skipped'; stage: string; reason: string }
  | { type: 'expectation'; stage: string; fact: string; expected: Json; actual: Json; held: boolean }
  | { type: 'artifact'; stage: string; output: string; path: string }
  | {
      type: 'run-finished';
      run: string;
      executed: number;
      cached: number;
      failed: number;
      skipped: number;
      interrupted: boolean;
      expectationsMissed: number;
      wallMs: number;
      record: string | null;
    };

export type Subscriber = (event: RunEvent) => void;
