import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { Span } from '../../src/landscape/gram-schmidt.ts';
import { dimension, mapVector, norm, type ParameterVector } from '../../src/network/tensors.ts';

/** A parameter vector as one list of numbers. */
function flat(vector: ParameterVector): Float32Array {
  const numbers = new Float32Array(dimension(vector));
  let at = 0;
  for (const { values } of vector) {
    numbers.set(values, at);
    at += values.length;
  }
  return numbers;
}

/** Makes directions orthogonal to others, by Gram-Schmidt in float64. */
export class Orthogonaliser {
  readonly #span = new Span();

  /** Later results are orthogonal to this vector, too. */
  add(vector: ParameterVector): void {
    this.#span.add(flat(vector));
  }

  /**
   * The part of a vector that is orthogonal to all that were given.
   * @param keepNorm scale it to the vector's norm.
   * @throws UserError where nothing is left of it.
   */
  apply(vector: ParameterVector, keepNorm: boolean): ParameterVector {
    if (this.#span.size === 0) return vector;
    const part = this.#span.orthogonalPart(flat(vector));
    if (!part)
      throw new UserError({
        severity: 'error',
        code: 'dependent-direction',
        message: 'nothing is left of a direction that is made orthogonal: it lies in the span of the others',
      });
    const left = Math.sqrt(part.reduce((sum, value) => sum + value * value, 0));
    const factor = keepNorm ? norm(vector) / left : 1;
    const starts: number[] = [];
    vector.reduce((at, { values }, t) => {
      starts[t] = at;
      return at + values.length;
    }, 0);
    return mapVector(vector, (t, i) => factor * part[starts[t]! + i]!);
  }
}
