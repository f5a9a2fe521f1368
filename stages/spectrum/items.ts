/** What computes products with the Hessian: its code, and no more, is in the keys of those that kinds share. */
export { modelHessian as items } from '../eigenpairs/operator.ts';
