import { closeSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StageKey } from '../util/digest.ts';
import { renameFile, temporaryBeside } from '../util/fs-durable.ts';

/** What one stage may leave in its log: the first and the last of it. A stage that prints 100 MB fills no disk. */
const headBytes = 4_000_000;
const tailBytes = 1_000_000;

export function logPath(cache: string, key: StageKey): string {
  return join(cache, 'logs', key.slice(0, 2), `${key}.log`);
}

/**
 * The log of one attempt at a stage: kept by key, so that a cached stage still has the log of the run that made it.
 * The file appears with the first byte; a silent stage leaves none.
 */
export class StageLog {
  readonly path: string;
  #fd: number | undefined;
  #written = 0;
  #dropped = 0;
  #tail: Buffer[] = [];
  #tailSize = 0;

  constructor(cache: string, key: StageKey) {
    this.path = logPath(cache, key);
  }

  write(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const head = Math.min(chunk.length, Math.max(0, headBytes - this.#written));
    if (head > 0) {
      this.#fd ??= this.#open();
      writeSync(this.#fd, chunk, 0, head);
      this.#written += head;
    }
    if (head < chunk.length) this.#keepTail(chunk.subarray(head));
  }

  /** Ends the log; returns its path, or undefined where nothing was printed. */
  close(): string | undefined {
    if (this.#fd === undefined) return undefined;
    if (this.#dropped > 0) {
      writeSync(this.#fd, `\n… ${this.#dropped.toLocaleString('en')} bytes left out …\n`);
    }
    for (const chunk of this.#tail) writeSync(this.#fd, chunk);
    closeSync(this.#fd);
    this.#fd = undefined;
    return this.path;
  }

  #open(): number {
    mkdirSync(dirname(this.path), { recursive: true });
    return openSync(this.path, 'w');
  }

  #keepTail(chunk: Buffer): void {
    this.#tail.push(Buffer.from(chunk));
    this.#tailSize += chunk.length;
    while (
      this.#tailSize > tailBytes + this.#tail[0]!.length ||
      (this.#tail.length > 1 && this.#tailSize > tailBytes)
    ) {
      const first = this.#tail.shift()!;
      this.#tailSize -= first.length;
      this.#dropped += first.length;
    }
  }
}

/** Takes a finished log file of a program: cut to the same size, moved to its place. Undefined where it is empty. */
export function adoptLog(file: string, cache: string, key: StageKey): string | undefined {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return undefined;
  const path = logPath(cache, key);
  mkdirSync(dirname(path), { recursive: true });
  if (size <= headBytes + tailBytes) {
    renameFile(file, path);
    return path;
  }
  const from = openSync(file, 'r');
  const temporary = temporaryBeside(path);
  const to = openSync(temporary, 'w');
  try {
    copyRange(from, to, 0, headBytes);
    writeSync(to, `\n… ${(size - headBytes - tailBytes).toLocaleString('en')} bytes left out …\n`);
    copyRange(from, to, size - tailBytes, tailBytes);
  } finally {
    closeSync(from);
    closeSync(to);
  }
  renameFile(temporary, path);
  return path;
}

function copyRange(from: number, to: number, start: number, length: number): void {
  const buffer = Buffer.alloc(Math.min(length, 1 << 20));
  for (let done = 0; done < length; ) {
    const read = readSync(from, buffer, 0, Math.min(buffer.length, length - done), start + done);
    if (read === 0) return;
    writeSync(to, buffer, 0, read);
    done += read;
  }
}
