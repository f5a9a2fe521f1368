import { describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/kind/artifact.ts';
import { buildNetwork, type DataSpec } from '../../../src/network/architectures.ts';
import { encodeCheckpoint, readCheckpoint } from '../../../src/network/checkpoint.ts';
import { initialState } from '../../../src/network/running-statistics.ts';
import trainKind from '../../../stages/train/stage.ts';
import { fileArtifact } from '../../support/file-artifact.ts';
import { member, runKind } from '../../support/stage-harness.ts';
import { tinyWorkspace } from '../../support/tiny-dataset.ts';

const root = tinyWorkspace();

/** A checkpoint of a network as it starts from seed 9, with statistics of its own. */
function origin(spec: DataSpec): Artifact {
  const network = buildNetwork(spec);
  const state = initialState(network).map((tensor) => ({
    ...tensor,
    values: tensor.values.map((v) => v + 0.5),
  }));
  const bytes = encodeCheckpoint({
    network: spec,
    dataset: { name: 'other', digest: 'd', mean: [0, 0, 0], deviation: [1, 1, 1] },
    epoch: 3,
    seed: 9,
    parameters: network.initialise('pytorch', 9),
    state,
  });
  return fileArtifact('from', 'checkpoint', bytes);
}

const spec = { name: 'mobilenet-v2', width: 0.1, inputs: 3072, classes: 7 } as const;
const params = {
  network: { name: 'mobilenet-v2', width: 0.1 },
  dataset: 'tiny',
  epochs: 0,
  keep: [0],
  seed: 2,
};

async function started(more: object, from: Artifact) {
  const { checkpoints } = await runKind(trainKind, { ...params, ...more }, { root, inputs: { from } });
  return readCheckpoint(member(checkpoints!, '0').path!, 'it');
}

describe('a training that starts from a checkpoint', () => {
  const start = buildNetwork(spec).initialise('pytorch', 9);
  const own = buildNetwork({ ...spec, classes: 3 });
  const fresh = own.initialise('pytorch', 2);

  test('for other classes takes all but the classifier, which starts from its own seed', async () => {
    const { parameters, state, seed } = await started({}, origin(spec));
    expect(seed).toBe(2);
    expect(parameters.slice(0, -2)).toEqual(start.slice(0, -2));
    expect(parameters.slice(-2)).toEqual(fresh.slice(-2));
    expect(state[1]!.values[0]).toBe(1.5);
  });

  test('for the same classes keeps the classifier, unless it is to be new', async () => {
    const same = origin({ ...spec, classes: 3 });
    const whole = buildNetwork({ ...spec, classes: 3 }).initialise('pytorch', 9);
    expect((await started({}, same)).parameters).toEqual(whole);
    const { parameters } = await started({ classifier: 'new' }, same);
    expect(parameters).toEqual([...whole.slice(0, -2), ...fresh.slice(-2)]);
  });

  test('of another architecture is refused with what does not fit', async () => {
    const wider = origin({ ...spec, width: 0.5 });
    await expect(started({}, wider)).rejects.toThrow(
      /cannot start from the input from: "stem\/conv\/kernel" has the shape \[3,3,3,16\] there and \[3,3,3,8\].*and \d+ more/,
    );
  });

  test('learns', async () => {
    const mlp = { name: 'mlp', widths: [8], inputs: 3072, classes: 5 } as const;
    const { history } = await runKind(
      trainKind,
      { ...params, network: { name: 'mlp', widths: [8] }, epochs: 3, keep: [3], batch: 20 },
      { root, inputs: { from: origin(mlp) } },
    );
    const rows = JSON.parse(await (await import('node:fs/promises')).readFile(history!.path!, 'utf8')) as {
      'train-loss': number;
    }[];
    expect(rows.at(-1)!['train-loss']).toBeLessThan(0.7 * rows[0]!['train-loss']);
  });
});
