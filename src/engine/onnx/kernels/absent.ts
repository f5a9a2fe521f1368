import { UserError } from '../../../diagnostics/diagnostic.ts';

/**
 * Kernels of TensorFlow.js 4.22 that this engine does not have: three-dimensional convolutions and pooling, complex
 * numbers, strings, sparse and ragged tensors, images cut out and turned, results whose shape depends on numbers.
 * docs/engines.md lists them.
 */
export const absent: readonly string[] = [
  ...['AvgPool3D', 'AvgPool3DGrad', 'Conv3D', 'Conv3DBackpropFilterV2', 'Conv3DBackpropInputV2'],
  ...['MaxPool3D', 'MaxPool3DGrad', 'MaxPoolWithArgmax'],
  ...['Dilation2D', 'Dilation2DBackpropFilter', 'Dilation2DBackpropInput'],
  ...['Complex', 'ComplexAbs', 'FFT', 'IFFT', 'Imag', 'Real'],
  ...['CropAndResize', 'Draw', 'FromPixels', 'RotateWithOffset', 'Transform'],
  ...['NonMaxSuppressionV3', 'NonMaxSuppressionV4', 'NonMaxSuppressionV5'],
  ...['BitwiseAnd', 'BroadcastArgs', 'LowerBound', 'Multinomial', 'SearchSorted', 'Unique', 'UpperBound'],
  ...['RaggedGather', 'RaggedRange', 'RaggedTensorToTensor'],
  ...['SparseFillEmptyRows', 'SparseReshape', 'SparseSegmentMean', 'SparseSegmentSum'],
  ...['StaticRegexReplace', 'StringNGrams', 'StringSplit', 'StringToHashBucketFast'],
];

export function absentKernel(name: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'unsupported-by-engine',
    message: `the engine "onnx" has no kernel ${name}`,
    hint: 'use engine: wasm, or express it by other operations (docs/engines.md lists those that are missing)',
  });
}
