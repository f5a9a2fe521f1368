/**
 * Trains a network. What happens in an epoch is `epoch.ts`; this module decides where to start and what to keep. A
 * state is stored after kept epochs, after the last, and when the last storing lies some seconds back; any later run
 * whose trajectory up to that epoch is the same goes on from there, bit for bit.
 */
import { writeFile } from 'node:fs/promises';
import { loadDataset } from '../../src/dataset/dataset.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { buildNetwork, resolveNetwork } from '../../src/network/architectures.ts';
import { encodeCheckpoint } from '../../src/network/checkpoint.ts';
import type { NetworkSpec } from '../../src/network/network.ts';
import type { Json } from '../../src/util/json.ts';
import { Trainer } from './epoch.ts';
import { keptEpochs, type TrainParameters } from './parameters.ts';
import { decodeState, encodeState } from './state.ts';

/** A state is stored when this much time has passed since the last one, beside the kept epochs. */
const storeEveryMs = 5_000;

export async function run(context: StageContext<TrainParameters>): Promise<void> {
  const { params, memo, signal } = context;
  await startEngine(context.engine, context.root);
  const dataset = await loadDataset(params.dataset, context.root, params.normalisation);
  const spec = resolveNetwork(params.network, dataset.train.features, dataset.classNames.length);
  const network = buildNetwork(spec);
  const keyOf = stateKey(params, spec, dataset.identity.digest);
  const load = async (epoch: number) => {
    const bytes = await memo.get(keyOf(epoch));
    return bytes && decodeState(bytes, network);
  };

  const kept = keptEpochs(params);
  const targets = [...new Set([...kept, params.epochs])].sort((a, b) => a - b);
  const trainer = new Trainer(params, network, dataset);
  try {
    for (const target of targets) {
      // The newest stored state on the way to this target; what lies behind it need not be trained again.
      for (let epoch = target; epoch > Math.max(0, trainer.epoch); epoch--) {
        const state = await load(epoch);
        if (!state) continue;
        trainer.goOnFrom(state);
        context.log(`going on from the stored epoch ${epoch}`);
        break;
      }
      if (trainer.epoch < 0) await trainer.measureInitialisation();
      let stored = performance.now();
      while (trainer.epoch < target) {
        signal.throwIfAborted();
        await trainer.epochOfTraining(signal);
        context.progress(trainer.epoch, params.epochs, 'epochs', trainer.note());
        if (trainer.epoch < target && performance.now() - stored < storeEveryMs) continue;
        await memo.put(keyOf(trainer.epoch), encodeState(await trainer.state()));
        stored = performance.now();
      }
      if (kept.includes(target)) {
        const { parameters, statistics } = await trainer.state();
        const checkpoint = {
          network: spec,
          dataset: dataset.identity,
          epoch: target,
          seed: params.seed,
          parameters,
          state: statistics,
        };
        await writeFile(context.output('checkpoints', String(target)), encodeCheckpoint(checkpoint));
      }
    }
    const { history } = await trainer.state();
    await writeFile(context.output('history'), `${JSON.stringify(history, null, 1)}\n`);
  } finally {
    trainer.dispose();
  }
}

/**
 * The key of the state after an epoch: everything that decides the trajectory up to there, and nothing else. The
 * number of epochs is part of it only where the learning rate depends on it.
 */
function stateKey(params: TrainParameters, spec: NetworkSpec, dataset: string): (epoch: number) => Json {
  return (epoch) => ({
    what: 'state of a training',
    epoch,
    network: spec.name === 'mlp' ? { ...spec, widths: [...spec.widths] } : { ...spec },
    dataset,
    seed: params.seed,
    init: params.init,
    batch: params.batch,
    learningRate: params['learning-rate'],
    momentum: params.momentum,
    weightDecay: params['weight-decay'],
    nesterov: params.nesterov,
    shuffle: params.shuffle,
    ...(params.normalisation ? { normalisation: params.normalisation } : {}),
    schedule: params.schedule === 'constant' ? 'constant' : { cosine: params.epochs },
  });
}
