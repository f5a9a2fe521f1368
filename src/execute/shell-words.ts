/** The text of a command as words for the shell that starts it. */

/** A word as `sh` must read it to mean this text. */
export function quote(text: string): string {
  return /^[\w./+:@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A path or name, or anything in single quotes: nothing in it that a shell would expand. */
const plainWord = String.raw`(?:[\w./+:@%,-]+|'[^'\n]*')`;
/** An option's value may hold `=`; in the first word it would make an assignment. */
const laterWord = String.raw`(?:[\w./+:@%,=-]|'[^'\n]*')+`;
const plainCommand = new RegExp(`^(${plainWord})(?:[ \\t]+${laterWord})*$`);

/** Names that mean something to a shell itself, those of bash and busybox included. */
const ofTheShell = new Set(
  `. : alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare dirs
  disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history
  if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt
  source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while`.split(
    /\s+/,
  ),
);

/** Linux takes no longer argument (bytes), whatever the room for all of them. */
const longestArgument = 100_000;

/**
 * What a shell has to be told to do what `sh -c` would do with the text. One plain command needs no shell: starting one
 * that only starts something else costs as much as a small program itself (make does the same).
 * Null where the text is too long to be handed over as an argument.
 */
export function wordsOf(text: string): string | null {
  const command = text.trim();
  const first = plainCommand.exec(command)?.[1];
  if (first !== undefined && !first.startsWith("'") && !first.startsWith('-') && !ofTheShell.has(first))
    return command;
  return Buffer.byteLength(text) > longestArgument ? null : `/bin/sh -c ${quote(text)} sh`;
}
