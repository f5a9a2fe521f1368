import { tf } from '../tensorflow.ts';
import { RecordingBackend } from './backend.ts';
import { backendName, registerKernels } from './register.ts';
import { loadRuntime, type Runtime } from './runtime.ts';
import { type SessionSettings, Sessions } from './sessions.ts';

/** Makes `onnx` TensorFlow.js's backend. @param folder of the package onnxruntime-node. */
export async function startOnnx(folder: string, settings: SessionSettings): Promise<typeof tf> {
  await startWith(loadRuntime(folder), settings);
  return tf;
}

/** @param recordedAtMost so many operations are recorded before they are computed, read or not. */
export async function startWith(
  runtime: Runtime,
  settings: SessionSettings,
  recordedAtMost?: number,
): Promise<RecordingBackend> {
  const sessions = new Sessions(runtime, settings);
  if (settings.provider === 'cpu') sessions.findBlock();
  else sessions.probe();
  const backend = new RecordingBackend(sessions, recordedAtMost);
  registerKernels(backend);
  tf.registerBackend(backendName, () => backend);
  if (!(await tf.setBackend(backendName))) throw new Error('the backend did not start');
  return backend;
}
