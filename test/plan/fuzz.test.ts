import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatDiagnostics } from '../../src/diagnostics/format.ts';
import { type Planned, planPipeline } from '../../src/plan/plan-pipeline.ts';
import { fastFolder } from '../support/fast-folder.ts';
import { kindsInMemory } from '../support/kinds.ts';
import { withStages } from './workspace.ts';

/** Mutated files, and their seed. Each gives a plan or a located diagnostic. */
const files = 10_000;
const seed = 20_260;

const seeds = [
  withStages(
    `  curve:
    uses: evaluate
    matrix: { seed: [1, 2, 3], exclude: [{ seed: 3 }] }
    inputs: { model: "model[seed=\${{ matrix.seed }},network=mlp].checkpoints/10", x: towards.direction }
    with: { points: "\${{ params.points }}", range: [-1, 2] }
    expect: { category: [w-basin, v-basin] }
    timeout: 10m
    resources: { cpu: 2, memory: 2GB }
  figure: { uses: render, inputs: { panels: curve } }
`,
    'engine: auto\nparams: { points: 61, deep: { a: [1, 2], b: "${{ params.points }}" } }\nprofiles: { smoke: { points: 7 } }\n',
  ),
  `# comment
pipeline: commands
env: [HOME]
x: &base { command: "cp \${{ inputs.a }} \${{ outputs.o }}", outputs: { o: o.txt } }
stages:
  first:
    <<: &shared
      outputs: { o: { file: o.txt, type: table } }
      retries: 2
    command: |
      echo "\${{ env.HOME }}" > \${{ outputs.o }}
  second: { <<: *shared, command: 'cat \${{ inputs.a }} $\${{ x }}', inputs: { a: [first, { file: pipeline.yaml }] } }
include:
  - { file: other.yaml, prefix: o, params: { n: 3 } }
`.replace(/^x: .*\n/m, ''),
];

const tokens = [
  '${{',
  '}}',
  '&a ',
  '*a',
  '<<: ',
  '- ',
  ': ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '|',
  '>',
  '#',
  '? ',
  '!!set ',
  '.inf',
  '1e999',
  'null',
  '~',
  '%',
  '@',
  '\t',
  '\r\n',
  '\u0000',
  '\uFEFF',
  '名',
  '---\n',
  '...\n',
  '__proto__',
  'params.points',
  'model',
  '.',
  '[seed=1]',
  '/10',
  '-0',
  '0x1f',
  'con',
];

/** A small generator with its own state (mulberry32), so that a failure names its file by number. */
function random(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function mutate(text: string, next: () => number): string {
  const at = (length: number) => Math.floor(next() * length);
  const splice = (start: number, removed: number, put: string) =>
    text.slice(0, start) + put + text.slice(start + removed);
  const lines = text.split('\n');
  switch (at(9)) {
    case 0:
      return splice(at(text.length), 1, '');
    case 1:
      return splice(at(text.length), 0, String.fromCharCode(32 + at(95)));
    case 2:
      return splice(at(text.length), 0, tokens[at(tokens.length)]!);
    case 3:
      return splice(at(text.length), at(30), tokens[at(tokens.length)]!);
    case 4:
      return lines.toSpliced(at(lines.length), 1).join('\n');
    case 5:
      return lines.toSpliced(at(lines.length), 0, lines[at(lines.length)]!).join('\n');
    case 6: {
      const line = at(lines.length);
      return lines.with(line, ' '.repeat(at(6)) + lines[line]!.trimStart()).join('\n');
    }
    case 7: {
      // Structure: one word takes the place of another.
      const words = [...text.matchAll(/[\w.-]+|\{[^{}\n]*\}|\[[^[\]\n]*\]/g)];
      const from = words[at(words.length)];
      const to = words[at(words.length)];
      return from && to ? splice(from.index, from[0].length, to[0]) : text;
    }
    default:
      return text.slice(0, at(text.length));
  }
}

/** What contradicts the promise: a plan that is plain data, or errors that each have their place in the text. */
function wrongWith({ plan, diagnostics, sources }: Planned): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  if (plan) return errors > 0 ? 'a plan in spite of errors' : '';
  if (errors === 0) return 'neither a plan nor an error';
  for (const { at, message } of diagnostics) {
    if (!at) return `no place: ${message}`;
    const line = sources.get(at.file)?.split('\n')[at.line - 1];
    if (line === undefined || at.column > line.length + 1) return `a place outside the text: ${message}`;
  }
  const shown = formatDiagnostics(diagnostics, { sources });
  return /undefined|\[object/.test(shown) ? shown : '';
}

const root = mkdtempSync(join(fastFolder, 'orograph-fuzz-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('mutated pipeline files', () => {
  it(`give a plan or a located diagnostic, ${files} of them`, { timeout: 300_000 }, async () => {
    const registry = kindsInMemory();
    const path = join(root, 'pipeline.yaml');
    writeFileSync(
      join(root, 'other.yaml'),
      'pipeline: other\nparams: { n: 1 }\nstages: { s: { command: "x ${{ params.n }}", outputs: { o: f } } }\n',
    );
    let plans = 0;
    for (let number = 0; number < files; number++) {
      const next = random(seed + number);
      let text = seeds[number % seeds.length]!;
      for (let count = 1 + Math.floor(next() * 3); count > 0; count--) text = mutate(text, next);
      writeFileSync(path, text);
      const planned = await planPipeline({
        file: path,
        root,
        cwd: root,
        registry,
        env: { HOME: '/h' },
      }).catch((error: unknown) => {
        throw new Error(`file ${number}:\n${text}`, { cause: error });
      });
      if (planned.plan) plans++;
      expect(wrongWith(planned), `file ${number}:\n${text}`).toBe('');
    }
    // The mutations must neither break every file nor leave every file whole.
    expect(plans).toBeGreaterThan(files / 20);
    expect(plans).toBeLessThan(files * 0.8);
  });
});
