import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { diskError } from '../store/disk-errors.ts';
import { logPath } from '../store/logs.ts';
import type { StageKey } from '../util/digest.ts';
import { makeFolder, removeIfThere, renameFile, temporaryBeside, writeFully } from '../util/fs-durable.ts';

/** What one stage may leave in its log: the first and the last of it. A stage that prints 100 MB fills no disk. */
const headBytes = 4_000_000;
const tailBytes = 1_000_000;
/** So much of what a stage prints is also told as it comes. */
const toldBytes = 64_000;

export type OutputStream = 'stdout' | 'stderr';

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
  #problem: { readonly error: unknown } | undefined;

  readonly #line: Record<OutputStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #onText: (text: string, stream: OutputStream) => void;

  /** @param onText told the lines that the stage prints, its first thousands. */
  constructor(cache: string, key: StageKey, onText: (text: string, stream: OutputStream) => void) {
    this.path = logPath(cache, key);
    this.#onText = onText;
  }

  /** Never throws: it is called for whatever a process prints, at any moment. `close` tells what went wrong. */
  write(chunk: Buffer, stream: OutputStream): void {
    if (chunk.length === 0 || this.#problem !== undefined) return;
    if (this.#written < toldBytes) this.#tell(chunk, stream);
    const head = Math.min(chunk.length, Math.max(0, headBytes - this.#written));
    try {
      if (head > 0) {
        this.#fd ??= this.#open();
        writeFully(this.#fd, chunk.subarray(0, head), this.path);
        this.#written += head;
      }
      if (head < chunk.length) this.#keepTail(chunk.subarray(head));
    } catch (error) {
      this.#problem = { error };
    }
  }

  /** Whole lines only: a chunk may end anywhere, in the middle of a character too. */
  #tell(chunk: Buffer, stream: OutputStream): void {
    const text = Buffer.concat([this.#line[stream], chunk.subarray(0, toldBytes)]);
    const end = text.lastIndexOf(0x0a) + 1;
    this.#line[stream] = text.subarray(end);
    if (end > 0) this.#onText(text.toString('utf8', 0, end), stream);
  }

  /** Ends the log; returns its path, or undefined where nothing was printed. Throws where it could not be written. */
  close(): string | undefined {
    const fd = this.#fd;
    this.#fd = undefined;
    try {
      if (this.#problem !== undefined) throw this.#problem.error;
      if (fd === undefined) return undefined;
      if (this.#dropped > 0) writeFully(fd, leftOut(this.#dropped), this.path);
      for (const chunk of this.#tail) writeFully(fd, chunk, this.path);
      return this.path;
    } catch (error) {
      throw diskError(error, 'keep the log of a stage', this.path);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  #open(): number {
    makeFolder(dirname(this.path));
    return openSync(this.path, 'w');
  }

  #keepTail(chunk: Buffer): void {
    this.#tail.push(Buffer.from(chunk));
    this.#tailSize += chunk.length;
    while (this.#tail.length > 1 && this.#tailSize > tailBytes) {
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
  try {
    makeFolder(dirname(path));
    if (size <= headBytes + tailBytes) renameFile(file, path);
    else adoptPart(file, path, size);
    return path;
  } catch (error) {
    throw diskError(error, 'keep the log of a stage', path);
  }
}

function adoptPart(file: string, path: string, size: number): void {
  const temporary = temporaryBeside(path);
  try {
    const from = openSync(file, 'r');
    const to = openSync(temporary, 'w');
    try {
      copyRange(from, to, 0, headBytes);
      writeFully(to, leftOut(size - headBytes - tailBytes), path);
      copyRange(from, to, size - tailBytes, tailBytes);
    } finally {
      closeSync(from);
      closeSync(to);
    }
    renameFile(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
}

function leftOut(bytes: number): Buffer {
  return Buffer.from(`\n… ${bytes.toLocaleString('en')} bytes left out …\n`);
}

function copyRange(from: number, to: number, start: number, length: number): void {
  const buffer = Buffer.alloc(Math.min(length, 1 << 20));
  for (let done = 0; done < length; ) {
    const read = readSync(from, buffer, 0, Math.min(buffer.length, length - done), start + done);
    if (read === 0) return;
    writeFully(to, buffer.subarray(0, read), 'log');
    done += read;
  }
}
