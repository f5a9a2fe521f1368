import type { Readable } from 'node:stream';

/**
 * What one job prints on one stream of a worker that serves many: everything up to a marker that the worker writes
 * when the job has ended. The marker may come in pieces: pipes are read in blocks, whatever they hold.
 */
export class MarkedStream {
  readonly #source: Readable;
  readonly #marker: Buffer;
  readonly #to: { readonly text: (chunk: Buffer) => void; readonly end: () => void };
  /** The last bytes, which may be the beginning of the marker. */
  #held: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(
    source: Readable,
    marker: string,
    to: { readonly text: (chunk: Buffer) => void; readonly end: () => void },
  ) {
    this.#source = source;
    this.#marker = Buffer.from(marker);
    this.#to = to;
    source.on('data', this.#onData).on('close', this.#onClose);
    // The stage may have closed it: then no marker comes.
    if (source.closed) queueMicrotask(this.#onClose);
  }

  /** What comes from now on is not for this job. */
  leave(): void {
    this.#source.off('data', this.#onData).off('close', this.#onClose);
    this.#release();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#ended) return;
    const text = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const at = text.indexOf(this.#marker);
    const keep = at >= 0 ? at : Math.max(0, text.length - this.#marker.length + 1);
    this.#held = at >= 0 ? Buffer.alloc(0) : Buffer.from(text.subarray(keep));
    if (keep > 0) this.#to.text(text.subarray(0, keep));
    if (at >= 0) this.#end();
  };

  readonly #onClose = (): void => {
    this.#release();
    this.#end();
  };

  #release(): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    this.#to.text(held);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#to.end();
  }
}
