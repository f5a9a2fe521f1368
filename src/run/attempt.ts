import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { RunEvent } from '../events/event.ts';
import { CommandRunner, type LaidCommand, lay } from '../execute/command.ts';
import type { Job } from '../execute/job.ts';
import type { LeftBehind } from '../execute/left-behind.ts';
import { StageLog } from '../execute/log.ts';
import { collectOutputs, prepareOutputs } from '../execute/outputs.ts';
import { ownBuild } from '../execute/same-build.ts';
import { type Workbench, Workbenches } from '../execute/workbench.ts';
import { type Ending, WorkerPool } from '../execute/worker-pool.ts';
import type { Artifact } from '../kind/artifact.ts';
import type { Facts } from '../kind/stage-kind.ts';
import type { Instance } from '../plan/plan.ts';
import type { MemoRow, StoreProblem } from '../store/contract.ts';
import { diskError } from '../store/disk-errors.ts';
import type { StageKey } from '../util/digest.ts';
import type { JsonObject } from '../util/json.ts';
import { type Reason, reasonOf } from './failure-reason.ts';
import { InputGuard } from './input-guard.ts';
import type { Resolution } from './resolution.ts';
import type { Session } from './session.ts';

/** How one stage ended, after all its attempts. */
export type StageEnding =
  | { readonly ok: true; readonly row: MemoRow }
  | ({
      readonly ok: false;
      readonly interrupted: boolean;
      /** Another attempt would find the same. */
      readonly final?: true;
      readonly log?: string;
      readonly wallMs: number;
    } & Reason);
type Failure = Extract<StageEnding, { ok: false }>;
type Inputs = Record<string, Artifact | Artifact[]>;

/** A stage whose process can be started: where it works, what it reads and, for a program, all but its start. */
interface Place {
  readonly work: Workbench | string;
  readonly inputs: Inputs;
  /** Null for a kind. */
  readonly command: LaidCommand | null;
}

/** First pause before another attempt; it doubles. */
const backOffMs = 500;

/**
 * Stages whose outputs are being stored while others already compute: enough to keep a disk busy, and no more, because
 * they are what a kill costs besides the stages that run.
 */
const mostStoring = 4;

/** Runs stages whose key is known: in a worker or as a program, with retries, and stores what they gave. */
export class Executor {
  readonly #workers = new WorkerPool();
  readonly #commands = new CommandRunner();
  readonly #benches: Workbenches;
  readonly #guard: InputGuard;
  readonly #removals = new Set<Promise<void>>();
  /** Of programs that wait for tokens, by instance. */
  readonly #laid = new Map<string, Place>();
  readonly #session: Session;
  readonly #resolution: Resolution;
  readonly #emit: (event: RunEvent) => void;
  readonly #signal: AbortSignal;
  readonly #environment: JsonObject;
  readonly #tellOfLosses: (losses: readonly StoreProblem[]) => void;
  #jobs = 0;
  #storing = 0;

  constructor(
    session: Session,
    resolution: Resolution,
    emit: (event: RunEvent) => void,
    signal: AbortSignal,
    environment: JsonObject,
    tellOfLosses: (losses: readonly StoreProblem[]) => void,
  ) {
    this.#session = session;
    this.#guard = new InputGuard(session.store);
    this.#benches = new Workbenches(
      { create: () => session.store.createWorkFolder(), discard: (folder) => this.#discard(folder) },
      session.plan.root,
    );
    this.#resolution = resolution;
    this.#emit = emit;
    this.#signal = signal;
    this.#environment = environment;
    this.#tellOfLosses = tellOfLosses;
  }

