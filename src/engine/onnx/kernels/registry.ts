/**
 * Two tables. A recording says what a TensorFlow.js kernel's result is (shape, type, and the operations that make it); a
 * lowering says how an operation is computed by ONNX's. Many kernels are recorded as several operations and need no
 * lowering of their own.
 */
import type { GraphNode } from '../graph.ts';
import type { Lowering } from '../lowering.ts';
import type { OperationAttributes, Value, ValueType } from '../value.ts';

/** A kernel's call: its inputs by name, or as a list where it takes any number, and its attributes. */
export interface Call {
  readonly inputs: Readonly<Record<string, Value>>;
  readonly list: readonly Value[];
  // biome-ignore lint/suspicious/noExplicitAny: each kernel knows its own; TensorFlow.js types them so too.
  readonly attributes: any;
  /** Records an operation. */
  make(
    name: string,
    inputs: readonly Value[],
    shape: readonly number[],
    dtype?: ValueType,
    attributes?: OperationAttributes,
  ): Value;
  /** Numbers that the kernel brings along. */
  constant(numbers: readonly number[], shape: readonly number[], dtype: ValueType): Value;
}

export type Recording = (call: Call) => Value | Value[];
export type Lower = (g: Lowering, node: GraphNode) => void;

export const recordings = new Map<string, Recording>();
export const lowerings = new Map<string, Lower>();

export function recording(name: string, record: Recording): void {
  recordings.set(name, record);
}

export function lowering(name: string, lower: Lower): void {
  lowerings.set(name, lower);
}
