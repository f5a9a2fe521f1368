import { spawn } from 'node:child_process';
import { UserError } from '../../diagnostics/diagnostic.ts';

/** Runs a program to its end; what it prints on stderr becomes the message if it fails. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly purpose: string; readonly signal?: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      // npm is a script there, which only a shell starts.
      shell: process.platform === 'win32',
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    const fail = (message: string, hint?: string): void =>
      reject(
        new UserError(
          { severity: 'error', code: 'program-failed', message, ...(hint === undefined ? {} : { hint }) },
          1,
        ),
      );
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (options.signal?.aborted) reject(error);
      else if (error.code === 'ENOENT')
        fail(`${options.purpose} needs the program ${program}, which is not installed`);
      else fail(`${program} cannot be started: ${error.message}`);
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else fail(`${program} ${args[0]} failed (${signal ?? `exit code ${code}`})`, said.trim() || undefined);
    });
  });
}