  /** Ends the workers; resolves when every work folder is gone. */
  async close(): Promise<void> {
    this.#commands.close();
    for (const id of this.#laid.keys()) this.forget(id);
    await this.#benches.close();
    await this.#workers.close();
    await Promise.all(this.#removals);
  }

  /** Lays the bench of a program that will probably run next, so that the tokens do not wait for it. */
  prepare(instance: Instance, key: StageKey): void {
    if (instance.kind !== 'command' || this.#laid.has(instance.id)) return;
    try {
      this.#laid.set(instance.id, this.#lay(instance, key));
    } catch {
      // It is tried again when its turn comes, and what is wrong is told then.
    }
  }

  /** Clears the bench that was laid for an instance, if any: its result came from elsewhere. */
  forget(id: string): void {
    const place = this.#laid.get(id);
    if (place === undefined) return;
    this.#laid.delete(id);
    this.#benches.release(place.work as Workbench, true);
  }

  /** @param giveBack called once the program or worker has ended: storing its outputs needs no tokens. */
  async run(instance: Instance, key: StageKey, reason: string, giveBack: () => void): Promise<StageEnding> {
    for (let attempt = 1; ; attempt++) {
      this.#emit({ type: 'stage-started', stage: instance.id, key, kind: instance.kind, reason, attempt });
      const isLast = attempt > instance.retries;
      const ending = await this.#attempt(instance, key, isLast ? giveBack : () => {});
      if (ending.ok || ending.interrupted || ending.final || isLast) return ending;
      const delayMs = backOffMs * 2 ** (attempt - 1);
      this.#emit({ type: 'stage-retry', stage: instance.id, attempt, delayMs, message: ending.message });
      await sleep(delayMs, undefined, { signal: this.#signal }).catch(() => {});
      if (this.#signal.aborted) return { ...ending, interrupted: true };
    }
  }

  /** Makes the facts of outputs that are already there: their code has changed, the outputs have not. */
  async facts(instance: Instance, row: MemoRow, stored: Record<string, Artifact>): Promise<Facts | null> {
    const work = this.#session.store.createWorkFolder();
    const log = this.#log(instance, row.key);
    try {
      const job = { ...this.#job(instance, row.key, work), action: 'facts' as const, stored };
      const ending = await this.#workers.perform(job, this.#options(instance, log));
      if (ending.ok) return ending.facts;
      throw new UserError(
        {
          severity: 'error',
          code: 'facts-failed',
          message: `the facts of ${instance.id} failed: ${ending.message}`,
          at: instance.at,
        },
        1,
      );
    } finally {
      this.#discard(work);
      log.close();
    }
  }

  async #attempt(instance: Instance, key: StageKey, giveBack: () => void): Promise<StageEnding> {
    const { store } = this.#session;
    const startedAt = performance.now();
    let place: Place | undefined;
    let storing = false;
    let clean = false;
    try {
      place = this.#laid.get(instance.id) ?? this.#lay(instance, key);
      this.#laid.delete(instance.id);
      const { inputs } = place;
      const { ending, log, folder, fileNames } = await this.#perform(instance, key, place);
      if (ending.ok && this.#storing < mostStoring) giveBack();
      const failed = (reason: Reason): Failure => ({
        ok: false,
        interrupted: false,
        ...reason,
        wallMs: Math.round(performance.now() - startedAt),
        ...(log !== undefined && { log }),
      });
      // Also where the stage failed: a spoiled input must be a hit for nobody.
      const spoiled = await this.#guard.spoiled(inputs);
      if (spoiled.length > 0) {
        const reason = {
          code: 'input-changed',
          message: `its input ${spoiled.join(', ')} is not what was stored: it was changed on the disk, perhaps by this stage`,
          hint: 'a stage must write nothing but its outputs: copy what you want to change. The input was removed from the cache: run again and it is computed once more',
        };
        return { ...failed(reason), final: true };
      }
      if (!ending.ok)
        return {
          ...failed(reasonOf(ending, instance, this.#session.plan.root)),
          interrupted: ending.why === 'interrupted',
        };
      const changed = await this.#resolution.changedFiles(instance);
      if (changed.length > 0) {
        return failed({
          code: 'file-changed',
          message: `${changed.join(', ')} changed while the stage ran`,
          hint: 'its result belongs to no content for certain, so it is not kept: run again',
        });
      }
      this.#storing += 1;
      storing = true;
      const collected = await collectOutputs(store, folder, instance.outputs, fileNames);
      if ('missing' in collected) {
        return failed({
          code: 'missing-output',
          message: `did not write its output ${collected.missing.join(', ')}`,
          hint: 'declared outputs must all be there',
        });
      }
      if (collected.undeclared.length > 0) this.#warnOfUndeclared(instance, collected.undeclared);
      const row: MemoRow = {
        key,
        kind: instance.kind,
        outputs: collected.outputs,
        facts: ending.facts,
        factsCode: this.#session.facets.get(instance.id)!.code?.factsCode ?? null,
        finishedAt: new Date().toISOString(),
        wallMs: Math.round(performance.now() - startedAt),
        environment: {
          ...this.#environment,
          engine: this.#session.facets.get(instance.id)!.engine?.identity ?? null,
        },
      };
      await store.commit(row);
      clean = true;
      return { ok: true, row };
    } catch (cause) {
      const where = (cause as NodeJS.ErrnoException).path ?? store.folder;
      const error = diskError(cause, `run ${instance.id}`, where);
      if (!(error instanceof UserError)) throw error;
      const { code, expected, hint } = error.diagnostics[0]!;
      return {
        ok: false,
        interrupted: false,
        code,
        message: error.message,
        ...(expected !== undefined && { expected }),
        ...(hint !== undefined && { hint }),
        wallMs: Math.round(performance.now() - startedAt),
      };
    } finally {
      if (storing) this.#storing -= 1;
      if (typeof place?.work === 'string') this.#discard(place.work);
      else if (place) this.#benches.release(place.work, clean);
    }
  }

  #lay(instance: Instance, key: StageKey): Place {
    const { store, options } = this.#session;
    const inputs = this.#resolution.artifacts(instance);
    this.#guard.note(inputs);
    if (instance.kind !== 'command') return { work: store.createWorkFolder(), inputs, command: null };
    const extensions = this.#resolution.extensions(instance);
    const work = this.#benches.take();
    try {
      const command = lay({
        key,
        cache: options.workspace.cache,
        command: instance.params.command as string,
        inputs,
        extensionOf: (artifact) => extensions.get(artifact.label)!,
        isBlob: ({ members }) => members[0]?.path === store.objectPath(members[0]!.digest),
        outputs: instance.params.outputs as Record<string, string>,
        env: instance.env,
        bench: work,
      });
      return { work, inputs, command };
    } catch (error) {
      this.#benches.release(work, false);
      throw error;
    }
  }

  /** No stage waits for the removal of a folder that no name leads to any more. What stays, `verify` names. */
  #discard(work: string): void {
    const removal: Promise<void> = this.#session.store
      .discard(work)
      .catch(() => {})
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #perform(
    instance: Instance,
    key: StageKey,
    { work, inputs, command }: Place,
  ): Promise<{ ending: Ending; log: string | undefined; folder: string; fileNames: Record<string, string> }> {
    if (typeof work !== 'string') {
      const limits = { timeoutSeconds: instance.timeout, signal: this.#signal };
      const { ending, log, killed } = await this.#commands.perform(command!, limits);
      if (killed.length > 0) this.#warnOfLeftBehind(instance, killed);
      return { ending, log, folder: work.run, fileNames: command!.job.outputs };
    }
    const log = this.#log(instance, key);
    prepareOutputs(work, instance.outputs);
    const ending = await this.#workers.perform(
      { ...this.#job(instance, key, work), inputs },
      this.#options(instance, log),
    );
    return { ending, log: log.close(), folder: work, fileNames: {} };
  }

  #job(instance: Instance, key: StageKey, work: string): Job {
    const { options, plan, facets } = this.#session;
    const { code, version, engine } = facets.get(instance.id)!;
    return {
      id: ++this.#jobs,
      action: 'run',
      stage: instance.id,
      key,
      build: ownBuild ?? null,
      module: code!.module,
      params: instance.params,
      inputs: {},
      outputs: instance.outputs,
      folder: work,
      root: plan.root,
      cache: options.workspace.cache,
      scope: {
        kind: instance.kind,
        version,
        code: code!.code.digest,
        engine: engine?.identity ?? null,
      },
      shared: {
        kind: 'shared items',
        version: 1,
        code: code!.itemsCode ?? code!.code.digest,
        engine: engine?.identity ?? null,
      },
      engine,
      resources: instance.resources,
      env: instance.env,
      stored: null,
    };
  }

  #log(instance: Instance, key: StageKey): StageLog {
    return new StageLog(this.#session.options.workspace.cache, key, (text, stream) =>
      this.#emit({ type: 'stage-output', stage: instance.id, stream, text }),
    );
  }

  #options(instance: Instance, log: StageLog) {
    return {
      timeoutSeconds: instance.timeout,
      signal: this.#signal,
      log,
      onProgress: (progress: { done: number; total: number; unit: string; note?: string }) =>
        this.#emit({ ...progress, type: 'stage-progress', stage: instance.id }),
      onLosses: this.#tellOfLosses,
    };
  }

  #warnOfLeftBehind(instance: Instance, killed: readonly LeftBehind[]): void {
    const names = [...new Set(killed.map(({ name }) => name))];
    const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
    this.#emit({
      type: 'diagnostic',
      diagnostic: {
        severity: 'warning',
        code: 'left-behind',
        message: `${instance.id} left ${shown} running when it ended: killed`,
        at: instance.at,
        hint: 'a stage is over when its program exits: let it wait for what it starts',
      },
    });
  }

  #warnOfUndeclared(instance: Instance, files: readonly string[]): void {
    const shown = files.slice(0, 5).join(', ') + (files.length > 5 ? `, … (${files.length} files)` : '');
    this.#emit({
      type: 'diagnostic',
      diagnostic: {
        severity: 'warning',
        code: 'undeclared-output',
        message: `${instance.id} also wrote ${shown}, which is not kept`,
        at: instance.at,
        hint: 'declare it under outputs: to keep it',
      },
    });
  }
}
