import { availableParallelism } from 'node:os';

/** More gain little on one stage, and each compiled program of the engine `onnx` has its own. */
const threadsAtMost = 16;

/** Threads to compute with: what a stage is granted of this machine's cores; where nothing is said, all of them. */
export function threadsFor(granted = threadsAtMost): number {
  return Math.min(granted, availableParallelism());
}
