/**
 * Trains a network. What happens in a step is `trainer.ts`; this module decides where to start and what to keep. A state
 * is stored at kept positions, after the last epoch, and when the last storing lies some time back; any later run whose
 * trajectory up to there is the same goes on from it, bit for bit.
 */
import { writeFile } from 'node:fs/promises';
import { loadDataset } from '../../src/dataset/dataset.ts';
import { UserError } from '../../src/diagnostics/diagnostic.ts';
import { startEngine } from '../../src/engine/engine.ts';
import type { StageContext } from '../../src/kind/stage-kind.ts';
import { encodeCheckpoint, readCheckpoint } from '../../src/network/checkpoint.ts';
import { type Beginning, transplanted } from '../../src/network/fine-tuning.ts';
import type { Network, ParameterForm } from '../../src/network/network.ts';
import { slotNames } from '../../src/network/optimiser.ts';
import { openNetwork } from '../../src/network/own-network.ts';
import { initialState } from '../../src/network/running-statistics.ts';
import type { Json } from '../../src/util/json.ts';
import { keptEpochs, type TrainParameters } from './parameters.ts';
import { settingsOf, type TrainSettings } from './settings.ts';
import { decodeState, encodeState } from './state.ts';
import { stepsOf, Trainer } from './trainer.ts';

/** A state is stored when this much time has passed since the last one, and storing takes a twentieth of it at most. */
const storeEveryMs = 5_000;
/** Places inside an epoch where a state may be stored, so that a slow epoch is not lost as a whole. */
const placesPerEpoch = 16;
/** Inside an epoch, the progress line is renewed when it is older than this. */
const tellEveryMs = 20_000;

export async function run(context: StageContext<TrainParameters>): Promise<void> {
  const { params, memo, signal } = context;
  await startEngine(context.engine, context.root);
  const dataset = await loadDataset(params.dataset, context.root, params.normalisation, context);
  const ends = { inputs: dataset.train.features, classes: dataset.classNames.length };
  const opened = await openNetwork(params.network, ends, context.root);
  const { spec } = opened;
  const perEpoch = stepsOf(dataset.train.count, params.batch);
  const settings = settingsOf(params, perEpoch);
  const lastStep = params.epochs * perEpoch;
  refuseShortSchedule(settings, lastStep);
  const network = { ...opened, loss: settings.loss };
  const [origin] = context.list('from');
  const beginning = origin
    ? await beginningOf(origin.path!, network, params, settings, perEpoch)
    : { parameters: network.initialise(params.init, params.seed), statistics: initialState(network) };
  const firstStep = beginning.optimiser?.step ?? 0;
  const trajectory: Json = {
    what: 'state of a training',
    network: JSON.stringify(spec),
    dataset: dataset.identity.digest,
    normalisation: params.normalisation ? JSON.stringify(params.normalisation) : null,
    init: params.init,
    ...(origin ? { from: origin.digest, classifier: params.classifier } : {}),
    ...(params.resume ? { resume: true } : {}),
    settings: JSON.stringify(settings),
  };
  const keyOf = (step: number): Json => ({ ...trajectory, step });

  const kept = keptEpochs(params);
  const stepOf = (epoch: number): number => Math.round(epoch * perEpoch);
  const keptSteps = new Set(kept.map(stepOf));
  const places = placesUpTo(lastStep, perEpoch, keptSteps);
  const trainer = new Trainer(settings, network, dataset, beginning, context.resources.memory * 1e6);
  const write = async (epoch: number): Promise<void> => {
    const { parameters, statistics: state, slots, step } = await trainer.state();
    const checkpoint = {
      network: spec,
      dataset: dataset.identity,
      epoch,
      seed: params.seed,
      loss: settings.loss,
      parameters,
      state,
      optimiser: { step, slots },
    };
    await writeFile(context.output('checkpoints', String(epoch)), encodeCheckpoint(checkpoint));
  };

  try {
    for (const target of [...new Set([...keptSteps, lastStep])].sort((a, b) => a - b)) {
      // The newest stored state on the way to this target; what lies behind it need not be trained again.
      for (const place of places
        .filter((step) => step <= target && step > Math.max(firstStep, trainer.step))
        .reverse()) {
        const bytes = await memo.get(keyOf(place));
        if (!bytes) continue;
        trainer.goOnFrom(decodeState(bytes, network));
        context.log(`going on from the stored step ${place} (epoch ${place / perEpoch})`);
        break;
      }
      if (trainer.step < 0) await trainer.measureBeginning();
      let [stored, pause, told] = [performance.now(), storeEveryMs, performance.now()];
      for (const place of places.filter((step) => step > trainer.step && step <= target)) {
        await trainer.advance(place, signal);
        const whole = place % perEpoch === 0;
        if (whole || performance.now() - told > tellEveryMs) {
          context.progress(place / perEpoch, params.epochs, 'epochs', trainer.note());
          told = performance.now();
        }
        const started = performance.now();
        if (place < target && started - stored < pause) continue;
        await memo.put(keyOf(place), encodeState(await trainer.state()));
        stored = performance.now();
        pause = Math.max(storeEveryMs, 20 * (stored - started));
      }
      for (const epoch of kept) if (stepOf(epoch) === target) await write(epoch);
    }
    const { history } = await trainer.state();
    await writeFile(context.output('history'), `${JSON.stringify(history, null, 1)}\n`);
  } finally {
    trainer.dispose();
  }
}

