import { createHash } from 'node:crypto';

/**
 * Random numbers from named streams. Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011), a counter-based generator: a stream is a key and a counter, so two streams with
 * different names never share state and drawing from one moves no other.
 *
 * A stream's key and the upper half of its counter are the first 16 bytes of the sha256 of its name as JSON, e.g.
 * `[1,"train","shuffle",3]`; the lower half counts blocks of four 32-bit words. Same name, same numbers, on every
 * machine: Node computes Math.log, Math.sin and Math.cos in software, without the processor's own functions.
 */
export class Random {
  readonly #key0: number;
  readonly #key1: number;
  readonly #high0: number;
  readonly #high1: number;
  #block = 0;
  readonly #words = new Uint32Array(4);
  #used = 4;

  /** @param name at least the seed; then what the numbers are for, from general to particular. */
  constructor(name: readonly (string | number)[]) {
    for (const part of name)
      if (typeof part === 'number' && !Number.isSafeInteger(part))
        throw new RangeError(`a random stream's name holds ${part}, which is no safe integer`);
    const hash = createHash('sha256').update(JSON.stringify(name)).digest();
    this.#key0 = hash.readUInt32LE(0);
    this.#key1 = hash.readUInt32LE(4);
    this.#high0 = hash.readUInt32LE(8);
    this.#high1 = hash.readUInt32LE(12);
  }

  /** Uniform over the 2³² unsigned integers. */
  uint32(): number {
    if (this.#used === 4) {
      const low = this.#block % 2 ** 32;
      const high = Math.floor(this.#block / 2 ** 32);
      // The block number stays below 2⁵³, so it takes up the lower 64 bits of the counter at most.
      philox4x32([low, high, this.#high0, this.#high1], [this.#key0, this.#key1], this.#words);
      this.#block++;
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** Uniform over 0 … n-1, without bias. */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) throw new RangeError(`below(${n}): 1 … 2³² expected`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** Standard normal, by Box and Muller's transform in float64, rounded to float32. */
  gaussians(count: number): Float32Array {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      values[i] = radius * Math.cos(angle);
      if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
    }
    return values;
  }

  /** 0 … n-1 in uniformly random order (Fisher and Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    return order;
  }
}

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;

/** Upper 32 bits of the product of two unsigned 32-bit integers, as a signed one. */
function upper(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // No sum exceeds 2³² - 1: of two factors below 2¹⁶ the product is at most (2¹⁶ - 1)².
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** One block of Philox4x32-10: four words out of a counter of four words and a key of two. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): void {
  // Signed 32-bit integers all along, which V8 keeps in registers.
  let c0 = counter[0] | 0;
  let c1 = counter[1] | 0;
  let c2 = counter[2] | 0;
  let c3 = counter[3] | 0;
  let k0 = key[0] | 0;
  let k1 = key[1] | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = upper(multiplier0, c0);
    const high1 = upper(multiplier1, c2);
    const low0 = Math.imul(multiplier0, c0);
    const low1 = Math.imul(multiplier1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}
