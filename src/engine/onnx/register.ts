import { tf } from '../tensorflow.ts';
import type { RecordingBackend, TensorInfo } from './backend.ts';
import { absent, absentKernel, recordings } from './kernels/index.ts';
import type { Call } from './kernels/registry.ts';
import { emptyNumbers, Value } from './value.ts';

/** The name under which the backend is registered with TensorFlow.js. */
export const backendName = 'onnx';

/** Registers every kernel for a backend. */
export function registerKernels(backend: RecordingBackend): void {
  for (const [kernelName, record] of recordings)
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const given: Record<string, Value> = {};
        const list: Value[] = [];
        for (const [name, info] of Object.entries(inputs as Record<string, TensorInfo | null | undefined>)) {
          if (!info) continue;
          given[name] = backend.recorded(info);
          list.push(given[name]);
        }
        const call: Call = {
          inputs: given,
          list,
          attributes: attrs,
          make: (name, from, shape, dtype = 'float32', attributes = {}) =>
            backend.record(name, from, shape, dtype, attributes),
          constant(numbers, shape, dtype) {
            const values = emptyNumbers(dtype, numbers.length);
            values.set(numbers);
            return new Value(shape, dtype, { numbers: values });
          },
        };
        const made = record(call);
        const tensors = Array.isArray(made)
          ? made.map((value) => backend.tensorOf(value))
          : backend.tensorOf(made);
        backend.bound();
        return tensors as never;
      },
    });
  // TensorFlow.js would call these names not registered, and say no way out.
  for (const kernelName of absent)
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: () => {
        throw absentKernel(kernelName);
      },
    });
  tf.registerKernel({
    kernelName: 'Identity',
    backendName,
    kernelFunc: ({ inputs }) => {
      const { dataId, shape, dtype } = (inputs as unknown as { x: TensorInfo }).x;
      backend.incRef(dataId);
      return { dataId, shape, dtype };
    },
  });
}
