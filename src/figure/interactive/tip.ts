/** How far a box stands from the pointer that it belongs to, and at least from the window's edges. */
const gap = 14;
const edge = 4;

/** Where a box starts along one axis of the window: after the pointer, else before it, else wherever it fits. */
export function besidePointer(pointer: number, size: number, window: number): number {
  const last = window - edge - size;
  const after = pointer + gap;
  const before = pointer - gap - size;
  if (after <= last) return after;
  return Math.max(edge, before >= edge ? before : last);
}
