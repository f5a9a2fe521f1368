import { datasetFor, firstExamples } from '../../src/dataset/dataset.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { networkTitle } from '../../src/network/architectures.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import type { HessianOperator } from '../../src/network/hessian-operator.ts';
import { dimension } from '../../src/network/tensors.ts';
import type { SymmetricOperator } from '../../src/spectral/operator.ts';
import { type Digest, digestOf } from '../../src/util/digest.ts';
import type { JsonObject } from '../../src/util/json.ts';
import type { HessianParameters } from './parameters.ts';

/** The Hessian at a stage's input `model`, ready to be multiplied with; batch norm is in evaluation mode. */
export interface ModelHessian {
  readonly model: Awaited<ReturnType<typeof readCheckpoint>>;
  /**
   * Every product is a memo item, named by its vector's content: whatever was computed before an interruption, with
   * another number of eigenpairs, or by another kind that multiplies with the same Hessian, is not computed again. Those in
   * coordinates of the range are named by the start vector as well.
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
  const { hessianOperator } = await import('../../src/network/hessian-operator.ts');
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
  let hessian: HessianOperator | undefined;
  let fixed: ReturnType<typeof evaluationMode> | undefined;
  const made = async (): Promise<HessianOperator> => {
    fixed ??= evaluationMode(model.architecture, model.state);
    batch ??= Math.min(examples.count, await microBatch(fixed.network, model.parameters, half));
    hessian ??= hessianOperator(fixed.network, model.parameters, examples, { batch, keptBytes: half });
    return hessian;
  };
  const remembered = async (
    what: { readonly what: string; readonly start?: Digest },
    v: Float32Array,
    compute: () => Promise<Float32Array>,
  ): Promise<Float32Array> => {
    signal.throwIfAborted();
    const key = {
      ...what,
      model: at.digest,
      dataset: dataset.identity.digest,
      split: params.split,
      examples: examples.count,
      batch: batch!,
      vector: digestOf(bytesOf(v)),
    };
    const bytes = await memo.shared(key, async () => bytesOf(await compute()));
    return new Float32Array(bytes.slice().buffer);
  };
  return {
    model,
    operator: {
      dimension: dimension(model.parameters),
      async product(v) {
        const hessian = await made();
        return remembered({ what: 'product with the Hessian' }, v, () => hessian.product(v));
      },
      async reduced(start) {
        signal.throwIfAborted();
        const reduced = await (await made()).reduced(start);
        if (!reduced) return undefined;
        const what = { what: 'product in coordinates of the range', start: digestOf(bytesOf(start)) };
        const { dimension } = reduced;
        return {
          ...reduced,
          async product(x) {
            const both = await remembered(what, x, async () => {
              const { dual, image } = await reduced.product(x);
              const both = new Float32Array(2 * dimension);
              both.set(dual);
              both.set(image, dimension);
              return both;
            });
            return { dual: both.subarray(0, dimension), image: both.subarray(dimension) };
          },
        };
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
