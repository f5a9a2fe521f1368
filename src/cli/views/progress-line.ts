import { type Terminal, truncate } from '../terminal.ts';
import { clock, duration, size } from '../units.ts';

/** Milliseconds between two lines where nothing can be redrawn. */
const lineEvery = 10_000;

/**
 * One thing that takes long: a line that is redrawn on a terminal, a line now and then in a log.
 */
export function progressLine(terminal: Terminal, begin = '') {
  let doing = begin;
  let since = performance.now();
  let done = 0;
  let total: number | undefined;
  let first: number | undefined;
  let unit: string | undefined;
  let printed = performance.now();
  let shown = false;

  const words = (now: number): string => {
    const seconds = (now - since) / 1000;
    // What is being done stands on the line above already, where lines are redrawn.
    if (done === 0) return `${terminal.interactive ? ' ' : doing} ${clock(now - since)}`;
    const rate = (done - (first ?? 0)) / Math.max(seconds, 0.001);
    const amount = (value: number): string => (unit === undefined ? size(value) : String(value));
    const share =
      total === undefined
        ? ''
        : ` of ${amount(total)}${unit ? ` ${unit}` : ''} (${Math.floor((100 * done) / total)} %)`;
    const left = total === undefined || rate <= 0 ? '' : `, ${duration(((total - done) / rate) * 1000)} left`;
    return `${amount(done)}${share}, ${amount(Math.round(rate))}/s${left}`;
  };
  const draw = (): void => {
    const now = performance.now();
    if (terminal.interactive) {
      terminal.write(`\r${terminal.paint('dim', truncate(words(now), terminal.size().columns - 1))}\x1b[K`);
      shown = true;
    } else if (now - printed >= lineEvery) {
      printed = now;
      terminal.line(words(now));
    }
  };
  const erase = (): void => {
    if (shown) terminal.write('\r\x1b[K');
    shown = false;
  };
  const timer = setInterval(draw, 200);
  timer.unref();
  return {
    say(text: string): void {
      erase();
      terminal.line(text);
      [doing, since, done, total, first] = [text, performance.now(), 0, undefined, undefined];
      unit = undefined;
      printed = since;
    },
    /** Makes room for lines that others print. */
    pause: erase,
    onBytes(bytes: number, all: number | undefined): void {
      first ??= bytes;
      done = bytes;
      total = all;
    },
    /** The same of other things than bytes. */
    onItems(items: number, all: number, what: string): void {
      first ??= items;
      [done, total, unit] = [items, all, what];
    },
    close(): void {
      clearInterval(timer);
      erase();
    },
  };
}
