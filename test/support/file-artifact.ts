import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifact, ArtifactType } from '../../src/kind/artifact.ts';
import { digestOf } from '../../src/util/digest.ts';
import { scratchFolder } from './scratch-folder.ts';

let folder: string | undefined;

/** An output of one file, as a stage gets it. */
export function fileArtifact(label: string, type: ArtifactType, content: Uint8Array | string): Artifact {
  folder ??= scratchFolder('artifacts');
  const digest = digestOf(content);
  const path = join(folder, digest);
  writeFileSync(path, content);
  return { label, type, folder: false, path, digest, members: [{ name: '', path, digest }] };
}
