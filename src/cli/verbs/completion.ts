import { type ExitCode, exitCodes } from '../../diagnostics/diagnostic.ts';
import type { VerbContext } from '../verb.ts';

/**
 * `orograph completion bash|zsh|fish`: a few lines of shell that ask `orograph __complete` for every candidate, so
 * that they never go out of date and know the stages of the file that stands on the line.
 */
export async function main({ args, out }: VerbContext): Promise<ExitCode> {
  out.write(scripts[args.positionals[0] as keyof typeof scripts]);
  return exitCodes.good;
}

/** Bash splits words at `:` and `=`; what is completed is only the part behind them. */
const bash = `# orograph: bash completion. In ~/.bashrc: eval "$(orograph completion bash)"
_orograph() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [[ \${#COMPREPLY[@]} -eq 1 && "\${COMPREPLY[0]}" == *[/=] ]]; then compopt -o nospace; fi
}
complete -o nosort -F _orograph orograph
`;

const zsh = `#compdef orograph
# orograph: zsh completion. In ~/.zshrc, after compinit: eval "$(orograph completion zsh)"
_orograph() {
  local -a found open
  found=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  open=("\${(@M)found:#*[/=]}")
  found=("\${(@)found:#*[/=]}")
  (( \${#open} )) && compadd -S '' -- "\${open[@]}"
  [[ -n "\${found[1]}" ]] && compadd -- "\${found[@]}"
}
if [[ "\${funcstack[1]}" == _orograph ]]; then _orograph; else compdef _orograph orograph; fi
`;

const fish = `# orograph: fish completion. orograph completion fish > ~/.config/fish/completions/orograph.fish
function __orograph_complete
  set -l words (commandline -opc) (commandline -ct)
  command $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c orograph -f -a '(__orograph_complete)'
`;

const scripts = { bash, zsh, fish };
