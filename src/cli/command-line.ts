/**
 * The command line's grammar, as data: which verbs there are and what each takes. The parser, the help, the shell
 * completion and the test that holds docs/cli.md to the truth all read this one table. It imports nothing, because
 * every start of the command reads it.
 */
import type { ArgumentSpec, OptionSpec, VerbSpec } from './verb.ts';

/** Options that every verb takes. */
export const commonOptions: readonly OptionSpec[] = [
  { name: 'help', short: 'h', summary: 'show what a verb does and which options it has' },
  { name: 'version', short: 'V', summary: 'print the version' },
  { name: 'no-color', summary: 'print no colours (NO_COLOR=1 does the same)' },
];

const json: OptionSpec = { name: 'json', summary: 'print JSON, for programs' };
const places: readonly OptionSpec[] = [
  { name: 'cache', value: 'DIR', summary: 'the cache folder (default: cache/ in the workspace)' },
  { name: 'artifacts', value: 'DIR', summary: 'the folder of published results (default: artifacts/)' },
];
const parameters: readonly OptionSpec[] = [
  { name: 'profile', short: 'p', value: 'NAME', summary: 'use a named set of parameters of the pipeline' },
  {
    name: 'set',
    short: 's',
    value: 'KEY=VALUE',
    repeatable: true,
    summary: 'set a parameter; the value is read as YAML',
  },
];
const engine: OptionSpec = {
  name: 'engine',
  value: 'NAME',
  choices: ['auto', 'wasm', 'onnx', 'tensorflow'],
  summary: 'what computes tensors',
};
const planning: readonly OptionSpec[] = [...parameters, engine];
const force: OptionSpec = {
  name: 'force',
  short: 'f',
  value: 'STAGE',
  repeatable: true,
  summary: 'run a stage although its result is known',
};
const file: ArgumentSpec = { name: 'FILE' };
const stages: ArgumentSpec = { name: 'STAGE', optional: true, many: true };

