import type { Problems } from '../diagnostics/problems.ts';
import type { Span } from '../diagnostics/source-text.ts';
import { didYouMean, oneOf } from '../diagnostics/suggest.ts';
import type { InputSpec, OutputSpec } from '../kind/stage-kind.ts';
import type { InstanceDraft } from './draft.ts';

type Outputs = Readonly<Record<string, OutputSpec>>;

/** The output that a reference names, or the only one there is. */
export function outputName(
  { stage }: InstanceDraft,
  outputs: Outputs,
  asked: string | null,
  at: Span,
  problems: Problems,
): string | undefined {
  const names = Object.keys(outputs);
  const name = stage.declaration.name;
  if (asked === null) {
    if (names.length === 1) return names[0];
    problems.error('ambiguous-output', at, `the stage "${name}" has ${names.length} outputs: say which`, {
      expected: names.length > 0 ? oneOf(names.map((output) => `${name}.${output}`)) : 'a stage with outputs',
    });
    return undefined;
  }
  if (Object.hasOwn(outputs, asked)) return asked;
  problems.error('unknown-output', at, `the stage "${name}" has no output "${asked}"`, {
    expected: names.length > 0 ? oneOf(names) : 'a stage with outputs',
    hint: () => didYouMean(asked, names),
    related: [{ message: 'the stage is declared here', at: stage.declaration.key }],
  });
  return undefined;
}

/** Whether an output, or a member of it, is what an input takes. */
export function checkFit(
  { stage, outputs }: InstanceDraft,
  { output, member }: { readonly output: string; readonly member: string | null },
  input: InputSpec | undefined,
  at: Span,
  problems: Problems,
): boolean {
  const spec = outputs![output]!;
  const isFolder = spec.folder === true || spec.members !== undefined;
  const name = `${stage.declaration.name}.${output}`;
  if (member !== null && !isFolder) {
    problems.error('unknown-member', at, `"${name}" is one file and has no members`, { expected: name });
    return false;
  }
  const { members } = spec;
  if (member !== null && members && !members.includes(member)) {
    problems.error('unknown-member', at, `"${name}" has no member "${member}"`, {
      expected: members.length > 0 ? oneOf(members) : 'nothing: it has no members',
      hint: () => didYouMean(member, members),
      related: [{ message: 'the stage is declared here', at: stage.declaration.key }],
    });
    return false;
  }
  if (!input) return true;
  const types = [input.type].flat();
  if (!types.includes(spec.type) && !types.includes('file')) {
    const isCommand = stage.kind === 'command';
    problems.error(
      'wrong-artifact',
      at,
      `"${name}" is of the type ${spec.type}, which this input does not take`,
      {
        expected: `an artifact of the type ${types.join(' or ')}`,
        hint:
          isCommand && spec.type === 'file'
            ? `declare what the file is: { file: ..., type: ${types[0]} }`
            : undefined,
      },
    );
    return false;
  }
  const shape = input.shape ?? 'file';
  const given = isFolder && member === null ? 'folder' : 'file';
  if (shape === 'either' || shape === given) return true;
  const first = members?.at(-1);
  problems.error(
    'wrong-shape',
    at,
    given === 'folder'
      ? `"${name}" is a folder, and this input takes one file`
      : 'this input takes a folder, not one file',
    {
      hint:
        given === 'folder'
          ? `name a member: ${name}/${first ?? '<member>'}`
          : isFolder
            ? `leave out the member: ${name}`
            : undefined,
    },
  );
  return false;
}
