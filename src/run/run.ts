/**
 * A run, from the file to the figure:
 *
 *     declare -> plan        openSession   the pipeline, its kinds, the engine, the store
 *     -> fingerprint         Resolution    keys of all stages whose inputs are known; what the memo knows is done
 *     -> schedule            schedule()    the rest, as their inputs become known and tokens are free
 *     -> execute -> store    Executor      a worker or a program; blobs, then the memo row
 *     -> publish, record     Closing       copies that people look at, run.json, expectations
 */
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Diagnostic, type ExitCode, exitCodes, UserError } from '../diagnostics/diagnostic.ts';
import type { RunEvent } from '../events/event.ts';
import type { Instance } from '../plan/plan.ts';
import type { MemoRow, StoreProblem } from '../store/contract.ts';
import type { Digest, StageKey } from '../util/digest.ts';
import { makeFolder } from '../util/fs-durable.ts';
import type { Executor, StageEnding } from './attempt.ts';
import type { RunOptions, RunResult } from './contract.ts';
import { environmentOf } from './environment.ts';
import { checkExpectations } from './expectations.ts';
import { matchesForce } from './force.ts';
import type { RunStatus } from './last-run.ts';
import { Publisher } from './publishing.ts';
import { reasonsToRun } from './reasons.ts';
import { writeRecord } from './record.ts';
import { artifactOf, Resolution } from './resolution.ts';
import { openSession, type Session } from './session.ts';

export async function runPipeline(options: RunOptions): Promise<RunResult> {
  const session = await openSession(options, 'write');
  const run = new Run(session, options);
  try {
    return await run.perform();
  } finally {
    await run.close();
    session.store.close();
  }
}

class Run {
  readonly #session: Session;
  readonly #options: RunOptions;
  readonly #emit: (event: RunEvent) => void;
  readonly #signal: AbortSignal;
  readonly #id = randomBytes(4).toString('hex');
  readonly #startedAt = new Date();
  readonly #status = new Map<string, RunStatus>();
  readonly #messages = new Map<string, string>();
  readonly #publisher: Publisher;
  readonly #told = new Set<string>();
  #executor: Executor | undefined;

  constructor(session: Session, options: RunOptions) {
    this.#session = session;
    this.#options = options;
    this.#emit = options.subscriber;
    this.#publisher = new Publisher(session, options.subscriber);
    this.#signal = options.signal ?? new AbortController().signal;
  }

  async close(): Promise<void> {
    await this.#executor?.close();
  }

