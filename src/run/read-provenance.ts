import { readFile } from 'node:fs/promises';
import { UserError } from '../diagnostics/diagnostic.ts';
import { type Provenance, provenanceFormat } from './provenance.ts';

/** A figure's file, and what it says of itself. */
export interface ReadFigure {
  readonly bytes: Buffer;
  /** As it stands in the file. */
  readonly text: string;
  readonly provenance: Provenance;
}

/**
 * Reads the provenance out of a published figure.
 * @param path for opening; `shown` for messages.
 * @throws UserError where there is no file, or no provenance in it.
 */
export async function readFigure(path: string, shown: string): Promise<ReadFigure> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UserError({
      severity: 'error',
      code: 'missing-file',
      message: `there is no figure ${shown} (${(error as NodeJS.ErrnoException).code})`,
    });
  }
  const { stampOf } = await import('../figure/stamp/stamp.ts');
  const text = stampOf(bytes);
  if (text === undefined)
    throw new UserError({
      severity: 'error',
      code: 'no-provenance',
      message: `${shown} holds no provenance`,
      hint: 'published figures of orograph (SVG, PNG, PDF, HTML) hold it; a file that was converted, cropped or saved by another program has lost it',
    });
  return { bytes, text, provenance: parsed(text, shown) };
}

function parsed(text: string, shown: string): Provenance {
  try {
    const record = JSON.parse(text) as Provenance;
    if (record.format === provenanceFormat && Array.isArray(record.sources) && Array.isArray(record.stages))
      return record;
  } catch {
    // Told below.
  }
  throw new UserError({
    severity: 'error',
    code: 'bad-provenance',
    message: `the provenance in ${shown} cannot be read: it is not of the format ${provenanceFormat}`,
  });
}
