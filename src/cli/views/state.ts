import { stripVTControlCharacters } from 'node:util';
import { visible } from '../../diagnostics/width.ts';
import type { RunEvent } from '../../events/event.ts';
import type { Json } from '../../util/json.ts';

/**
 * What a run looks like at a moment, built from its events alone: the live view, the plain lines and the summary are
 * all drawn from it, so that they are tested with events and a clock and need no terminal.
 */
export interface RunState {
  pipeline: string;
  file: string;
  engine: string;
  jobs: number;
  stages: number;
  /** Milliseconds, of the same clock as the `now` of `reduce`. */
  startedAt: number;
  executed: number;
  cached: number;
  failed: number;
  skipped: number;
  /** In the order of starting. */
  readonly running: Map<string, RunningStage>;
  /** Stages that another run on the same cache is computing, and what is known about it. */
  readonly waiting: Map<string, string>;
  readonly facts: Map<string, Readonly<Record<string, Json>>>;
  readonly expectations: Extract<RunEvent, { type: 'expectation' }>[];
  readonly artifacts: Extract<RunEvent, { type: 'artifact' }>[];
  readonly failures: Extract<RunEvent, { type: 'stage-failed' }>[];
  finished: Extract<RunEvent, { type: 'run-finished' }> | undefined;
}

export interface RunningStage {
  readonly stage: string;
  readonly reason: string;
  readonly startedAt: number;
  readonly attempt: number;
  progress: Progress | undefined;
  /** The last lines it printed, for a failure's message. */
  tail: string[];
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly note: string | undefined;
  /** Where counting began: a stage that goes on from a checkpoint starts above 0. */
  readonly firstDone: number;
  readonly firstAt: number;
}

export function initialState(): RunState {
  return {
    pipeline: '',
    file: '',
    engine: '',
    jobs: 0,
    stages: 0,
    startedAt: 0,
    executed: 0,
    cached: 0,
    failed: 0,
    skipped: 0,
    running: new Map(),
    waiting: new Map(),
    facts: new Map(),
    expectations: [],
    artifacts: [],
    failures: [],
    finished: undefined,
  };
}

const tailLines = 12;

/** Takes one event in, in place: a run of 10,000 stages has tens of thousands. */
export function reduce(state: RunState, event: RunEvent, now: number): void {
  switch (event.type) {
    case 'run-started':
      state.pipeline = event.pipeline;
      state.file = event.file;
      state.engine = event.engine;
      state.jobs = event.jobs;
      state.stages = event.stages;
      state.startedAt = now;
      return;
    case 'stage-cached':
      state.cached++;
      state.waiting.delete(event.stage);
      if (event.facts) state.facts.set(event.stage, event.facts);
      return;
    case 'stage-waiting':
      state.waiting.set(event.stage, event.reason);
      return;
    case 'stage-started':
      state.waiting.delete(event.stage);
      state.running.set(event.stage, {
        stage: event.stage,
        reason: event.reason,
        startedAt: now,
        attempt: event.attempt,
        progress: undefined,
        tail: [],
      });
      return;
    case 'stage-progress': {
      const stage = state.running.get(event.stage);
      if (stage) stage.progress = advance(stage.progress, event, now);
      return;
    }
    case 'stage-output': {
      const stage = state.running.get(event.stage);
      if (stage) {
        const lines = event.text
          .split('\n')
          .map(asShown)
          .filter((line) => line.trim() !== '');
        stage.tail = [...stage.tail, ...lines].slice(-tailLines);
      }
      return;
    }
    case 'stage-finished':
      state.executed++;
      state.running.delete(event.stage);
      if (event.facts) state.facts.set(event.stage, event.facts);
      return;
    case 'stage-facts':
      state.facts.set(event.stage, event.facts);
      return;
    case 'stage-failed':
      state.failed++;
      state.running.delete(event.stage);
      state.waiting.delete(event.stage);
      state.failures.push(event);
      return;
    case 'stage-skipped':
      state.skipped++;
      state.running.delete(event.stage);
      state.waiting.delete(event.stage);
      return;
    case 'expectation':
      state.expectations.push(event);
      return;
    case 'artifact':
      state.artifacts.push(event);
      return;
    case 'run-finished':
      state.finished = event;
      return;
    case 'stage-retry':
      state.running.delete(event.stage);
      state.waiting.set(event.stage, `tries again: ${event.message}`);
      return;
    case 'diagnostic':
      return;
    default:
      event satisfies never;
  }
}

/**
 * A printed line as it may stand in a view: what a carriage return wrote over is gone, colours and whatever else would
 * steer the terminal too.
 */
function asShown(line: string): string {
  return visible(stripVTControlCharacters(line).replace(/\r+$/, '').replace(/^.*\r/, ''));
}

function advance(
  before: Progress | undefined,
  event: Extract<RunEvent, { type: 'stage-progress' }>,
  now: number,
): Progress {
  // Another unit is another phase (epochs, then points): its rate is its own.
  const same =
    before && before.unit === event.unit && before.total === event.total && before.done <= event.done;
  return {
    done: event.done,
    total: event.total,
    unit: event.unit,
    note: event.note,
    firstDone: same ? before.firstDone : event.done,
    firstAt: same ? before.firstAt : now,
  };
}

/** Items a second since counting began, and milliseconds left at that rate; undefined until that can be told. */
export function pace(progress: Progress, now: number): { rate: number; leftMs: number } | undefined {
  const done = progress.done - progress.firstDone;
  const ms = now - progress.firstAt;
  if (done <= 0 || ms < 500) return undefined;
  const rate = (done / ms) * 1000;
  return { rate, leftMs: (Math.max(0, progress.total - progress.done) / rate) * 1000 };
}
