import { extname } from 'node:path';
import { partsOf } from '../declare/evaluate.ts';
import type { StageDeclaration } from '../declare/load.ts';
import { mapAt, type ScalarNode, textAt, within } from '../declare/node.ts';
import { isPlaceholder, parseTemplate } from '../declare/template.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import { type ArtifactType, artifactTypes } from '../kind/artifact.ts';
import type { OutputSpec } from '../kind/stage-kind.ts';

/** What a command declares to write. */
export interface CommandOutputs {
  readonly outputs: Readonly<Record<string, OutputSpec>>;
  /** By output the name of the file that the command writes into its folder. */
  readonly files: Record<string, string>;
}

export function commandOutputs({ node, key }: StageDeclaration, problems: Problems): CommandOutputs {
  const outputs: Record<string, OutputSpec> = {};
  const files: Record<string, string> = {};
  const taken = new Map<string, ScalarNode>();
  const declared = mapAt(node, 'outputs');
  if (!node.entries.has('outputs')) {
    problems.error('missing-key', key, 'a command needs "outputs": without any it would leave nothing', {
      expected: 'outputs: { name: file-name }',
    });
  } else if (declared?.entries.size === 0) {
    problems.error('missing-key', node.entries.get('outputs')!.key, 'a command needs at least one output');
  }
  for (const [name, { value }] of declared?.entries ?? []) {
    const file =
      value.kind === 'scalar' && typeof value.value === 'string'
        ? (value as ScalarNode & { value: string })
        : textAt(value, 'file');
    if (!file) continue;
    const type = textAt(value, 'type')?.value as ArtifactType | undefined;
    // Of an empty name the schema has told.
    if (file.value !== '' && !isFileName(file.value)) {
      problems.error(
        'bad-name',
        file,
        `${JSON.stringify(file.value)} cannot be the name of an output's file`,
        {
          expected: 'the name of a file in the folder of the command, without slashes',
        },
      );
    }
    const first = taken.get(file.value.toLowerCase());
    if (first) {
      problems.error('duplicate-id', file, `two outputs are the same file "${file.value}"`, {
        related: [{ message: 'first given here', at: first }],
      });
    }
    taken.set(file.value.toLowerCase(), file);
    files[name] = file.value;
    outputs[name] = {
      type: type && artifactTypes.includes(type) ? type : 'file',
      extension: extname(file.value),
    };
  }
  return { outputs, files };
}

function isFileName(name: string): boolean {
  return (
    /^[^/\\:*?"<>|\p{Cc}]{1,200}$/u.test(name) &&
    !/^\.+$/.test(name) &&
    !/[. ]$/.test(name) &&
    !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name) &&
    !name.includes('${{')
  );
}

/**
 * Checks the names in a command's `${{ inputs.x }}` and `${{ outputs.x }}`, as written and as filled in.
 * @param filled undefined where other placeholders could not be filled in, which has been told.
 */
export function checkCommand(
  { node }: StageDeclaration,
  filled: string | undefined,
  inputs: ReadonlySet<string>,
  outputs: ReadonlySet<string>,
  problems: Problems,
): void {
  const scalar = textAt(node, 'command');
  if (!scalar) return;
  const texts =
    scalar.templated && filled !== undefined && filled !== scalar.value
      ? [partsOf(scalar), parseTemplate(filled)]
      : [partsOf(scalar)];
  for (const [i, parts] of texts.entries()) {
    for (const part of parts) {
      if (typeof part === 'string' || !isPlaceholder(part)) continue;
      if (part.scope !== 'inputs' && part.scope !== 'outputs') continue;
      const known = part.scope === 'inputs' ? inputs : outputs;
      const name = part.path[0]!;
      const at = i === 0 ? within(scalar, part.start, part.end) : scalar;
      const what = part.scope.slice(0, -1);
      if (!known.has(name)) {
        // What is wrong as written is wrong as filled in too: it is told once, at its exact place.
        if (i === 1 && String(scalar.value).includes(filled!.slice(part.start, part.end))) continue;
        problems.error(`unknown-${what}`, at, `the command has no ${what} "${name}"`, {
          expected: known.size > 0 ? oneOf(known) : `an ${what} that "${part.scope}" declares`,
          hint: didYouMean(name, known),
        });
      } else if (part.scope === 'outputs' && part.member !== null) {
        problems.error('unknown-member', at, `the output "${name}" is one file and has no members`);
      }
    }
  }
}
