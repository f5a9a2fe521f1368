import type { StageContext } from '../../src/kind/stage-kind.ts';
import { readCheckpoint } from '../../src/network/checkpoint.ts';
import { readDirection } from '../../src/network/direction.ts';
import { dot, norm, type ParameterVector } from '../../src/network/tensors.ts';
import { between, filesOf, type Model } from '../directions/raw.ts';

/** Vectors in memory at once. */
const held = 8;

type Inputs = Pick<StageContext, 'list' | 'stage'>;

interface TargetFile {
  readonly name: string;
  readonly digest: string;
  read(): Promise<ParameterVector>;
}

interface Target extends TargetFile {
  readonly norm: number;
  /** The part of its norm that lies where Gaussians have values. */
  readonly share: number;
}

/** What angles are measured with: the inputs `against` and `to`, in this order. */
export class Targets {
  readonly list: readonly Target[];
  readonly #reached: readonly boolean[];
  readonly #vectors = new Map<number, ParameterVector>();

  private constructor(list: readonly Target[], reached: readonly boolean[]) {
    this.list = list;
    this.#reached = reached;
  }

  /** @param reached whether Gaussians have values, for each tensor. */
  static async open(context: Inputs, model: Model, reached: readonly boolean[]): Promise<Targets> {
    const none = new Targets([], reached);
    const list: Target[] = [];
    for (const input of ['against', 'to'] as const)
      for (const file of await filesOfTargets(context, model, input)) {
        const vector = await file.read();
        list.push({ ...file, norm: norm(vector), share: none.shareOf(vector) });
      }
    return new Targets(list, reached);
  }

  /** Of a vector with every target. */
  async cosines(vector: ParameterVector): Promise<number[]> {
    const cosines: number[] = [];
    for (const [k, target] of this.list.entries()) {
      const other = this.#vectors.get(k) ?? (await target.read());
      if (this.#vectors.size < held) this.#vectors.set(k, other);
      cosines.push(cosineOf(vector, other));
    }
    return cosines;
  }

  /** The part of a vector's norm that lies where Gaussians have values. */
  shareOf(vector: ParameterVector): number {
    return norm(vector.filter((_, t) => this.#reached[t])) / norm(vector);
  }
}

export function cosineOf(a: ParameterVector, b: ParameterVector): number {
  return dot(a, b) / (norm(a) * norm(b));
}

/**
 * The vectors of an input: directions, or of `to` the differences to checkpoints.
 * @throws UserError where a file is none of this network's.
 */
export async function filesOfTargets(
  context: Inputs,
  model: Model,
  input: 'against' | 'to' | 'x',
): Promise<TargetFile[]> {
  const targets: TargetFile[] = [];
  for (const { name: member, path, label, digest } of filesOf(context, input)) {
    if (input === 'to') {
      const { epoch, seed } = await readCheckpoint(path, label);
      const name = seed === model.seed ? `epoch ${epoch}` : `epoch ${epoch} of seed ${seed}`;
      const read = async () => between(context, model, await readCheckpoint(path, label), 'to');
      targets.push({ name, digest, read });
    } else {
      const { kind } = await readDirection(path, label, model.parameters);
      const read = async () => (await readDirection(path, label, model.parameters)).vector;
      targets.push({ name: member ? `${kind} ${member}` : kind, digest, read });
    }
  }
  return targets;
}
