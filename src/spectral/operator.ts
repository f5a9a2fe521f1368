/**
 * Symmetric operators of which only products are known, and the spaces in which Lanczos' method runs with them.
 */
import { inner } from './basis.ts';

/** A symmetric matrix H of which only products are known. */
export interface SymmetricOperator {
  readonly dimension: number;
  /** Hv. The argument is not kept and not changed. */
  product(v: Float32Array): Promise<Float32Array>;
  /** The same operator in fewer coordinates, those of a start vector and of its products, where it has such. */
  readonly reduced?: (start: Float32Array) => Promise<ReducedOperator | undefined>;
}

/**
 * H on the span of a start vector and of H's own range, in which every Krylov space from that start lies. Coordinates x
 * stand for the vector Px. P's columns are neither orthonormal nor even independent: an inner product is that of one
 * vector's coordinates and the other's dual, x* = PᵀPx.
 */
export interface ReducedOperator {
  /** How many coordinates there are. */
  readonly dimension: number;
  /** So many vectors, at least, are independent. */
  readonly independent: number;
  /** The start vector's coordinates. */
  readonly start: Float32Array;
  /** Of a vector its dual, and the coordinates of its product with H. */
  product(x: Float32Array): Promise<DualAndImage>;
  /** The vectors that coordinates stand for. */
  vectors(coordinates: readonly Float32Array[]): Promise<Float32Array[]>;
}

export interface DualAndImage {
  readonly dual: Float32Array;
  readonly image: Float32Array;
}

/** An operator's coordinates for a start, where as many orthonormal vectors as are wanted have room in them. */
export async function reducedFor(
  operator: SymmetricOperator,
  start: Float32Array,
  vectors: number,
): Promise<ReducedOperator | undefined> {
  const reduced = await operator.reduced?.(start);
  return reduced && reduced.independent >= vectors ? reduced : undefined;
}

/** A vector that Lanczos' method goes on with. */
export interface Measured {
  /** It, with length 1, and its dual where that is another. */
  readonly unit: Float32Array;
  readonly dual?: Float32Array;
  /** Its length before. */
  readonly length: number;
  /** H times `unit`. */
  image(): Promise<Float32Array>;
}

/** Vectors as lists of numbers, and what their lengths are. */
export interface Space {
  readonly dimension: number;
  readonly start: Float32Array;
  /** Whether inner products are more than those of lists of numbers. */
  readonly metric: boolean;
  /** What is shorter than this, relative to the vector that it is left of, is rounding. */
  readonly negligible: number;
  /** @param direction a list of numbers of length 1. @param factor which the vector is, times the direction. */
  measure(direction: Float32Array, factor: number): Promise<Measured>;
  vectors(lists: readonly Float32Array[]): Promise<readonly Float32Array[]>;
}

/** The operator's own. @param start of length 1. */
export function wholeSpace(operator: SymmetricOperator, start: Float32Array): Space {
  return {
    dimension: operator.dimension,
    start,
    metric: false,
    negligible: 1e-6,
    measure: async (unit, length) => ({ unit, length, image: () => operator.product(unit) }),
    vectors: async (lists) => lists,
  };
}

/**
 * That of an operator's coordinates. A length is the root of a sum in which float32's rounding does not cancel, so little
 * that is left says nothing sooner; and as it takes a product to know it, the image is there too.
 */
export function reducedSpace(reduced: ReducedOperator): Space {
  return {
    dimension: reduced.dimension,
    start: reduced.start,
    metric: true,
    negligible: 1e-3,
    async measure(direction, factor) {
      const { dual, image } = await reduced.product(direction);
      const size = Math.sqrt(inner(direction, dual));
      const product = shortened(image, size);
      return {
        unit: shortened(direction, size),
        dual: shortened(dual, size),
        length: factor * size,
        image: async () => product,
      };
    },
    vectors: (lists) => reduced.vectors(lists),
  };
}

function shortened(values: Float32Array, by: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < result.length; i++) result[i] = values[i]! / by;
  return result;
}
