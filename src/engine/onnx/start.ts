import { tf } from '../tensorflow.ts';
import { RecordingBackend } from './backend.ts';
import { backendName, registerKernels } from './register.ts';
import { loadRuntime } from './runtime.ts';
import { type SessionSettings, Sessions } from './sessions.ts';

/** Makes `onnx` TensorFlow.js's backend. @param folder of the package onnxruntime-node. */
export async function startOnnx(folder: string, settings: SessionSettings): Promise<typeof tf> {
  const runtime = loadRuntime(folder);
  const backend = new RecordingBackend(new Sessions(runtime, settings));
  registerKernels(backend);
  tf.registerBackend(backendName, () => backend);
  if (!(await tf.setBackend(backendName))) throw new Error('the backend did not start');
  return tf;
}
