import { join } from 'node:path';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { RunEvent } from '../events/event.ts';
import { canStamp } from '../figure/stamp/extensions.ts';
import type { StoredFile, StoredOutput } from '../kind/artifact.ts';
import type { Instance, Plan } from '../plan/plan.ts';
import { digestOf } from '../util/digest.ts';
import { provenanceIdentity, provenanceText } from './provenance.ts';
import type { Resolution } from './resolution.ts';
import type { Session } from './session.ts';

/** The copy of one stored file under `artifacts/`, where people look. */
export interface PublishedFile {
  readonly output: string;
  readonly path: string;
  readonly file: StoredFile;
}

/**
 * Where an instance's copies lie: `<pipeline>/<stage>/<output><extension>`, members of a folder in a folder. An output
 * that is called like its file type, `png`, is a form of the stage itself: `figure/figure.png`.
 */
export function publishedFiles(
  artifacts: string,
  plan: Plan,
  instance: Instance,
  outputs: Readonly<Record<string, StoredOutput>>,
): PublishedFile[] {
  const base = join(artifacts, plan.pipeline, instance.folder);
  const own = instance.stage.slice(instance.stage.lastIndexOf('.') + 1);
  return Object.entries(outputs).flatMap(([output, { members, extension, folder }]) =>
    Object.entries(members).map(([member, file]) => {
      const name = extension === `.${output}` ? own : output;
      const path = folder ? join(base, output, `${member}${extension}`) : join(base, `${name}${extension}`);
      return { output, path, file };
    }),
  );
}

/** How long finished stages gather before their copies are made. */
const gatherMs = 100;

/** Makes copies as stages finish, and tells of figures, each once. */
export class Publisher {
  readonly #session: Session;
  readonly #emit: (event: RunEvent) => void;
  #waiting: Instance[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #announced = new Set<string>();
  /** Instances whose copies were made in this run, and hold nothing but what is stored. */
  readonly #made = new Set<Instance>();

  constructor(session: Session, emit: (event: RunEvent) => void) {
    this.#session = session;
    this.#emit = emit;
  }

  /**
   * People look at a figure as soon as it is there. Stages that finish within a moment share one pass over the store;
   * whatever goes wrong is told by `all`.
   */
  soon(instance: Instance, resolution: Resolution): void {
    this.#waiting.push(instance);
    this.#timer ??= setTimeout(() => {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#timer = undefined;
      this.#running = this.#running.then(() => this.#publish(batch, resolution)).catch(() => {});
    }, gatherMs);
  }

  /** Every instance that has a result. False where copies could not be made; the results are safe in the store. */
  async all(resolution: Resolution): Promise<boolean> {
    clearTimeout(this.#timer);
    await this.#running;
    const { instances } = this.#session.plan;
    try {
      await this.#publish(
        instances.filter((instance) => resolution.rows.has(instance.id) && !this.#made.has(instance)),
        resolution,
      );
      return true;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      for (const diagnostic of error.diagnostics) this.#emit({ type: 'diagnostic', diagnostic });
      return false;
    }
  }

  async #publish(done: readonly Instance[], resolution: Resolution): Promise<void> {
    const { plan, store, options } = this.#session;
    const copies = done.flatMap((instance) => {
      const { outputs } = resolution.rows.get(instance.id)!;
      return publishedFiles(options.workspace.artifacts, plan, instance, outputs).map((copy) => {
        const { type, extension } = outputs[copy.output]!;
        const says = type === 'figure' && canStamp(extension);
        return {
          instance,
          ...copy,
          ...(says && { made: this.#stamped(instance, copy, extension, resolution) }),
        };
      });
    });
    await store.publish(copies);
    for (const instance of done) this.#made.add(instance);
    // What a figure's copy says besides is settled when all is known.
    for (const { instance, made } of copies) if (made) this.#made.delete(instance);
    for (const { instance, output, path } of copies) {
      if (instance.outputs[output]!.type !== 'figure' || this.#announced.has(path)) continue;
      this.#announced.add(path);
      this.#emit({ type: 'artifact', stage: instance.id, output, path });
    }
  }

  /** A figure's copy carries its provenance, which its stored content does not. */
  #stamped(instance: Instance, { output, file }: PublishedFile, extension: string, resolution: Resolution) {
    const session = this.#session;
    const identity = provenanceIdentity(session, resolution, instance, output);
    return {
      identity: digestOf(`${file.digest} ${identity}`),
      of: async (bytes: Buffer) => {
        const { stamped } = await import('../figure/stamp/stamp.ts');
        return stamped(bytes, extension, provenanceText(session, resolution, instance, output));
      },
    };
  }
}
