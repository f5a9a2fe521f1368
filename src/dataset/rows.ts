/**
 * Rows of equal size in files, read when they are asked for. What fits into a budget stays in memory; of what does
 * not, nothing stays but what the caller asked for.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../diagnostics/diagnostic.ts';
import { identityOf } from '../util/file-identity.ts';
import { bad } from './damage.ts';

/** Consecutive rows of one file: row i lies at `offset + i * stride`. */
export interface Piece {
  readonly path: string;
  readonly offset: number;
  readonly stride: number;
  readonly rows: number;
}

/** What rows are made of; float64 is rounded to float32 when it is read. */
export type Element = keyof typeof bytesOf;
const bytesOf = { uint8: 1, float32: 4, float64: 8 } as const;

/** A split whose rows are larger than this together is read batch by batch. */
export const residentBudget = 256 * 2 ** 20;

export class Rows {
  readonly count: number;
  /** Bytes of a row. */
  readonly size: number;
  readonly element: Element;
  readonly #pieces: readonly Piece[];
  readonly #identities = new Map<string, string>();
  readonly #ours: boolean;
  #all: Uint8Array | undefined;

  /** @param ours files that only we write: one that was made again has the same content. */
  constructor(pieces: readonly Piece[], size: number, element: Element, ours = false) {
    this.#pieces = pieces;
    this.#ours = ours;
    this.size = size;
    this.element = element;
    this.count = pieces.reduce((sum, { rows }) => sum + rows, 0);
    for (const { path } of pieces) this.#within(path, (_, identity) => this.#identities.set(path, identity));
  }

  /** Numbers of a row. */
  get features(): number {
    return this.size / bytesOf[this.element];
  }

  /** The files. */
  get paths(): string[] {
    return this.#pieces.map(({ path }) => path);
  }

  /** Bytes held now. */
  get resident(): number {
    return this.#all?.length ?? 0;
  }

  /** Reads everything where it fits into the budget. */
  hold(budget: number): void {
    if (this.#all || this.count * this.size > budget) return;
    const all = new Uint8Array(this.count * this.size);
    this.#read(
      Uint32Array.from({ length: this.count }, (_, row) => row),
      (i, bytes) => all.set(bytes, i * this.size),
    );
    this.#all = all;
  }

  /** Hands over the bytes of each row, in the order asked for; they are valid only during the call. */
  each(rows: ArrayLike<number>, use: (i: number, bytes: Uint8Array) => void): void {
    const all = this.#all;
    if (all)
      for (let i = 0; i < rows.length; i++)
        use(i, all.subarray(rows[i]! * this.size, (rows[i]! + 1) * this.size));
    else this.#read(rows, use);
  }

  #read(rows: ArrayLike<number>, use: (i: number, bytes: Uint8Array) => void): void {
    const buffer = new Uint8Array(this.size);
    let first = 0;
    for (const { path, offset, stride, rows: count } of this.#pieces) {
      const end = first + count;
      const start = first;
      const own: number[] = [];
      for (let i = 0; i < rows.length; i++) if (rows[i]! >= start && rows[i]! < end) own.push(i);
      first = end;
      if (own.length === 0) continue;
      this.#within(path, (fd, identity) => {
        if (!this.#ours && identity !== this.#identities.get(path)) throw changed(path);
        for (const i of own) {
          const at = offset + (rows[i]! - start) * stride;
          if (readFully(fd, buffer, at) !== this.size) throw changed(path);
          use(i, buffer);
        }
      });
    }
  }

  #within(path: string, work: (fd: number, identity: string) => void): void {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw bad(`${path}: cannot be read (${(error as Error).message})`);
    }
    try {
      work(fd, identityOf(fstatSync(fd, { bigint: true })));
    } finally {
      closeSync(fd);
    }
  }
}

function readFully(fd: number, into: Uint8Array, at: number): number {
  let done = 0;
  while (done < into.length) {
    const got = readSync(fd, into, done, into.length - done, at + done);
    if (got === 0) break;
    done += got;
  }
  return done;
}

function changed(path: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'dataset-changed',
    message: `${path}: the file was changed while it was in use`,
    hint: 'run again: the stage then starts from what the file holds now',
  });
}