/** @throws UserError where the network cannot start from the checkpoint, or the training not go on from it. */
async function beginningOf(
  path: string,
  network: Network,
  params: TrainParameters,
  { optimiser }: TrainSettings,
  perEpoch: number,
): Promise<Beginning> {
  const label = 'the input from';
  const checkpoint = await readCheckpoint(path, label);
  const beginning = transplanted(network, checkpoint, params, label);
  if (!params.resume) return beginning;
  const { epoch } = checkpoint;
  if (!checkpoint.optimiser || epoch === null)
    throw cannotResume(`${label} does not hold what an optimiser remembers`);
  const { step, slots } = checkpoint.optimiser;
  const [there, here] = [Object.keys(slots), step === 0 ? [] : slotNames(optimiser)];
  if ([...there].sort().join() !== [...here].sort().join())
    throw cannotResume(
      `${label} holds ${listed(there)} of its optimiser; ${optimiser.name} as set here needs ${listed(here)}`,
    );
  const shapes = (forms: readonly ParameterForm[]): string => forms.map(({ shape }) => `[${shape}]`).join();
  if (shapes(checkpoint.architecture.parameters) !== shapes(network.parameters))
    throw cannotResume(`${label} is for other classes`);
  if (Math.round(epoch * perEpoch) !== step)
    throw cannotResume(
      `${label} is of epoch ${epoch} after ${step} steps; with this data set and batch an epoch has ${perEpoch}`,
    );
  const early = [...keptEpochs(params), params.epochs].find((kept) => Math.round(kept * perEpoch) < step);
  if (early !== undefined)
    throw cannotResume(`${label} is of epoch ${epoch}, which comes after epoch ${early}`);
  return { ...beginning, optimiser: { step, slots } };
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'nothing' : names.join(' and '));

function cannotResume(message: string): UserError {
  return new UserError({
    severity: 'error',
    code: 'cannot-resume',
    message: `the training cannot go on: ${message}`,
    hint: 'without resume it starts anew from the checkpoint: with a fresh optimiser, from epoch 0',
  });
}

/** Ascending steps at which a state may be stored: those kept, the ends of epochs, and some between. */
function placesUpTo(last: number, perEpoch: number, kept: ReadonlySet<number>): number[] {
  const places = new Set(kept);
  for (let epoch = 0; epoch * perEpoch < last; epoch++)
    for (let place = 1; place <= placesPerEpoch; place++)
      places.add(epoch * perEpoch + Math.ceil((place * perEpoch) / placesPerEpoch));
  return [...places].filter((step) => step > 0 && step <= last).sort((a, b) => a - b);
}

function refuseShortSchedule({ schedule }: TrainSettings, lastStep: number): void {
  const { name, by, horizon, warmUp } = schedule;
  if (name !== 'cosine' || by !== 'step' || lastStep === 0) return;
  const wrong =
    horizon < lastStep
      ? `the cosine ends at step ${horizon}, before the last step, ${lastStep}`
      : warmUp && warmUp.length >= horizon
        ? `the warm-up of ${warmUp.length} steps leaves nothing of the cosine's ${horizon}`
        : undefined;
  if (wrong) throw new UserError({ severity: 'error', code: 'short-schedule', message: wrong });
}
