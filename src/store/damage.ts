/** What SQLite's errors mean: damage that calls for another table, or a lock that calls for patience. */

/** The file is a database, but not one of ours, or not of our version. */
export class ForeignTable extends Error {}

/** What SQLite would say had it seen the damage itself. */
export const damage = (what: string): Error => Object.assign(new Error(what), { code: 'SQLITE_CORRUPT' });

export function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return (
    error instanceof ForeignTable ||
    code.startsWith('SQLITE_CORRUPT') ||
    code === 'SQLITE_NOTADB' ||
    code === 'SQLITE_IOERR_SHORT_READ'
  );
}

export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
