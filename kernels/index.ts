export { along, recombine, rounded, takeAway } from './basis';
export { crossEntropy, dense, rectified, relu, stepped } from './dense';
