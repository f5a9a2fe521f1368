import type { Ending } from '../execute/worker-pool.ts';
import type { Instance } from '../plan/plan.ts';
import { scriptHint } from './script-hint.ts';

/** Why a stage failed, as a user is told. */
export interface Reason {
  /** Listed in docs/diagnostics.md. */
  readonly code: string;
  readonly message: string;
  readonly expected?: string;
  readonly hint?: string;
}

/** Codes of what is no diagnostic of a kind's. */
const codes = {
  failed: 'stage-threw',
  timeout: 'timed-out',
  heap: 'heap-exhausted',
  died: 'process-died',
  interrupted: 'interrupted',
} as const;

/** Why a stage failed, by how its process or program ended. */
export function reasonOf(
  ending: Extract<Ending, { ok: false }>,
  { id, kind, params }: Instance,
  root: string,
): Reason {
  const { message, why, diagnostics } = ending;
  const [told] = diagnostics ?? [];
  const isCommand = why === 'failed' && kind === 'command';
  const hint = ending.hint ?? (isCommand ? scriptHint(params.command as string, root) : undefined);
  return {
    code: told?.code ?? (isCommand ? 'command-failed' : codes[why]),
    // Kinds say which stage speaks; here that is known.
    message: message.startsWith(`${id}: `) ? message.slice(id.length + 2) : message,
    ...(told?.expected !== undefined && { expected: told.expected }),
    ...(hint !== undefined && { hint }),
  };
}
