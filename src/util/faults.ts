/**
 * Fault injection: how the tests walk through every place where a crash, a full disk or a refused write could do harm.
 *
 * Whatever changes a disk calls `faultPoint` before and after each write, fsync, rename, unlink, chmod and
 * transaction. The environment variable OROGRAPH_FAULT says what happens there; without it a point costs one call of
 * an empty function.
 *
 *     count              nothing but counting
 *     kill@17            SIGKILL to this process at its 17th point
 *     ENOSPC@9           an error with this code is thrown at the 9th point (any errno name)
 *     kill@worker:5      as above, only in processes whose OROGRAPH_ROLE is `worker`
 *
 * OROGRAPH_FAULT_LOG names a file to which each point appends one line, `<role> <number> <name> <detail>`, so that a
 * sweep knows how many points there are.
 */
import { appendFileSync } from 'node:fs';
import { constants } from 'node:os';

interface FaultPlan {
  /** Undefined: only counts. */
  readonly action: string | undefined;
  /** The point, from 1, at which the action happens. */
  readonly at: number;
  readonly role: string;
  readonly log: string | undefined;
  passed: number;
}

function planOf(environment: NodeJS.ProcessEnv): FaultPlan | undefined {
  const text = environment.OROGRAPH_FAULT;
  if (text === undefined || text === '') return undefined;
  const role = environment.OROGRAPH_ROLE ?? 'main';
  const log = environment.OROGRAPH_FAULT_LOG;
  if (text === 'count') return { action: undefined, at: 0, role, log, passed: 0 };
  const match = /^(kill|E[A-Z0-9]+)@(?:([a-z-]+):)?([1-9]\d*)$/.exec(text);
  if (!match) throw new Error(`OROGRAPH_FAULT cannot be read: ${text}`);
  const [, action, only, at] = match;
  const elsewhere = only !== undefined && only !== role;
  return { action: elsewhere ? undefined : action, at: Number(at), role, log, passed: 0 };
}

function pass(plan: FaultPlan, name: string, detail: string): void {
  plan.passed++;
  if (plan.log !== undefined) appendFileSync(plan.log, `${plan.role} ${plan.passed} ${name} ${detail}\n`);
  if (plan.action === undefined || plan.passed !== plan.at) return;
  if (plan.action === 'kill') {
    process.kill(process.pid, 'SIGKILL');
    // Nothing may happen between the signal and its delivery.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
  }
  const errno = (constants.errno as Record<string, number>)[plan.action] ?? 0;
  throw Object.assign(new Error(`${plan.action}: injected fault, ${name} ${detail}`), {
    code: plan.action,
    errno: -errno,
    syscall: name,
    path: detail,
  });
}

/** One count for the whole process: `dist/` may hold this module more than once. */
const shared = globalThis as { [name: symbol]: FaultPlan | undefined };
const planName = Symbol.for('orograph.faults');
shared[planName] ??= planOf(process.env);
const plan = shared[planName];

/** A place where a crash or a failing disk matters. `name` is stable (`before rename`), `detail` a path or the like. */
export const faultPoint: (name: string, detail?: string) => void =
  plan === undefined ? () => {} : (name, detail = '') => pass(plan, name, detail);
