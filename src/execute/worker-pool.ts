import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Facts } from '../kind/stage-kind.ts';
import type { StoreProblem } from '../store/contract.ts';
import { packageRoot } from '../util/package-root.ts';
import { workerEnvironment } from './environment.ts';
import { endMarker, type FromWorker, type Job, type ToWorker } from './job.ts';
import type { StageLog } from './log.ts';
import { MarkedStream } from './marked-stream.ts';
import { guarded, killGroup, takeGroupAlong } from './process-group.ts';

/** How an attempt at a stage ended, whoever ran it. */
export type Ending =
  | { readonly ok: true; readonly facts: Facts | null }
  | {
      readonly ok: false;
      /** `interrupted` is no failure of the stage. */
      readonly why: 'failed' | 'timeout' | 'heap' | 'died' | 'interrupted';
      readonly message: string;
      readonly hint?: string;
      readonly diagnostics?: readonly Diagnostic[];
    };

export interface AttemptOptions {
  readonly timeoutSeconds: number | null;
  readonly signal: AbortSignal;
  readonly log: StageLog;
  readonly onProgress: (progress: Extract<FromWorker, { type: 'progress' }>) => void;
  /** What of the cache the stage's process found lost. */
  readonly onLosses: (losses: readonly StoreProblem[]) => void;
}

/** Time a stage gets to stop by itself once it is interrupted. */
const graceMs = 3_000;
/** Time an idle worker gets to leave. */
const leaveMs = 1_000;
/** A worker that has grown beyond this is not used again. */
const retireAtMegabytes = 2_000;

interface Worker {
  readonly child: ChildProcess;
  /** Heap limit it was started with, in megabytes; 0 for none. */
  readonly heap: number;
  /** Identity of its engine: a process can start one only. */
  engine: string | null;
}

/**
 * Worker processes, reused from stage to stage: starting Node and an engine costs more than many a stage. A worker
 * whose stage failed, hung or was interrupted is not used again.
 */
export class WorkerPool {
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #script = join(packageRoot(), 'dist', 'execute', 'worker.js');

