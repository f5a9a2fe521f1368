/** What a case of the benchmark is made of. */

/** What was computed against PyTorch or SciPy in float64: a deviation, and what it may be. */
export interface Check {
  readonly of: string;
  readonly deviation: number;
  readonly tolerance: number;
}

/** A case that is ready to be timed. */
export interface Ready {
  /** What is timed; what comes before it is not. */
  run(): Promise<unknown>;
  /** After the timed runs, with the last one's result. */
  check(result: unknown): Promise<Check>;
  /** What else is worth a word. */
  note?(result: unknown): string;
}

export interface Case {
  /** PyTorch's programs that do the same. */
  readonly peers: readonly string[];
  /** Engines that it has an aim for. */
  readonly engines: readonly string[];
  /** One run alone is a sample: it takes long, and warming up is part of it. */
  readonly whole?: boolean;
  prepare(): Ready | Promise<Ready>;
}

/** The largest relative deviation. */
export function furthest(found: ArrayLike<number>, exact: ArrayLike<number>): number {
  return Array.from(exact).reduce((most, value, i) => Math.max(most, Math.abs(found[i]! / value - 1)), 0);
}
