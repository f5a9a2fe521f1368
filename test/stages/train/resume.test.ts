import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/kind/artifact.ts';
import train from '../../../stages/train/stage.ts';
import { member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();
const base = { network: { name: 'mlp', widths: [8] }, dataset: 'tiny', seed: 3, batch: 16 };

type Outputs = Record<string, Artifact>;

/** One member of a training's checkpoints, as another stage gets it. */
function checkpoint({ checkpoints }: Outputs, epoch: number): Artifact {
  const { path, digest } = member(checkpoints!, String(epoch));
  return {
    label: 'from',
    type: 'checkpoint',
    folder: false,
    path: path!,
    digest: digest!,
    members: [{ name: '', path: path!, digest: digest! }],
  };
}

const trained = (change: object, from?: Artifact): Promise<Outputs> =>
  runKind(train, { ...base, ...change }, { root, ...(from ? { inputs: { from } } : {}) });

const rows = ({ history }: Outputs): Record<string, number | null>[] =>
  JSON.parse(readFileSync(history!.path!, 'utf8'));

describe('a training that goes on from a checkpoint', () => {
  test.each([
    ['sgd with a schedule', { nesterov: true, schedule: 'cosine', augment: {} }, 1],
    ['adamw', { optimiser: 'adamw', schedule: 'step', milestones: [1, 2], 'schedule-by': 'step' }, 1],
    [
      'batch norm, from the midst of an epoch',
      { network: { name: 'resnet', depth: 8 }, optimiser: 'adam', 'measure-every': 5 },
      0.5,
    ],
  ])('has the bytes of one that was never interrupted: %s', async (_, settings, epoch) => {
    const whole = await trained({ ...settings, epochs: 2, keep: [epoch, 2] });
    const rest = await trained({ ...settings, epochs: 2, resume: true }, checkpoint(whole, epoch));
    expect(readFileSync(member(rest.checkpoints!, '2').path!)).toEqual(
      readFileSync(member(whole.checkpoints!, '2').path!),
    );
    expect(rows(rest)[0]).toMatchObject({ epoch, 'learning-rate': null, 'batch-loss': null });
    // What the epoch's first batches lost is not known where one was under way.
    const later = rows(whole).filter((row) => row.epoch! > epoch);
    if (epoch === 0.5) later[0]!['batch-loss'] = null;
    expect(rows(rest).slice(1)).toEqual(later);
  });

  test('has others where it starts anew from the same checkpoint', async () => {
    const whole = await trained({ epochs: 2, keep: [1, 2] });
    const anew = await trained({ epochs: 2 }, checkpoint(whole, 1));
    expect(member(anew.checkpoints!, '2').digest).not.toBe(member(whole.checkpoints!, '2').digest);
  });

  test('is refused where it cannot', async () => {
    const whole = await trained({ epochs: 1 });
    const from = checkpoint(whole, 1);
    const refused = (change: object, start: Artifact | undefined, message: RegExp) =>
      expect(trained({ epochs: 2, resume: true, ...change }, start)).rejects.toThrow(message);
    await refused({}, undefined, /resume: needs the input "from"/);
    await refused({ optimiser: 'adam' }, from, /holds momentum of its optimiser; adam as set here needs/);
    await refused({ momentum: 0 }, from, /sgd as set here needs nothing/);
    await refused({ batch: 8 }, from, /of epoch 1 after \d+ steps; with this data set and batch/);
    await refused({ epochs: 0 }, from, /of epoch 1, which comes after epoch 0/);
  });
});
