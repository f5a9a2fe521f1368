/** What the disk refuses, in the user's words: one sentence, the path and a cure instead of an errno. */
import { UserError } from '../diagnostics/diagnostic.ts';

interface Cure {
  readonly code: string;
  readonly says: string;
  readonly hint: string;
}

const cures: Readonly<Record<string, Cure>> = {
  ENOSPC: {
    code: 'disk-full',
    says: 'the disk is full',
    hint: 'free some space (`orograph gc` removes results that no pipeline needs any more) and run again: finished stages are kept',
  },
  EDQUOT: {
    code: 'disk-full',
    says: 'your disk quota is used up',
    hint: 'free some space (`orograph gc` removes results that no pipeline needs any more) and run again: finished stages are kept',
  },
  EFBIG: {
    code: 'file-size-limit',
    says: 'the file would exceed the file-size limit of this shell or file system',
    hint: 'raise the limit (`ulimit -f unlimited`) and run again: finished stages are kept',
  },
  EACCES: {
    code: 'not-permitted',
    says: 'you may not write there',
    hint: 'change the permissions of the folder, or choose another one with --cache or --artifacts',
  },
  EPERM: {
    code: 'not-permitted',
    says: 'the operation is not permitted there',
    hint: 'change the permissions of the folder, or choose another one with --cache or --artifacts',
  },
  EROFS: {
    code: 'not-permitted',
    says: 'the file system is read-only',
    hint: 'choose another folder with --cache or --artifacts',
  },
  ENOTDIR: {
    code: 'not-a-folder',
    says: 'a file stands where a folder should be',
    hint: 'move the file away, or choose another folder with --cache or --artifacts',
  },
  EEXIST: {
    code: 'not-a-folder',
    says: 'something else stands where a folder should be',
    hint: 'move it away, or choose another folder with --cache or --artifacts',
  },
  EISDIR: {
    code: 'not-a-file',
    says: 'a folder stands where a file should be',
    hint: 'move the folder away and run again',
  },
  ENOENT: { code: 'no-such-file', says: 'there is no such file', hint: 'check the path' },
  EMFILE: {
    code: 'too-many-open-files',
    says: 'too many files are open',
    hint: 'raise the limit (`ulimit -n 4096`) and run again',
  },
  EIO: {
    code: 'disk-error',
    says: 'the disk reported an error',
    hint: 'check the disk; `orograph verify` tells which stored results can still be trusted',
  },
};

/**
 * A disk error as the user should see it; anything that is no disk error is returned as it is.
 * @param doing what failed, for a sentence: `store a result`
 * @param path the file or folder it failed at, where the error does not name a better one
 */
export function diskError(error: unknown, doing: string, path: string): unknown {
  if (error instanceof UserError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  const cure = cures[code];
  return new UserError({
    severity: 'error',
    code: cure?.code ?? 'disk-error',
    message: `cannot ${doing}: ${cure?.says ?? `the system answered ${code}`} (${path})`,
    hint: cure?.hint ?? 'check the disk and the path',
  });
}

const sqliteCodes: readonly (readonly [prefix: string, code: string])[] = [
  ['SQLITE_FULL', 'ENOSPC'],
  ['SQLITE_READONLY', 'EACCES'],
  ['SQLITE_CANTOPEN', 'EACCES'],
  ['SQLITE_PERM', 'EACCES'],
  ['SQLITE_IOERR', 'EIO'],
];

/** As `diskError`, for what SQLite says of the memo table. */
export function databaseError(error: unknown, path: string): unknown {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) {
    return diskError(error, 'write the memo table', path);
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new UserError({
      severity: 'error',
      code: 'store-busy',
      message: `another process has kept the memo table to itself for minutes (${path})`,
      hint: 'look for a stopped or hanging orograph process and end it',
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new UserError({
      severity: 'error',
      code: 'store-damaged',
      message: `the memo table is damaged and could not be replaced (${path})`,
      hint: 'end all orograph processes that use this cache and run again; if it stays, move the file away: results are computed again',
    });
  }
  const errno = sqliteCodes.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (errno === undefined) return error;
  if (errno === 'EIO') {
    return new UserError({
      severity: 'error',
      code: 'disk-error',
      message: `cannot write the memo table: the disk or a file-size limit refused (${code}, ${path})`,
      hint: 'check the disk and `ulimit -f`, and run again: finished stages are kept',
    });
  }
  return diskError({ code: errno }, 'write the memo table', path);
}
