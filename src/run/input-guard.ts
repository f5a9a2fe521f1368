import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { UserError } from '../diagnostics/diagnostic.ts';
import type { Artifact } from '../kind/artifact.ts';
import type { Store } from '../store/contract.ts';
import { digestOpenFile } from '../store/objects.ts';
import type { Digest } from '../util/digest.ts';
import { removeFile } from '../util/fs-durable.ts';

interface Blob {
  readonly label: string;
  readonly path: string;
  readonly digest: Digest;
}

/**
 * Guards the stored inputs of stages. Blobs are read-only, but a program that runs as root, or that changes modes, can
 * write into them all the same; what was computed from them then belongs to no key, and the blob must not be a hit
 * again. A blob is read only where its looks have changed since this run first saw it.
 */
export class InputGuard {
  readonly #store: Store;
  /** By path: size, times and inode at first sight. */
  readonly #looks = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** To be called before a stage starts; throws where an input has vanished. */
  note(inputs: Readonly<Record<string, Artifact | readonly Artifact[]>>): void {
    for (const { path, label } of this.#blobsOf(inputs)) {
      if (this.#looks.has(path)) continue;
      const looks = looksOf(path);
      if (looks === undefined) throw vanished(label, path);
      this.#looks.set(path, looks);
    }
  }

  /**
   * To be called when a stage has ended, in whatever way. Removes inputs whose content is no longer theirs, so that
   * they are computed again, and returns their labels.
   */
  async spoiled(inputs: Readonly<Record<string, Artifact | readonly Artifact[]>>): Promise<string[]> {
    const spoiled: string[] = [];
    for (const { path, label, digest } of this.#blobsOf(inputs)) {
      const looks = looksOf(path);
      if (looks !== undefined && looks === this.#looks.get(path)) continue;
      if (looks !== undefined && (await digestOf(path)) === digest) {
        // Its ctime alone: it got another name, or another stage gave the same content.
        this.#looks.set(path, looks);
        continue;
      }
      if (looks !== undefined) removeFile(path);
      spoiled.push(label);
    }
    return spoiled;
  }

  /** Files of the workspace are not ours to guard: their digests are compared by `Resolution.changedFiles`. */
  #blobsOf(inputs: Readonly<Record<string, Artifact | readonly Artifact[]>>): Blob[] {
    return Object.values(inputs)
      .flatMap((given) => (Array.isArray(given) ? (given as readonly Artifact[]) : [given as Artifact]))
      .flatMap(({ label, members }) => members.map(({ path, digest }) => ({ label, path, digest })))
      .filter(({ path, digest }) => path === this.#store.objectPath(digest));
  }
}

function looksOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.size} ${stats.mtimeMs} ${stats.ctimeMs} ${stats.ino}`;
}

async function digestOf(path: string): Promise<Digest> {
  const fd = openSync(path, 'r');
  try {
    return (await digestOpenFile(fd, fstatSync(fd).size)).digest;
  } finally {
    closeSync(fd);
  }
}

function vanished(label: string, path: string): UserError {
  return new UserError(
    {
      severity: 'error',
      code: 'blob-missing',
      message: `its input ${label} is no longer in the store (${path})`,
      hint: 'run again: what made it is computed once more',
    },
    1,
  );
}
