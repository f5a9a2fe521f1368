import type { Subscriber } from '../../events/event.ts';
import type { Terminal } from '../terminal.ts';

/** One event a line. Nothing else is printed on the stream, so that every line parses. */
export function jsonView(out: Terminal): Subscriber {
  return (event) => out.line(JSON.stringify(event));
}