export const verbs = [
  {
    name: 'run',
    summary: 'run a pipeline: compute what is not known yet, publish every result',
    arguments: [file, stages],
    options: [
      ...planning,
      { name: 'jobs', short: 'j', value: 'N', summary: 'stages at once (default: the number of cores)' },
      { name: 'keep-going', short: 'k', summary: 'after a failure, finish what does not depend on it' },
      force,
      { name: 'dry-run', short: 'n', summary: 'say what would run and why, and stop (same as plan)' },
      { name: 'strict-expect', summary: 'an expectation that does not hold is a failure (exit code 3)' },
      ...places,
      { ...json, summary: 'print one event a line, as JSON' },
      { name: 'quiet', short: 'q', summary: 'print failures and the last line only' },
    ],
    examples: [
      ['orograph run pipelines/quickstart.yaml', 'the whole pipeline'],
      ['orograph run pipelines/quickstart.yaml figure', 'one stage and what it needs'],
      ['orograph run pipelines/ --profile smoke --keep-going', 'every pipeline of a folder'],
    ],
  },
  {
    name: 'plan',
    summary: 'say what a run would do and why, without running anything',
    arguments: [file, stages],
    options: [
      ...planning,
      force,
      ...places,
      json,
      { name: 'all', short: 'a', summary: 'list cached stages too' },
    ],
    examples: [['orograph plan pipelines/quickstart.yaml --set epochs=20', 'what another value would cost']],
  },
  {
    name: 'why',
    summary: 'say, field by field, why a stage would run or why it would not',
    arguments: [file, { name: 'STAGE' }],
    options: [...planning, ...places, json],
    examples: [['orograph why pipelines/quickstart.yaml curve', 'what changed since the last run']],
  },
  {
    name: 'status',
    summary: 'say how each pipeline stands: cached, to run, last run, expectations',
    arguments: [{ name: 'FILE', optional: true, many: true }],
    options: [...planning, ...places, json],
    examples: [['orograph status', 'every pipeline in pipelines/']],
  },
  {
    name: 'dag',
    summary: "draw a pipeline's stages and what feeds what",
    arguments: [file],
    options: [
      {
        name: 'format',
        value: 'FORMAT',
        choices: ['text', 'mermaid', 'dot', 'svg'],
        summary: 'how to draw it (default: text)',
      },
      { name: 'output', short: 'o', value: 'FILE', summary: 'write to a file instead of the screen' },
      { name: 'instances', short: 'i', summary: 'a node for each instance of a matrix, not each stage' },
      ...parameters,
    ],
    examples: [['orograph dag pipelines/quickstart.yaml --format svg -o dag.svg', 'as a picture']],
  },
  {
    name: 'show',
    summary: 'show a result: tables, curves as sparklines, summaries of tensors',
    arguments: [file, { name: 'STAGE.OUTPUT' }],
    options: [...planning, ...places, { ...json, summary: 'print the stored content itself' }],
    examples: [['orograph show pipelines/quickstart.yaml curve', 'the curves, drawn with characters']],
  },
  {
    name: 'provenance',
    summary: 'say what a figure file was made of, from the file alone',
    arguments: [{ name: 'FIGURE' }],
    options: [
      { name: 'pipeline', summary: "print the pipeline's text alone" },
      { ...json, summary: 'print the whole record as JSON' },
    ],
    examples: [['orograph provenance artifacts/quickstart/figure/figure.png', '']],
  },
  {
    name: 'rebuild',
    summary: 'write the pipeline inside a figure file back out, run it, and compare',
    arguments: [{ name: 'FIGURE' }],
    options: [
      { name: 'into', value: 'DIR', summary: 'where to (default: the name of the figure, then -rebuilt)' },
      { name: 'fresh', summary: 'take no known result: compute everything again' },
      engine,
      { name: 'jobs', short: 'j', value: 'N', summary: 'stages at once (default: the number of cores)' },
      { name: 'cache', value: 'DIR', summary: 'the cache folder (default: cache/ in the workspace)' },
    ],
    examples: [['orograph rebuild figure.png --fresh', 'the same bytes, or what differs (exit code 3)']],
  },
  {
    name: 'gallery',
    summary: 'make one page of all published figures, with captions, claims and provenance',
    arguments: [],
    options: [
      {
        name: 'output',
        short: 'o',
        value: 'DIR',
        summary: 'where to (default: gallery/ among the artifacts)',
      },
      { name: 'markdown', summary: 'a README.md with small pictures instead, for a repository' },
      ...places,
    ],
    examples: [['orograph gallery -o site', '']],
  },
  {
    name: 'logs',
    summary: 'print what a stage printed when it last ran',
    arguments: [file, { name: 'STAGE' }],
    options: [...planning, ...places, { name: 'path', summary: 'print where the log is instead' }],
    examples: [['orograph logs pipelines/quickstart.yaml model', '']],
  },
  {
    name: 'verify',
    summary: 'check every stored result against its digest',
    arguments: [],
    options: [
      { name: 'repair', summary: 'drop what is damaged, so that it is computed again' },
      ...places,
      json,
    ],
    examples: [['orograph verify --repair', '']],
  },
  {
    name: 'gc',
    summary: 'free space: drop stored results that the named pipelines cannot reach',
    arguments: [{ name: 'FILE', optional: true, many: true }],
    options: [
      {
        name: 'max-size',
        value: 'SIZE',
        summary: 'also drop the oldest results above this size: 500MB, 10GB',
      },
      { name: 'dry-run', short: 'n', summary: 'only say what would be dropped' },
      ...planning,
      ...places,
      json,
    ],
    examples: [['orograph gc --max-size 10GB --dry-run', '']],
  },
  {
    name: 'data',
    summary: 'list, download and check data sets; remove what was made of them',
    arguments: [
      { name: 'ACTION', choices: ['list', 'get', 'verify', 'clean'] },
      { name: 'DATASET', optional: true },
    ],
    options: [
      { name: 'from', value: 'SOURCE', choices: ['official', 'npm'], summary: 'use this source only' },
      { name: 'dry-run', short: 'n', summary: 'only say what clean would remove' },
      json,
    ],
    examples: [['orograph data get cifar10', 'all 60,000 images, checked against the official md5 sums']],
  },
  {
    name: 'init',
    summary: 'make a folder of your own: a pipeline, a stage in TypeScript, a README that runs',
    arguments: [{ name: 'DIR' }],
    options: [],
    examples: [['orograph init my-project', '']],
  },
  {
    name: 'new',
    summary: 'add a stage kind of your own in TypeScript to the workspace',
    arguments: [{ name: 'WHAT', choices: ['stage'] }, { name: 'NAME' }],
    options: [],
    examples: [['orograph new stage smooth', 'writes stages/smooth.ts']],
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of pipeline files',
    arguments: [],
    options: [{ name: 'event', summary: 'the schema of the events of --json instead' }],
    examples: [['orograph schema > pipeline.schema.json', '']],
  },
  {
    name: 'doctor',
    summary: 'say what is there: Node, engines, threads, GPU, disk, data sets',
    arguments: [],
    options: [...places, json],
    examples: [['orograph doctor', '']],
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    arguments: [{ name: 'SHELL', choices: ['bash', 'zsh', 'fish'] }],
    options: [],
    examples: [
      ['eval "$(orograph completion bash)"', 'in ~/.bashrc'],
      ['orograph completion fish > ~/.config/fish/completions/orograph.fish', ''],
    ],
  },
] as const satisfies readonly VerbSpec[];

/** Asked by the completion scripts and by `doctor`, not by people; they are in no help. */
export const hiddenVerbs = [
  {
    name: '__complete',
    summary: 'answers the completion scripts',
    arguments: [{ name: 'WORD', optional: true, many: true }],
    options: [],
    examples: [],
  },
  {
    name: '__engine',
    summary: 'starts an engine',
    arguments: [
      { name: 'NAME', choices: ['wasm', 'onnx', 'tensorflow'] },
      { name: 'PROVIDER', choices: ['cpu', 'webgpu', 'cuda'], optional: true },
    ],
    options: [],
    examples: [],
  },
] as const satisfies readonly VerbSpec[];

export type VerbName = (typeof verbs | typeof hiddenVerbs)[number]['name'];
