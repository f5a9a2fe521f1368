import type { Artifact } from '../../src/kind/artifact.ts';
import { type Direction, readDirection } from '../../src/network/direction.ts';
import type { ParameterVector } from '../../src/network/tensors.ts';
import type { Digest } from '../../src/util/digest.ts';

/** One direction of an input, without its vector. */
export interface Member {
  readonly name: string;
  readonly digest: Digest;
  readonly kind: string;
  readonly target: Direction['target'];
}

/** So many vectors stay in memory: a surface needs two at a time. */
const held = 2;

/** The directions of a stage's inputs. Vectors are read when a point needs them. */
export class Directions {
  readonly #theta: ParameterVector;
  readonly #files = new Map<Digest, { readonly path: string; readonly label: string }>();
  /** In order of last use. */
  readonly #vectors = new Map<Digest, ParameterVector>();

  constructor(theta: ParameterVector) {
    this.#theta = theta;
  }

  /** Reads what the files say about themselves. @throws UserError where one is no direction of this network. */
  async open(artifact: Artifact, label: string): Promise<Member[]> {
    const members: Member[] = [];
    for (const { name, path, digest } of artifact.members) {
      const file = { path, label: artifact.folder ? `${label}, member ${name},` : label };
      this.#files.set(digest, file);
      const { kind, target, vector } = await readDirection(file.path, file.label, this.#theta);
      this.#hold(digest, vector);
      members.push({ name: artifact.folder ? name : kind, digest, kind, target });
    }
    return members;
  }

  async vector(digest: Digest): Promise<ParameterVector> {
    const known = this.#vectors.get(digest);
    const { path, label } = this.#files.get(digest)!;
    const vector = known ?? (await readDirection(path, label, this.#theta)).vector;
    this.#hold(digest, vector);
    return vector;
  }

  #hold(digest: Digest, vector: ParameterVector): void {
    this.#vectors.delete(digest);
    this.#vectors.set(digest, vector);
    const [oldest] = this.#vectors.keys();
    if (this.#vectors.size > held) this.#vectors.delete(oldest!);
  }
}
