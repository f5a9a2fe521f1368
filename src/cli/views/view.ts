import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RunEvent, Subscriber } from '../../events/event.ts';
import { displayWidth, type Terminal } from '../terminal.ts';
import { jsonView } from './json.ts';
import { lastingLines, liveBlock } from './live.ts';
import { plainView } from './plain.ts';
import { openScreen } from './screen.ts';
import { initialState, type RunState, reduce } from './state.ts';
import { lastLine, summaryLines } from './summary.ts';

/** Milliseconds between two drawings: ten a second. */
const frame = 100;

/** How long plain lines gather before they are written: with hundreds of stages a second each write is felt. */
const gatherMs = 50;

/** A subscriber that shows a run; `close` gives the terminal back in whatever state the run is. */
export interface View {
  readonly subscriber: Subscriber;
  /** Prints lines that stay, above the live part where there is one. */
  say(lines: readonly string[]): void;
  close(): void;
}

export interface ViewOptions {
  readonly out: Terminal;
  readonly err: Terminal;
  readonly cwd: string;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Renders a diagnostic event. */
  readonly describe: (event: Extract<RunEvent, { type: 'diagnostic' }>) => string;
}

/** The view that fits: JSON if asked for, live on a terminal, else plain lines. */
export function openView(options: ViewOptions): View {
  if (options.json)
    return { subscriber: jsonView(options.out), say: (lines) => sayAll(options.err, lines), close: () => {} };
  return options.out.interactive && !options.quiet ? liveView(options) : linesView(options);
}

function sayAll(terminal: Terminal, lines: readonly string[]): void {
  if (lines.length > 0) terminal.write(`${lines.join('\n')}\n`);
}

/**
 * A program's output goes straight to its log; where a stage has failed, the end of it belongs into the message. It is
 * put into the state as if the stage had printed it now.
 */
function recallOutput(state: RunState, event: RunEvent): void {
  if (event.type !== 'stage-failed' || event.log === undefined) return;
  const stage = state.running.get(event.stage);
  if (!stage || stage.tail.length > 0) return;
  const text = endOf(event.log);
  reduce(state, { type: 'stage-output', stage: event.stage, stream: 'stderr', text }, stage.startedAt);
}

/** The last 4,000 bytes of a file, from the beginning of a line. */
function endOf(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, 4000));
      readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      const text = buffer.toString('utf8');
      return size > buffer.length ? text.slice(text.indexOf('\n') + 1) : text;
    } finally {
      closeSync(fd);
    }
  } catch {
    // The message names the log; that it cannot be read is no second failure.
    return '';
  }
}

function ending(state: RunState, { out, cwd, quiet }: ViewOptions): string[] {
  if (!state.finished) return [];
  return [...(quiet ? [] : summaryLines(state, cwd, out.paint)), lastLine(state.finished)];
}

function linesView(options: ViewOptions): View {
  const { out, err, quiet, describe } = options;
  const state = initialState();
  const render = plainView(out.paint, quiet);
  let gathered: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    sayAll(out, gathered);
    gathered = [];
  };
  return {
    subscriber: (event) => {
      const now = performance.now();
      if (event.type === 'diagnostic') {
        flush();
        err.line(describe(event));
      }
      recallOutput(state, event);
      gathered.push(...render(state, event, now));
      reduce(state, event, now);
      if (event.type === 'run-finished') {
        gathered.push(...ending(state, options));
        flush();
      }
      if (gathered.length > 0) timer ??= setTimeout(flush, gatherMs);
    },
    say: (lines) => {
      flush();
      sayAll(err, lines);
    },
    close: flush,
  };
}

function liveView(options: ViewOptions): View {
  const { out, describe } = options;
  const state = initialState();
  const screen = openScreen(out);
  let lasting: string[] = [];
  let drawnAt = 0;
  const draw = (): void => {
    drawnAt = performance.now();
    const block = liveBlock(state, drawnAt, out.size(), out.paint);
    screen.draw(lasting, block, block.map(displayWidth));
    lasting = [];
  };
  // The clock and the rates move on while nothing happens. A run with nothing to do is over before the first frame.
  const timer = setInterval(draw, frame);
  timer.unref();
  out.stream.on('resize', draw);
  const close = (): void => {
    clearInterval(timer);
    out.stream.off('resize', draw);
    screen.close();
    sayAll(out, lasting);
    lasting = [];
  };
  return {
    subscriber: (event) => {
      const now = performance.now();
      if (event.type === 'diagnostic') lasting.push(describe(event));
      recallOutput(state, event);
      lasting.push(...lastingLines(state, event, out.paint));
      reduce(state, event, now);
      if (event.type === 'run-finished') {
        lasting.push(...ending(state, options));
        close();
      }
    },
    say: (lines) => {
      lasting.push(...lines);
      draw();
    },
    close,
  };
}
