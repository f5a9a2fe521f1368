import type { ExitCode } from '../diagnostics/diagnostic.ts';
import type { Terminal } from './terminal.ts';

/** What stood on the command line after the verb, checked against the verb's grammar. */
export interface Arguments {
  has(option: string): boolean;
  /** The last value given to an option. */
  value(option: string): string | undefined;
  /** All values given to a repeatable option, in order. */
  values(option: string): readonly string[];
  readonly positionals: readonly string[];
}

export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  /** Name of its value in the help, in capitals; a switch has none. */
  readonly value?: string;
  /** May be given more than once; the values are kept in order. */
  readonly repeatable?: boolean;
  /** The only values it takes. */
  readonly choices?: readonly string[];
  readonly summary: string;
}

export interface ArgumentSpec {
  /** As the help shows it: FILE, STAGE. What shell completion offers depends on it. */
  readonly name: string;
  readonly optional?: boolean;
  /** Takes all that follow; only the last argument may. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
}

/** What a verb works with: its arguments, where it stands, and where it prints. */
export interface VerbContext {
  readonly args: Arguments;
  readonly cwd: string;
  readonly out: Terminal;
  readonly err: Terminal;
}

export type VerbMain = (context: VerbContext) => Promise<ExitCode>;

export interface VerbSpec {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Shown at the end of the verb's help: command and what it does. */
  readonly examples: readonly (readonly [string, string])[];
}
