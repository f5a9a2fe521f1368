import { type Dataset, firstExamples } from '../../src/dataset/dataset.ts';
import type { readCheckpoint } from '../../src/network/checkpoint.ts';
import type { Examples } from '../../src/network/examples.ts';
import type { Average } from '../../src/network/network.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { JsonObject } from '../../src/util/json.ts';
import type { EvaluateParameters } from './parameters.ts';

type Model = Awaited<ReturnType<typeof readCheckpoint>>;
/** Of every kind that evaluates networks off their checkpoint. */
export type StatisticsParameters = Pick<EvaluateParameters, 'statistics' | 'recalibration'>;

/** Where batch norm's running statistics come from at each point. */
export interface Statistics {
  /** What of a point's key they are: nothing where the network has no batch norm. */
  readonly key: JsonObject;
  /** What captions say of them: `statistics`, kept or recalibrated and how; nothing where there are none. */
  readonly subject: JsonObject;
  /** Those to evaluate with. The engine must have been started. */
  at(theta: ParameterVector): Promise<ParameterVector>;
}

/** A recalibration with its defaults filled in. */
interface Recalibration {
  readonly average: Average;
  readonly examples: Examples;
  readonly batch: number;
}

/** @throws UserError where more images are asked for than there are. */
export function statisticsOf(
  model: Model,
  dataset: Dataset,
  params: StatisticsParameters,
  evaluated: number,
): Statistics {
  if (model.state.length === 0) return { key: {}, subject: {}, at: async () => [] };
  if (params.statistics === 'keep')
    return {
      key: { statistics: 'keep' },
      subject: { statistics: 'kept' },
      at: async () => model.state,
    };
  const { average, examples, batch } = recalibrationOf(dataset, params, evaluated);
  const how = { average, examples: examples.count, ...(average === 'full-batch' ? {} : { batch }) };
  return {
    key: { statistics: how },
    subject: { statistics: 'recalibrated', recalibration: how },
    async at(theta) {
      const { recalibrated } = await import('../../src/network/recalibrate.ts');
      return recalibrated(model.architecture, theta, examples, average, batch);
    },
  };
}

function recalibrationOf(
  { train, identity }: Dataset,
  { recalibration = {} }: StatisticsParameters,
  evaluated: number,
): Recalibration {
  const count = recalibration.examples ?? Math.min(evaluated, train.count);
  return {
    average: recalibration.average ?? 'cumulative',
    examples: firstExamples(train, count, `the train split of ${identity.name}`),
    batch: recalibration.batch ?? 128,
  };
}
