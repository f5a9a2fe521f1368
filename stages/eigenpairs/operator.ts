import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { dimension } from '../../src/network/tensors.ts';
import type { SymmetricOperator } from '../../src/spectral/basis.ts';
import { digestOf } from '../../src/util/digest.ts';
import type { JsonObject } from '../../src/util/json.ts';
import type { HessianParameters } from './parameters.ts';

/** The Hessian at a stage's input `model`, ready to be multiplied with; batch norm is in evaluation mode. */
export interface ModelHessian {
  readonly model: Awaited<ReturnType<typeof readCheckpoint>>;
  /**
   * Every product is a memo item, named by its vector's content: whatever was computed before an interruption, with
   * another number of eigenpairs, or by another kind that multiplies with the same Hessian, is not computed again.
   */
  readonly operator: SymmetricOperator;
  /** For tables and captions. */
  readonly subject: JsonObject;
  dispose(): void;
}

export async function modelHessian(context: StageContext<HessianParameters>): Promise<ModelHessian> {
  const { params, memo, signal } = context;
  const at = context.input('model');
  const model = await readCheckpoint(at.path!, `${context.stage}: the input model`);
  await startEngine(context.engine, context.root);
  const { Hessian } = await import('../../src/network/hessian.ts');
  const { microBatch } = await import('../../src/network/hessian-batch.ts');
  const { evaluationMode } = await import('../../src/network/loss.ts');
  const dataset = await datasetFor(model, params.dataset, context.root, context);
  const examples = firstExamples(
    dataset[params.split],
    params.examples,
    `the ${params.split} split of ${dataset.identity.name}`,
  );
  const half = params.memory * 2 ** 19;
  let batch = params.batch ?? (model.network.name === 'mlp' ? 1000 : undefined);
  let hessian: InstanceType<typeof Hessian> | undefined;
  let fixed: ReturnType<typeof evaluationMode> | undefined;
  return {
    model,
    operator: {
      dimension: dimension(model.parameters),
      async product(v) {
        signal.throwIfAborted();
        fixed ??= evaluationMode(model.architecture, model.state);
        batch ??= Math.min(examples.count, await microBatch(fixed.network, model.parameters, half));
        const key = {
          what: 'product with the Hessian',
          model: at.digest,
          dataset: dataset.identity.digest,
          split: params.split,
          examples: examples.count,
          batch,
          vector: digestOf(bytesOf(v)),
        };
        const settings = { batch, keptBytes: half };
        const { network } = fixed;
        const bytes = await memo.shared(key, async () => {
          hessian ??= new Hessian(network, model.parameters, examples, settings);
          return bytesOf(await hessian.product(v));
        });
        return new Float32Array(bytes.slice().buffer);
      },
    },
    subject: {
      network: networkTitle(model.network),
      dataset: dataset.identity.name,
      split: params.split,
      examples: examples.count,
      epoch: model.epoch,
      engine: context.engine.name,
      ...(model.state.length > 0 ? { statistics: 'kept' } : {}),
      parameters: dimension(model.parameters),
    },
    dispose() {
      hessian?.dispose();
      fixed?.dispose();
    },
  };
}

function bytesOf(v: Float32Array): Uint8Array {
  return new Uint8Array(v.buffer, v.byteOffset, v.byteLength);
}
