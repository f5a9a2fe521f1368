/**
 * What is recorded: values, and the operations that make them. A value holds numbers once it is computed, and until then
 * the operation that it comes from. Its operation goes as soon as the numbers are there, and with it, unless somebody
 * else holds them, the values that it was made from.
 */
export type ValueType = 'float32' | 'int32' | 'bool';

export type Numbers = Float32Array | Int32Array | Uint8Array;

export type OperationAttributes = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly name: string;
  readonly attributes: OperationAttributes;
  readonly inputs: readonly Value[];
}

export class Value {
  readonly shape: readonly number[];
  readonly dtype: ValueType;
  operation: Operation | undefined;
  /** In the order of `axes`. */
  numbers: Numbers | undefined;
  /** Which axis each physical dimension of `numbers` is, outermost first; left out where they are in order. */
  axes: readonly number[] | undefined;
  /** Depends on an input of a function that is being compiled, so it has no numbers of its own. */
  readonly symbolic: boolean;

  constructor(
    shape: readonly number[],
    dtype: ValueType,
    from: { operation: Operation } | { numbers: Numbers } | 'input',
  ) {
    this.shape = shape;
    this.dtype = dtype;
    this.operation = typeof from === 'object' && 'operation' in from ? from.operation : undefined;
    this.numbers = typeof from === 'object' && 'numbers' in from ? from.numbers : undefined;
    this.symbolic = from === 'input' || (this.operation?.inputs.some(({ symbolic }) => symbolic) ?? false);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** Keeps the numbers and lets go of what they were computed from. */
  settle(numbers: Numbers, axes?: readonly number[]): void {
    this.numbers = numbers;
    this.axes = axes;
    this.operation = undefined;
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

export function emptyNumbers(dtype: ValueType, size: number): Numbers {
  if (dtype === 'float32') return new Float32Array(size);
  return dtype === 'int32' ? new Int32Array(size) : new Uint8Array(size);
}
