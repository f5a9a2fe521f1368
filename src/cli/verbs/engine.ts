import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import { type EngineName, engineIdentity, startEngine } from '../../engine/engine.ts';
import type { OnnxProvider } from '../../kind/stage-kind.ts';
import { workspaceOf } from '../pipeline-options.ts';
import type { VerbContext } from '../verb.ts';

/** `orograph __engine NAME [PROVIDER]`, asked by `doctor`: starts an engine, multiplies with it, and prints what it is. */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const name = args.positionals[0] as EngineName;
  const { root } = await workspaceOf(args, cwd);
  const provider = args.positionals[1] as OnnxProvider | undefined;
  const onnx = provider === undefined ? {} : { provider };
  const { tf } = await startEngine({ name, identity: engineIdentity(name, root, onnx), onnx }, root);
  const [product] = await tf.matMul(tf.tensor2d([[2, 3]]), tf.tensor2d([[5], [7]])).data();
  if (product !== 31) throw new Error(`the engine ${name} computes 2*5 + 3*7 = ${product}`);
  out.line(`TensorFlow.js ${tf.version_core}`);
  return exitCodes.good;
}
