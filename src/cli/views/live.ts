import { visible } from '../../diagnostics/width.ts';
import type { RunEvent } from '../../events/event.ts';
import { type Paint, pad, truncate } from '../terminal.ts';
import { clock, duration, number } from '../units.ts';
import { failureLines, retryLine, tailOf } from './lines.ts';
import { pace, type RunningStage, type RunState } from './state.ts';

/** Lines that stay above the part that is redrawn. Call before the event is reduced. */
export function lastingLines(state: RunState, event: RunEvent, paint: Paint): string[] {
  if (event.type === 'stage-failed') return failureLines(event, tailOf(state, event.stage), paint);
  if (event.type === 'stage-finished')
    return [`${paint('green', '✓')} ${event.stage}  ${paint('dim', duration(event.wallMs))}`];
  if (event.type === 'stage-retry') return [retryLine(event, paint)];
  return [];
}

/**
 * The part that is redrawn: one line for the run, one a running stage, never higher than the screen. No line is wider
 * than `columns`, so that the screen's own wrapping never moves it.
 */
export function liveBlock(
  state: RunState,
  now: number,
  screen: { columns: number; rows: number },
  paint: Paint,
): string[] {
  if (state.finished || state.stages === 0) return [];
  const lines = [runLine(state, now, screen.columns, paint)];
  const room = Math.max(1, Math.min(screen.rows - 3, 16));
  const running = [...state.running.values()];
  const shown = running.length <= room ? running : running.slice(0, room - 1);
  const nameWidth = Math.min(
    Math.max(8, ...shown.map((stage) => [...stage.stage].length)),
    Math.max(8, Math.floor(screen.columns * 0.4)),
  );
  lines.push(...shown.map((stage) => stageLine(stage, now, nameWidth, screen.columns, paint)));
  if (shown.length < running.length) lines.push(paint('dim', `  and ${running.length - shown.length} more`));
  if (state.waiting.size > 0 && shown.length < room) {
    const [stage, reason] = [...state.waiting][0]!;
    const more = state.waiting.size > 1 ? ` and ${state.waiting.size - 1} more` : '';
    lines.push(paint('dim', truncate(`  ${stage}${more} waiting: ${visible(reason)}`, screen.columns - 1)));
  }
  return lines;
}

function runLine(state: RunState, now: number, width: number, paint: Paint): string {
  const done = state.executed + state.cached + state.failed + state.skipped;
  const parts = [`${done}/${state.stages}`, clock(now - state.startedAt)];
  if (state.cached > 0) parts.push(`${state.cached} cached`);
  if (state.failed > 0) parts.push(`${state.failed} failed`);
  const words = parts.join('  ');
  const name = truncate(state.pipeline, Math.max(8, Math.floor(width * 0.35)));
  const barWidth = Math.min(30, width - name.length - words.length - 6);
  const bar = barWidth < 5 ? '' : `${drawBar(done / Math.max(1, state.stages), barWidth, paint)}  `;
  const plain = truncate(words, Math.max(1, width - name.length - 3));
  return `${paint('bold', name)}  ${bar}${state.failed > 0 ? paint('red', plain) : plain}`;
}

function stageLine(stage: RunningStage, now: number, nameWidth: number, width: number, paint: Paint): string {
  const name = pad(truncate(stage.stage, nameWidth), nameWidth);
  const head = `  ${paint('cyan', name)}  `;
  let room = width - nameWidth - 5;
  const { progress } = stage;
  if (!progress || progress.total <= 0) {
    const words = `${clock(now - stage.startedAt)}  ${visible(progress?.note ?? stage.tail.at(-1)?.trim() ?? stage.reason)}`;
    return head + paint('dim', truncate(words, room));
  }
  const share = Math.min(1, progress.done / progress.total);
  const speed = pace(progress, now);
  const words = [
    `${String(Math.floor(share * 100)).padStart(3)} %`,
    `${number(progress.done)}/${number(progress.total)} ${visible(progress.unit)}`,
    ...(speed ? [speedWords(speed.rate), `${clock(speed.leftMs)} left`] : [clock(now - stage.startedAt)]),
    ...(progress.note ? [visible(progress.note)] : []),
  ].join('  ');
  const barWidth = Math.min(16, room - 34);
  if (barWidth < 6) return head + truncate(words, room);
  room -= barWidth + 2;
  return `${head}${drawBar(share, barWidth, paint)}  ${truncate(words, room)}`;
}

/** `12/s`, or the time one takes where that is more than a second. */
function speedWords(rate: number): string {
  return rate >= 1 ? `${number(rate, rate >= 10 ? 3 : 2)}/s` : `${number(1 / rate, 2)} s each`;
}

/** Half steps by half-filled line characters, which every monospaced font has. */
function drawBar(share: number, width: number, paint: Paint): string {
  const halves = Math.floor(Math.max(0, Math.min(1, share)) * width * 2);
  const full = '━'.repeat(Math.floor(halves / 2));
  const half = halves % 2 === 1 ? '╸' : '';
  return paint('cyan', full + half) + paint('dim', '─'.repeat(width - full.length - half.length));
}
