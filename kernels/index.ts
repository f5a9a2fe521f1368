export { along, recombine, rounded, takeAway } from './basis';
export { crossEntropy, dense, relu, stepped } from './dense';
