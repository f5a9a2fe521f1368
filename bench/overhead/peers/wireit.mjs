import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The node_modules that holds wireit: BENCH_TOOLS, this repository's or one above it, or npm's global one. */
function folder() {
  const candidates = process.env.BENCH_TOOLS ? [join(process.env.BENCH_TOOLS, 'node_modules')] : [];
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at))
    candidates.push(join(at, 'node_modules'));
  try {
    candidates.push(
      execFileSync('npm', ['root', '-g'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
    );
  } catch {
    // No npm: then there is no wireit either.
  }
  return candidates.find((at) => existsSync(join(at, 'wireit', 'package.json')));
}

export const wireit = {
  name: 'wireit',
  detect() {
    const found = folder();
    return found ? JSON.parse(readFileSync(join(found, 'wireit', 'package.json'), 'utf8')).version : null;
  },
  emit(tree) {
    const { graph } = tree;
    const scripts = { all: 'wireit' };
    const wireit = { all: { dependencies: graph.sinks } };
    for (const stage of graph.stages) {
      scripts[stage.id] = 'wireit';
      wireit[stage.id] = {
        command: tree.commandOf(stage),
        files: stage.sources.map((i) => tree.source(i)),
        output: [tree.output(stage.id)],
        ...(stage.needs.length > 0 && { dependencies: stage.needs }),
      };
    }
    tree.write('package.json', JSON.stringify({ name: 'bench', private: true, scripts, wireit }, null, 1));
    symlinkSync(folder(), join(tree.folder, 'node_modules'));
    return {
      command: ['npm', 'run', '-s', 'all'],
      env: { WIREIT_PARALLEL: '2', WIREIT_LOGGER: 'quiet', WIREIT_CACHE: 'local' },
      memory: ['.wireit'],
      file: 'package.json',
      // JSON has no comments: one more line at the end.
      comment: (text) => `${text}\n`,
    };
  },
};