  async perform(job: Job, options: AttemptOptions): Promise<Ending> {
    const worker = this.#take(job.resources.memory, job.engine ? JSON.stringify(job.engine.identity) : null);
    const ending = await this.#converse(worker, job, options);
    if (ending.reusable && this.#all.has(worker)) this.#idle.push(worker);
    else this.#end(worker);
    return ending.ending;
  }

  /** Ends every worker: at once where a stage runs; those that are idle may put their things in order. */
  async close(): Promise<void> {
    const idle = this.#idle.splice(0);
    const leaving = idle.map((worker) => this.#dismiss(worker));
    for (const worker of this.#all) if (!idle.includes(worker)) this.#end(worker);
    await Promise.all(leaving);
  }

  #dismiss(worker: Worker): Promise<void> {
    const { child } = worker;
    return new Promise((resolve) => {
      const leave = (): void => {
        clearTimeout(late);
        this.#end(worker);
        resolve();
      };
      const late = setTimeout(leave, leaveMs);
      child.once('exit', leave);
      if (child.connected) child.disconnect();
      else leave();
    });
  }

  #take(heap: number, engine: string | null): Worker {
    const fits = (worker: Worker): boolean =>
      worker.heap === heap && (engine === null || worker.engine === null || worker.engine === engine);
    const at = this.#idle.findIndex(fits);
    if (at >= 0) {
      const worker = this.#idle.splice(at, 1)[0]!;
      worker.engine ??= engine;
      return worker;
    }
    const limit = heap > 0 ? [`--max-old-space-size=${Math.ceil(heap)}`] : [];
    const { file, args } = guarded(process.execPath, ['--enable-source-maps', ...limit, this.#script], 4);
    const child = spawn(file, args, {
      // Its own process group: what the stage starts is ended with it, and Ctrl-C in a terminal reaches only us.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      env: workerEnvironment({ ...process.env, OROGRAPH_ROLE: 'worker' }),
      serialization: 'json',
    });
    const worker = { child, heap, engine };
    this.#all.add(worker);
    takeGroupAlong(child);
    // It may die while it is idle: nobody must be given a dead worker.
    child.on('exit', () => this.#forget(worker));
    // Each job listens for itself; an error that nobody listens for would end the run.
    child.on('error', () => this.#forget(worker));
    return worker;
  }

  #end(worker: Worker): void {
    this.#forget(worker);
    killGroup(worker.child, 'SIGKILL');
  }

  #forget(worker: Worker): void {
    this.#all.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #converse(
    worker: Worker,
    job: Job,
    options: AttemptOptions,
  ): Promise<{ ending: Ending; reusable: boolean }> {
    const { child } = worker;
    const { signal, log } = options;
    return new Promise((resolve) => {
      let answer: Extract<FromWorker, { type: 'done' | 'failed' }> | undefined;
      let stopping: 'timeout' | 'interrupted' | undefined;
      let lastWords = '';
      const timers: NodeJS.Timeout[] = [];
      const open = new Set<MarkedStream>();

      const finish = (ending: Ending, reusable: boolean): void => {
        for (const timer of timers) clearTimeout(timer);
        signal.removeEventListener('abort', interrupt);
        child.off('message', onMessage).off('error', onError).off('close', onClose);
        for (const stream of streams) stream.leave();
        resolve({ ending, reusable });
      };
      const settle = (): void => {
        if (!answer || open.size > 0) return;
        if (answer.type === 'done') {
          finish({ ok: true, facts: answer.facts }, answer.residentMegabytes < retireAtMegabytes);
          return;
        }
        // A run that was interrupted has not failed: there is nothing to tell of where it stood.
        if (answer.details && stopping === undefined) log.write(Buffer.from(`${answer.details}\n`), 'stderr');
        const { message, hint, diagnostics } = answer;
        const why = stopping ?? 'failed';
        finish(
          { ok: false, why, message, ...(hint && { hint }), ...(diagnostics && { diagnostics }) },
          false,
        );
      };
      const interrupt = (): void => {
        stopping ??= 'interrupted';
        send(child, { type: 'abort' });
        timers.push(setTimeout(() => killGroup(child, 'SIGKILL'), graceMs));
      };

      const streams = [child.stdout!, child.stderr!].map((source) => {
        const stream = new MarkedStream(source, endMarker(job.id), {
          text: (chunk) => {
            log.write(chunk, source === child.stderr ? 'stderr' : 'stdout');
            if (source === child.stderr) lastWords = (lastWords + chunk.toString('utf8')).slice(-4000);
          },
          end: () => {
            open.delete(stream);
            settle();
          },
        });
        open.add(stream);
        return stream;
      });
      const onMessage = (message: FromWorker): void => {
        if (message.type === 'progress') options.onProgress(message);
        else if (message.type === 'losses') options.onLosses(message.losses);
        else {
          answer = message;
          settle();
        }
      };
      const onError = (error: Error): void =>
        finish({ ok: false, why: 'died', message: `no worker: ${error.message}` }, false);
      const onClose = (code: number | null, deathSignal: NodeJS.Signals | null): void => {
        if (answer) {
          open.clear();
          settle();
        } else finish(death(stopping, code, deathSignal, lastWords, job, options), false);
      };
      child.on('message', onMessage).on('error', onError).on('close', onClose);
      if (options.timeoutSeconds !== null) {
        timers.push(
          setTimeout(() => {
            stopping ??= 'timeout';
            killGroup(child, 'SIGKILL');
          }, timerMs(options.timeoutSeconds)),
        );
      }
      if (signal.aborted) interrupt();
      else signal.addEventListener('abort', interrupt, { once: true });
      send(child, { type: 'job', job });
    });
  }
}

function death(
  stopping: 'timeout' | 'interrupted' | undefined,
  code: number | null,
  deathSignal: NodeJS.Signals | null,
  lastWords: string,
  job: Job,
  options: AttemptOptions,
): Ending {
  if (stopping === 'interrupted') return { ok: false, why: 'interrupted', message: 'interrupted' };
  if (stopping === 'timeout') return timedOut(options.timeoutSeconds!);
  if (/heap out of memory|Reached heap limit/i.test(lastWords)) {
    return {
      ok: false,
      why: 'heap',
      message: 'used up its JavaScript heap',
      hint:
        job.resources.memory > 0
          ? `raise resources.memory (now ${job.resources.memory} MB)`
          : 'state resources.memory',
    };
  }
  const how = deathSignal ? `was killed by ${deathSignal}` : `ended with exit code ${code}`;
  return {
    ok: false,
    why: 'died',
    message: `its worker process ${how}`,
    ...hintOf(code, deathSignal),
  };
}

function hintOf(code: number | null, deathSignal: NodeJS.Signals | null): { hint?: string } {
  if (deathSignal === 'SIGKILL')
    return { hint: 'the system may have run out of memory: see its log, and lower --jobs' };
  return code === 0 ? { hint: 'a kind must return from run(): process.exit() ends it without a result' } : {};
}

/** A timer of more than 2³¹ - 1 milliseconds (25 days) would go off at once: no stage is held to more. */
export function timerMs(seconds: number): number {
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}

export function timedOut(seconds: number): Ending {
  return {
    ok: false,
    why: 'timeout',
    message: `did not finish within its timeout of ${seconds} s`,
    hint: 'raise timeout:, or see the log for where it hangs',
  };
}

function send(child: ChildProcess, message: ToWorker): void {
  // A worker that died meanwhile says so by its `close` event.
  child.send(message, () => {});
}
