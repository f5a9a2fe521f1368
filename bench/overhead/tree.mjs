/**
 * A folder in which one tool builds one graph: its source files, the program that every stage runs, the log that
 * stages themselves write, and the checks of what came out.
 *
 * The log is the only witness of how many stages ran: it lies outside the tool's folder, and no tool's own word or
 * time stamp is believed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { downstreamOf, expectedOutputs, modulus } from './shapes.mjs';

/** Adds the first lines of its inputs; a second line is a comment that does not reach the output. Only builtins. */
const program = (log, writeIfChanged) => `o=$1;shift;s=0
for f;do read x <$f;s=$((s+x));done
s=$((s%${modulus}))
${writeIfChanged ? `y=;[ -f $o ]&&read y <$o\n[ "$y" = "$s" ]||echo $s >$o` : 'echo $s >$o'}
echo $o >>${log}
`;

export class Tree {
  constructor(folder, graph, peer) {
    rmSync(folder, { recursive: true, force: true });
    this.graph = graph;
    this.peer = peer;
    this.folder = join(folder, 'tree');
    this.log = join(folder, 'runs.log');
    this.program = join(folder, 'stage.sh');
    this.values = Array.from({ length: graph.sources }, (_, i) => i + 1);
    this.notes = new Array(graph.sources).fill(0);
    this.byId = new Map(graph.stages.map((stage) => [stage.id, stage]));
    mkdirSync(join(this.folder, 'in'), { recursive: true });
    mkdirSync(join(this.folder, 'out'));
    for (let i = 0; i < graph.sources; i++) this.#writeSource(i);
    writeFileSync(this.program, program(this.log, peer.writesIfChanged ?? false));
    writeFileSync(this.log, '');
    this.setup = peer.emit(this);
    this.edits = 0;
    this.cleanings = 0;
  }

  /** Paths relative to the tool's folder. */
  source(index) {
    return `in/${String(index).padStart(5, '0')}.txt`;
  }
  output(id) {
    return this.peer.outputOf?.(this.byId.get(id), this.graph) ?? `out/${id}.txt`;
  }
  inputs(stage) {
    return [...stage.sources.map((i) => this.source(i)), ...stage.needs.map((id) => this.output(id))];
  }
  commandOf(stage) {
    return ['sh', this.program, this.output(stage.id), ...this.inputs(stage)].join(' ');
  }

  write(path, text) {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /**
   * Takes outputs and everything the tool remembers out of the way. They are moved, and removed when all is measured:
   * an ext4 without a journal makes new files many times more slowly in the minutes after thousands were removed.
   */
  clean() {
    const aside = join(dirname(this.folder), `before-${++this.cleanings}`);
    for (const path of ['out', ...this.setup.memory]) {
      if (!existsSync(join(this.folder, path))) continue;
      mkdirSync(dirname(join(aside, path)), { recursive: true });
      renameSync(join(this.folder, path), join(aside, path));
    }
    mkdirSync(join(this.folder, 'out'));
  }

  #writeSource(index) {
    writeFileSync(join(this.folder, this.source(index)), `${this.values[index]}\nc${this.notes[index]}\n`);
  }

  /** The source in the middle: the one that edits change. */
  get #middle() {
    return Math.floor(this.graph.sources / 2);
  }

  /** Makes one edit; returns how many stages it must run. */
  edit(operation) {
    const index = this.#middle;
    this.edits++;
    switch (operation) {
      case 'noop':
        return 0;
      case 'leaf':
        // A number that no other source has: a stage with the same content as another need not run.
        this.values[index] = this.graph.sources + this.edits;
        this.#writeSource(index);
        return downstreamOf(this.graph, index).size;
      case 'touch': {
        const now = new Date();
        utimesSync(join(this.folder, this.source(index)), now, now);
        return 0;
      }
      case 'cutoff':
        // The stage that reads this file must run, and gives the same bytes: nothing after it need run.
        this.notes[index]++;
        this.#writeSource(index);
        return 1;
      case 'comment': {
        const { file, comment } = this.setup;
        const path = join(this.folder, file);
        writeFileSync(path, comment(readFileSync(path, 'utf8'), this.edits));
        return 0;
      }
      default:
        throw new Error(`unknown operation ${operation}`);
    }
  }

  resetLog() {
    writeFileSync(this.log, '');
  }
  /** Stages that ran since `resetLog`. */
  executions() {
    return readFileSync(this.log, 'utf8').split('\n').length - 1;
  }

  /** How many outputs do not hold what the oracle says. */
  wrongOutputs() {
    let wrong = 0;
    for (const [id, value] of expectedOutputs(this.graph, this.values)) {
      const path = join(this.folder, this.setup.resultOf?.(this.byId.get(id)) ?? this.output(id));
      try {
        if (Number(readFileSync(path, 'utf8')) !== value) wrong++;
      } catch {
        wrong++;
      }
    }
    return wrong;
  }
}

/** The first line that a program prints about its version, or null where it is not installed. */
export function versionOf(command, args = ['--version'], pick = /\d+(\.\d+)+/) {
  try {
    const text = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return pick.exec(text)?.[0] ?? text.split('\n')[0];
  } catch {
    return null;
  }
}
