import { statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Of a command that failed: a file of the workspace that it names by its path. It is not there for the command, which runs
 * in a folder of its own.
 * @param command with its placeholders.
 */
export function scriptHint(command: string, root: string): string | undefined {
  const words = command.replace(/\$\{\{.*?\}\}/gs, ' ').match(/[\w./+@-]*[./][\w./+@-]*/g) ?? [];
  const file = words.find(
    (word) => !word.startsWith('/') && statSync(join(root, word), { throwIfNoEntry: false })?.isFile(),
  );
  return (
    file &&
    `a command runs in an empty folder and sees only its inputs: declare inputs: { script: { file: ${file} } } and write \${{ inputs.script }} in place of ${file}`
  );
}
