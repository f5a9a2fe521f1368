import type { Resources } from '../kind/stage-kind.ts';
import { TokenPool } from './tokens.ts';

/**
 * When which task runs.
 *
 * Knows: a graph of tasks, resource tokens, what a failure means for the rest. Refuses to know what a task is: keys,
 * caches, processes and events are the caller's.
 */
export interface Task {
  readonly id: string;
  /** Ids of the tasks that must be done before; ids that are not in the schedule count as done. */
  readonly needs: readonly string[];
  readonly resources: Resources;
}

export type Outcome =
  | 'done'
  | 'failed'
  /** Someone else is at it: ask again when the promise resolves. No tokens are held meanwhile. */
  | { readonly busy: Promise<void> };

export interface ScheduleOptions {
  /** In topological order. */
  readonly tasks: readonly Task[];
  readonly tokens: Resources;
  /** After a failure, finish what does not depend on it; otherwise only what is running is finished. */
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  /** Called once all needs are done, before tokens are asked for. True: nothing to run. */
  readonly ready: (task: Task) => Promise<boolean> | boolean;
  /**
   * Called with the tokens held; `giveBack` returns them early, once only work that needs none is left. An error that
   * it throws ends the schedule.
   */
  readonly run: (task: Task, giveBack: () => void) => Promise<Outcome>;
  /**
   * Called before `run`, or not at all: the task waits for tokens and is among the next to get them. It may not run
   * after all.
   */
  readonly soon?: (task: Task) => void;
  /** Called for each task that will not run, with the id of the task whose failure is to blame (null: interrupted). */
  readonly skip: (task: Task, because: string | null) => void;
}

/** Runs the tasks; resolves when nothing runs any more. */
export async function schedule(options: ScheduleOptions): Promise<void> {
  const { tasks, signal } = options;
  const pool = new TokenPool(options.tokens);
  const dependents = new Map<string, Task[]>();
  const missing = new Map<string, number>();
  const known = new Set(tasks.map((task) => task.id));
  for (const task of tasks) {
    const needs = [...new Set(task.needs)].filter((id) => known.has(id));
    missing.set(task.id, needs.length);
    for (const id of needs) {
      const list = dependents.get(id);
      if (list) list.push(task);
      else dependents.set(id, [task]);
    }
  }
  const priority = chainLengths(tasks, dependents);
  const settled = new Set<string>();
  let firstFailure: string | null = null;
  const running: Promise<void>[] = [];
  let crash: { error: unknown } | null = null;

  const skipDependents = (failed: Task): void => {
    const blocked = [failed];
    for (let task = blocked.pop(); task; task = blocked.pop()) {
      for (const dependent of dependents.get(task.id) ?? []) {
        if (settled.has(dependent.id)) continue;
        settled.add(dependent.id);
        options.skip(dependent, failed.id);
        blocked.push(dependent);
      }
    }
  };
  const stopped = (): boolean =>
    signal.aborted || crash !== null || (firstFailure !== null && !options.keepGoing);

  const process = async (task: Task): Promise<void> => {
    if (stopped()) return;
    if (!(await options.ready(task))) {
      for (;;) {
        const run = async (giveBack: () => void): Promise<Outcome | null> => {
          if (stopped()) return null;
          const outcome = await options.run(task, giveBack);
          // Before the tokens go to the next one, so that it does not start.
          if (outcome === 'failed') firstFailure ??= task.id;
          return outcome;
        };
        const soon = (): void => {
          if (!stopped()) options.soon?.(task);
        };
        const outcome = await pool.run(task.resources, priority.get(task.id)!, run, soon);
        if (outcome === null) return;
        if (outcome === 'failed') {
          settled.add(task.id);
          skipDependents(task);
          return;
        }
        if (outcome === 'done') break;
        await outcome.busy;
        if (stopped()) return;
        if (await options.ready(task)) break;
      }
    }
    settled.add(task.id);
    for (const dependent of dependents.get(task.id) ?? []) {
      const left = missing.get(dependent.id)! - 1;
      missing.set(dependent.id, left);
      if (left === 0 && !settled.has(dependent.id)) start(dependent);
    }
  };
  const start = (task: Task): void => {
    running.push(
      process(task).catch((error: unknown) => {
        crash ??= { error };
      }),
    );
  };

  for (const task of tasks) if (missing.get(task.id) === 0) start(task);
  // `running` grows while it is awaited: tasks start their dependents.
  for (let i = 0; i < running.length; i++) await running[i];
  if (crash) throw (crash as { error: unknown }).error;
  for (const task of tasks) if (!settled.has(task.id)) options.skip(task, firstFailure);
}

/** Length of the longest chain of dependents after each task: the critical path goes first. */
function chainLengths(
  tasks: readonly Task[],
  dependents: ReadonlyMap<string, readonly Task[]>,
): Map<string, number> {
  const length = new Map<string, number>();
  for (let i = tasks.length - 1; i >= 0; i--) {
    const task = tasks[i]!;
    let longest = 0;
    for (const dependent of dependents.get(task.id) ?? [])
      longest = Math.max(longest, 1 + length.get(dependent.id)!);
    length.set(task.id, longest);
  }
  return length;
}
