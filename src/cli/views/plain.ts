import { visible } from '../../diagnostics/width.ts';
import type { RunEvent } from '../../events/event.ts';
import { type Paint, truncate } from '../terminal.ts';
import { count, duration } from '../units.ts';
import { failureLines, progressWords, retryLine, tailOf } from './lines.ts';
import type { RunState } from './state.ts';

/** Milliseconds between two lines about one stage's progress: a log of a night's run stays readable. */
const progressEvery = 30_000;

/** Of why a stage runs: another data set changes a dozen files. `why` and `--json` say all of it. */
const reasonColumns = 120;

/**
 * Lines for a pipe, a file or a CI log. Cached stages get none: a run with nothing to do says so in its last line.
 * Call the result before the event is reduced into `state`.
 */
export function plainView(paint: Paint, quiet: boolean) {
  const lastProgress = new Map<string, number>();
  return (state: RunState, event: RunEvent, now: number): string[] => {
    if (event.type === 'stage-failed') return failureLines(event, tailOf(state, event.stage), paint);
    if (quiet) return [];
    switch (event.type) {
      case 'run-started':
        return [
          `${paint('bold', event.pipeline)}: ${count(event.stages, 'stage')}${event.engine === 'none' ? '' : `, engine ${event.engine}`}, ${event.jobs} at once`,
        ];
      case 'stage-waiting':
        return [`${event.stage}: waiting (${event.reason})`];
      case 'stage-started':
        lastProgress.set(event.stage, now);
        return [
          `${event.stage}: started (${truncate(visible(event.reason), reasonColumns)})${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`,
        ];
      case 'stage-progress': {
        if (now - (lastProgress.get(event.stage) ?? now) < progressEvery) return [];
        lastProgress.set(event.stage, now);
        const note = event.note ? `, ${event.note}` : '';
        return [visible(`${event.stage}: ${progressWords(event.done, event.total, event.unit)}${note}`)];
      }
      case 'stage-retry':
        return [retryLine(event, paint)];
      case 'stage-finished':
        return [`${event.stage}: ${paint('green', 'done')} in ${duration(event.wallMs)}`];
      case 'stage-skipped':
        return [`${event.stage}: ${paint('yellow', 'skipped')} (${event.reason})`];
      default:
        return [];
    }
  };
}
