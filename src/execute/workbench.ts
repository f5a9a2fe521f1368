import { rmdir } from 'node:fs';
import { join } from 'node:path';
import { linkTo, makeFolder, removeFile } from '../util/fs-durable.ts';

/** Name of a bench's link to the workspace. */
export const workspaceLink = 'ws';

/** Where one program works. */
export interface Workbench {
  /** Holds all that follows. */
  readonly folder: string;
  /** The program's current folder: empty, and never one that another program had. */
  readonly run: string;
  /** `../in/` of the program: links to its inputs. */
  readonly inputs: string;
  /** The workspace, to which `workspaceLink` in `folder` leads. */
  readonly workspace: string;
  /** For a command that is too long for an argument. */
  readonly script: string;
  readonly log: string;
  /** The links in `inputs`, to be taken away again. */
  readonly links: string[];
  /** Whether there is more in `inputs` than links: then the bench is not used again. */
  crowded: boolean;
}

/** Empty folders that may lie about. */
const mostSpent = 1000;

/** What makes and removes folders on the store's file system. */
export interface FolderMaker {
  create(): string;
  discard(folder: string): void;
}

/**
 * Benches are used again, all but the folder that the program runs in. On ext4, creating a file looks past every inode
 * that was removed in the last minutes, so a thousand small programs that each made and removed half a dozen files
 * would spend most of their time there (measured: from 30 to over 1,000 µs a file). The folder itself is always new:
 * a process that a program left behind must not be able to write into the next one's outputs. Empty ones are removed
 * many at once, for the same reason.
 */
export class Workbenches {
  readonly #maker: FolderMaker;
  readonly #idle: Workbench[] = [];
  /** Folders that programs have run in, empty now. */
  readonly #spent: string[] = [];
  #removing: Promise<unknown> = Promise.resolve();
  readonly #workspace: string;
  #runs = 0;

  constructor(maker: FolderMaker, workspace: string) {
    this.#maker = maker;
    this.#workspace = workspace;
  }

  take(): Workbench {
    const old = this.#idle.pop();
    const folder = old?.folder ?? this.#maker.create();
    try {
      const run = join(folder, `run-${++this.#runs}`);
      makeFolder(run);
      if (old) return { ...old, run };
      const inputs = join(folder, 'in');
      makeFolder(inputs);
      const workspace = this.#workspace;
      linkTo(workspace, join(folder, workspaceLink), false);
      const [script, log] = [join(folder, 'command.sh'), join(folder, 'log')];
      return { folder, run, inputs, workspace, script, log, links: [], crowded: false };
    } catch (error) {
      this.#maker.discard(folder);
      throw error;
    }
  }

  /** @param clean whether the program ended well and its outputs are taken. */
  release(bench: Workbench, clean: boolean): void {
    if (clean && !bench.crowded && takeAway(bench.links)) {
      if (this.#spent.push(bench.run) >= mostSpent) this.#removeSpent();
      this.#idle.push(bench);
    } else this.#maker.discard(bench.folder);
  }

  /** Removes the benches that nobody works at. */
  async close(): Promise<void> {
    this.#removeSpent();
    await this.#removing;
    for (const bench of this.#idle.splice(0)) this.#maker.discard(bench.folder);
  }

  #removeSpent(): void {
    const removals = this.#spent.splice(0).map(
      (folder) =>
        new Promise<void>((resolve) => {
          // In the pool: giving a block back to the disk can take longer than all else that is done for a program.
          rmdir(folder, (error) => {
            // Something that was not declared is in it.
            if (error !== null) this.#maker.discard(folder);
            resolve();
          });
        }),
    );
    this.#removing = Promise.all([this.#removing, ...removals]);
  }
}

/** False where one stays: the bench is then not clean. */
function takeAway(links: string[]): boolean {
  try {
    for (const link of links) removeFile(link);
    links.length = 0;
    return true;
  } catch {
    return false;
  }
}
