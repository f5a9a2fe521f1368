/**
 * How many groups of results the memo table has taken, written beside it after each: a table that knows of fewer has
 * lost some. SQLite cannot tell: a table whose log was cut short, or that was put back from a copy, is a good one of an
 * earlier hour. The file is written after the transaction and read before the table, so that the table never knows of
 * less unless it has lost something.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { sealOf } from './schema.ts';

export class HighWater {
  readonly #path: string;
  #file: number | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** 0 where nothing was written, or what was written is damaged. */
  read(): number {
    try {
      const [count, seal] = readFileSync(this.#path, 'utf8').trim().split(' ');
      return seal === sealOf('meta', count!) ? Number(count) : 0;
    } catch {
      return 0;
    }
  }

  /** Of one width, so that it takes the place of the one before. A failure costs a warning at most: it is no result. */
  write(count: number): void {
    try {
      this.#file ??= openSync(this.#path, 'w');
      const text = String(count).padStart(16, '0');
      writeSync(this.#file, `${text} ${sealOf('meta', text)}\n`, 0);
    } catch {
      this.close();
    }
  }

  remove(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
