export { interleaved, measure, project } from './affine';
export { along, recombine, rounded, takeAway, widened } from './basis';
export { crossEntropy, dense, rectified, relu, stepped } from './dense';
export { pixels } from './pixels';
export { descend } from './sgd';
