import { versionOf } from '../tree.mjs';

/** With its SQLite backend, the fastest of its three at these sizes. Content digests, so right on touch and cutoff. */
export const doit = {
  name: 'doit',
  detect: () => versionOf('doit'),
  emit(tree) {
    tree.write(
      'dodo.py',
      `import json
DOIT_CONFIG = {'backend': 'sqlite3', 'reporter': 'zero', 'verbosity': 0, 'num_process': 2}
def task_st():
    for name, command, output, inputs in json.load(open('edges.json')):
        yield dict(name=name, actions=[command], file_dep=inputs, targets=[output])
`,
    );
    const edges = tree.graph.stages.map((s) => [s.id, tree.commandOf(s), tree.output(s.id), tree.inputs(s)]);
    tree.write('edges.json', JSON.stringify(edges));
    return {
      command: ['doit'],
      memory: ['.doit.db', '.doit.db-journal', '__pycache__'],
      file: 'dodo.py',
      comment: (text, n) => `${text}# ${n}\n`,
    };
  },
};
