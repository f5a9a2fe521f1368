/**
 * The scope (`tf.tidy(provenScope('convolution'), …)`) for a custom gradient that may be differentiated again: its
 * gradient function is made of twice differentiable operations on tensors that it saved from its INPUTS, and a test
 * proves it. TensorFlow.js records custom gradients under the name of the scope around them; `second-order.ts` refuses
 * those under other names.
 */
export function provenScope(operation: string): string {
  return `${prefix}${operation}`;
}
const prefix = 'twice differentiable: ';

export function isProvenScope(scope: string): boolean {
  return scope.startsWith(prefix);
}
