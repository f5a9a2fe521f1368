import { usage } from './arguments.ts';
import { commonOptions, verbs } from './command-line.ts';
import { columns, type Paint } from './terminal.ts';
import type { OptionSpec, VerbSpec } from './verb.ts';

/** What `orograph --help` prints. */
export function overview(paint: Paint): string {
  return lines(
    'orograph: figures of loss landscapes, declared in YAML, computed once.',
    '',
    `${paint('bold', 'Usage')}  orograph VERB [arguments] [options]`,
    '',
    paint('bold', 'Verbs'),
    ...columns(verbs.map((verb) => [`  ${paint('cyan', verb.name)}`, verb.summary])),
    '',
    paint('bold', 'Options of every verb'),
    ...optionLines(commonOptions, paint),
    '',
    paint('bold', 'Begin with'),
    '  orograph init my-project',
    '',
    'orograph help VERB says more about a verb, orograph help KIND has the parameters of a kind of stage.',
  );
}

export function verbHelp(verb: VerbSpec, paint: Paint): string {
  const examples = verb.examples.map(([command, what]) => [`  ${command}`, paint('dim', what)]);
  return lines(
    `orograph ${verb.name}: ${verb.summary}`,
    '',
    `${paint('bold', 'Usage')}  ${usage(verb)}`,
    '',
    ...(verb.options.length > 0 ? [paint('bold', 'Options'), ...optionLines(verb.options, paint), ''] : []),
    paint('bold', 'Options of every verb'),
    ...optionLines(commonOptions, paint),
    '',
    paint('bold', examples.length === 1 ? 'Example' : 'Examples'),
    ...columns(examples),
  );
}

function optionLines(options: readonly OptionSpec[], paint: Paint): string[] {
  return columns(
    options.map((option) => {
      const short = option.short ? `-${option.short}, ` : '    ';
      const value = option.value ? ` ${option.value}` : '';
      const choices = option.choices ? `: ${option.choices.join(', ')}` : '';
      const again = option.repeatable ? ' (may be repeated)' : '';
      return [
        `  ${short}${paint('cyan', `--${option.name}`)}${value}`,
        `${option.summary}${choices}${again}`,
      ];
    }),
  );
}

function lines(...list: readonly string[]): string {
  return `${list.join('\n')}\n`;
}