  async perform(): Promise<RunResult> {
    const { plan, engines } = this.#session;
    // Whatever refuses the whole run does so before it is said to have started.
    this.#checkArtifactsFolder();
    const forced = matchesForce(plan, this.#options.force ?? []);
    const resolution = await Resolution.open(this.#session);
    this.#emit({
      type: 'run-started',
      run: this.#id,
      pipeline: plan.pipeline,
      file: plan.file,
      stages: plan.instances.length,
      engine: engines.join(', ') || 'none',
      jobs: this.#session.options.workspace.jobs,
    });
    for (const diagnostic of this.#session.warnings) this.#emit({ type: 'diagnostic', diagnostic });
    this.#tellOfLosses(this.#session.store.notices);
    this.#takeKnown(resolution, forced);
    const pending = plan.instances.filter((instance) => !this.#status.has(instance.id));
    if (pending.length > 0) await this.#runPending(resolution, pending, forced);
    return this.#finish(resolution);
  }

  /** What of the cache was lost; each thing once. */
  #tellOfLosses(losses: readonly StoreProblem[]): void {
    for (const notice of losses) {
      if (this.#told.has(notice.what)) continue;
      this.#told.add(notice.what);
      this.#emit({ type: 'diagnostic', diagnostic: noticeOf(notice) });
    }
  }

  /**
   * Everything that the memo knows, without a promise in between: thousands of stages take milliseconds. Stages are
   * looked up together until one needs a result of the same batch.
   */
  #takeKnown(resolution: Resolution, forced: ReadonlySet<string>): void {
    let batch: { readonly instance: Instance; readonly key: StageKey }[] = [];
    const waiting = new Set<string>();
    const lookUp = (): void => {
      const rows = this.#session.store.lookupMany(batch.map(({ key }) => key));
      for (const [i, row] of rows.entries()) if (row) this.#markCached(resolution, batch[i]!.instance, row);
      batch = [];
      waiting.clear();
    };
    for (const instance of this.#session.plan.instances) {
      if (forced.has(instance.id)) continue;
      if (batch.length > 0 && needsOf(instance).some((id) => waiting.has(id))) lookUp();
      const key = resolution.key(instance);
      if (key === null) continue;
      batch.push({ instance, key });
      waiting.add(instance.id);
    }
    lookUp();
  }

  #markCached(resolution: Resolution, instance: Instance, row: MemoRow): void {
    resolution.rows.set(instance.id, row);
    this.#status.set(instance.id, 'cached');
    this.#emit({
      type: 'stage-cached',
      stage: instance.id,
      key: row.key,
      // Those of other code are not told: new ones are made at the end of the run.
      ...(row.facts && row.factsCode === this.#factsCode(instance) && { facts: row.facts }),
    });
  }

  /** The code that makes the facts of a stage now. */
  #factsCode(instance: Instance): Digest | null {
    return this.#session.facets.get(instance.id)!.code?.factsCode ?? null;
  }

  async #runPending(
    resolution: Resolution,
    pending: readonly Instance[],
    forced: ReadonlySet<string>,
  ): Promise<void> {
    const session = this.#session;
    const { store, plan } = session;
    const executor = await this.#startExecutor(resolution);
    const { schedule } = await import('../schedule/schedule.ts');
    const latest = store.latest(plan.pipeline);
    const instances = new Map(pending.map((instance) => [instance.id, instance]));
    const waiting = new Map<StageKey, number>();
    const computing = new Map<StageKey, Promise<void>>();
    const asked = new Set(pending.flatMap(({ id }) => (resolution.keys.has(id) ? [id] : [])));
    const isDone = (instance: Instance): boolean => {
      if (forced.has(instance.id)) return false;
      const row = store.lookup(resolution.key(instance)!);
      if (!row) return false;
      executor.forget(instance.id);
      this.#markCached(resolution, instance, row);
      this.#publisher.soon(instance, resolution);
      return true;
    };

    await schedule({
      tasks: pending.map((instance) => ({
        id: instance.id,
        needs: needsOf(instance),
        resources: instance.resources,
      })),
      tokens: session.tokens,
      keepGoing: this.#options.keepGoing ?? false,
      signal: this.#signal,
      // Whoever was looked up a moment ago is looked up again once it is claimed.
      ready: (task) => !asked.delete(task.id) && isDone(instances.get(task.id)!),
      run: async (task, giveBack) => {
        const instance = instances.get(task.id)!;
        const key = resolution.key(instance)!;
        // Another stage of this run has the same key: claims are between runs.
        const twin = computing.get(key);
        if (twin) return { busy: twin };
        const claim = store.claim(key);
        if (!claim.mine) {
          const waits = waiting.get(key) ?? 0;
          waiting.set(key, waits + 1);
          const reason = `process ${claim.pid} on ${claim.host} is computing it since ${claim.since}`;
          if (waits === 0) this.#emit({ type: 'stage-waiting', stage: instance.id, key, reason });
          return { busy: sleep(Math.min(1000, 50 * 1.5 ** waits)) };
        }
        try {
          // Between our look and our claim, another run may have finished it.
          if (isDone(instance)) return 'done';
          const reasons = reasonsToRun(
            key,
            () => resolution.parts(instance),
            latest.get(instance.id),
            forced.has(instance.id),
          );
          const running = executor.run(instance, key, reasons.join('; '), giveBack);
          computing.set(key, settled(running));
          return this.#settle(resolution, instance, await running);
        } finally {
          computing.delete(key);
          store.release(key);
        }
      },
      soon: (task) => {
        const instance = instances.get(task.id)!;
        executor.prepare(instance, resolution.key(instance)!);
      },
      skip: (task, because) => {
        const reason = because === null || this.#signal.aborted ? 'interrupted' : `${because} failed`;
        this.#status.set(task.id, 'skipped');
        this.#emit({ type: 'stage-skipped', stage: task.id, reason });
      },
    });
  }

  #settle(resolution: Resolution, instance: Instance, ending: StageEnding): 'done' | 'failed' {
    if (ending.ok) {
      const { row } = ending;
      resolution.rows.set(instance.id, row);
      this.#status.set(instance.id, 'executed');
      this.#emit({
        type: 'stage-finished',
        stage: instance.id,
        key: row.key,
        wallMs: row.wallMs,
        ...(row.facts && { facts: row.facts }),
      });
      this.#publisher.soon(instance, resolution);
      return 'done';
    }
    if (ending.interrupted) {
      this.#status.set(instance.id, 'skipped');
      this.#emit({ type: 'stage-skipped', stage: instance.id, reason: 'interrupted' });
      return 'failed';
    }
    this.#status.set(instance.id, 'failed');
    this.#messages.set(instance.id, ending.message);
    this.#emit({
      type: 'stage-failed',
      stage: instance.id,
      code: ending.code,
      message: ending.message,
      ...(ending.expected !== undefined && { expected: ending.expected }),
      ...(ending.hint !== undefined && { hint: ending.hint }),
      at: instance.at,
      ...(ending.log !== undefined && { log: ending.log }),
      wallMs: ending.wallMs,
    });
    return 'failed';
  }

  async #finish(resolution: Resolution): Promise<RunResult> {
    const { plan } = this.#session;
    const done = plan.instances.filter((instance) => resolution.rows.has(instance.id));
    const unclear = this.#signal.aborted ? false : await this.#refreshFacts(resolution, done);
    if (this.#executor) await this.#session.store.settle();
    this.#tellOfLosses(this.#session.store.notices);
    const expectations = done.flatMap((instance) =>
      checkExpectations(instance, resolution.rows.get(instance.id)!.facts),
    );
    for (const expectation of expectations) this.#emit({ type: 'expectation', ...expectation });
    const unpublished = !(await this.#publisher.all(resolution));
    const record = unpublished
      ? null
      : await writeRecord({
          session: this.#session,
          resolution,
          run: this.#id,
          startedAt: this.#startedAt,
          status: this.#status,
          messages: this.#messages,
          expectations,
        });
    const count = (status: RunStatus): number =>
      [...this.#status.values()].filter((s) => s === status).length;
    const counts = {
      executed: count('executed'),
      cached: count('cached'),
      failed: count('failed'),
      skipped: count('skipped'),
    };
    const expectationsMissed = expectations.filter((expectation) => !expectation.held).length;
    const interrupted = this.#signal.aborted;
    this.#emit({
      type: 'run-finished',
      run: this.#id,
      ...counts,
      interrupted,
      expectationsMissed,
      wallMs: Date.now() - this.#startedAt.getTime(),
      record,
    });
    const failed = counts.failed > 0 || unpublished || unclear;
    const strict = this.#options.strictExpect === true && expectationsMissed > 0;
    return {
      ...counts,
      interrupted,
      expectationsMissed,
      exitCode: exitCodeOf(interrupted, failed, strict),
      record,
    };
  }

  /**
   * Outputs whose facts were made by other code get them anew; the outputs themselves stay. True where that failed:
   * those outputs then have no facts.
   */
  async #refreshFacts(resolution: Resolution, done: readonly Instance[]): Promise<boolean> {
    const session = this.#session;
    let failed = false;
    for (const instance of done) {
      const row = resolution.rows.get(instance.id)!;
      const factsCode = this.#factsCode(instance);
      if (row.factsCode === factsCode) continue;
      const executor = await this.#startExecutor(resolution);
      const stored = Object.fromEntries(
        Object.entries(row.outputs).map(([name, output]) => [name, artifactOf(session, name, output)]),
      );
      try {
        const facts = factsCode === null ? null : await executor.facts(instance, row, stored);
        const fresh = { ...row, facts, factsCode };
        await session.store.commit(fresh);
        resolution.rows.set(instance.id, fresh);
        if (facts) this.#emit({ type: 'stage-facts', stage: instance.id, facts });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failed = true;
        resolution.rows.set(instance.id, { ...row, facts: null });
        for (const diagnostic of error.diagnostics) this.#emit({ type: 'diagnostic', diagnostic });
      }
    }
    return failed;
  }

  /** Imported only when something runs: what starts processes is a good part of what a start costs. */
  async #startExecutor(resolution: Resolution): Promise<Executor> {
    const { Executor } = await import('./attempt.ts');
    const session = this.#session;
    this.#executor ??= new Executor(
      session,
      resolution,
      this.#emit,
      this.#signal,
      environmentOf(session),
      (losses) => this.#tellOfLosses(losses),
    );
    return this.#executor;
  }

  /** A folder that cannot be written is told before hours of work, not after. */
  #checkArtifactsFolder(): void {
    const { artifacts } = this.#session.options.workspace;
    try {
      makeFolder(artifacts);
      accessSync(artifacts, constants.W_OK);
    } catch (error) {
      throw new UserError({
        severity: 'error',
        code: 'artifacts-not-writable',
        message: `the artifacts folder ${artifacts} cannot be written (${(error as NodeJS.ErrnoException).code})`,
        hint: 'make it writable, or name another one with --artifacts DIR',
      });
    }
  }
}

/** Resolves when the promise is settled, in whatever way. */
async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {});
}

/** Ids of the instances whose outputs it reads. */
function needsOf(instance: Instance): string[] {
  const needs: string[] = [];
  for (const name in instance.inputs) {
    for (const source of instance.inputs[name]!.sources)
      if (source.from === 'stage') needs.push(source.instance);
  }
  return needs;
}

function exitCodeOf(interrupted: boolean, failed: boolean, missed: boolean): ExitCode {
  if (interrupted) return exitCodes.interrupted;
  if (failed) return exitCodes.stageFailed;
  return missed ? exitCodes.verificationFailed : exitCodes.good;
}

function noticeOf(notice: StoreProblem): Diagnostic {
  return { severity: 'warning', code: 'cache-repaired', message: notice.what, hint: notice.cure };
}
