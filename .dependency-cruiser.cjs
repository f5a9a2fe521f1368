/**
 * Imports run in one direction. Each folder of src/ may import itself and the folders before it in this list; stages/
 * may import what a stage's mathematics needs, and other stages' mathematics; nothing in src/ imports stages/.
 */
const order = [
  'util',
  'diagnostics',
  'events',
  'kind',
  'kernels',
  'landscape',
  'store',
  'declare',
  'plan',
  'fingerprint',
  'engine',
  'network',
  'spectral',
  'dataset',
  'figure',
  'execute',
  'schedule',
  'run',
  'cli',
];
/** What the mathematics of a stage may reach: everything else is the machine that runs it. */
const forStages = [
  'util',
  'diagnostics',
  'kind',
  'landscape',
  'engine',
  'network',
  'spectral',
  'dataset',
  'figure',
];

module.exports = {
  forbidden: [
    ...order.map((folder, i) => ({
      name: `src/${folder} imports only what comes before it`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: `^(stages/|src/index|src/(${order.slice(i + 1).join('|') || 'nothing'})/)` },
    })),
    {
      name: 'numerics know nothing of the machine that runs them',
      severity: 'error',
      from: { path: '^src/(engine|kernels|network|spectral|dataset|figure)/' },
      to: { path: '^src/(events|store|declare|plan|fingerprint|execute|schedule|run|cli)/' },
    },
    {
      name: 'stages reach only the mathematics',
      severity: 'error',
      from: { path: '^stages/' },
      to: { path: '^src/', pathNot: `^src/(${forStages.join('|')})/` },
    },
    {
      name: 'TensorFlow.js comes in through one door',
      severity: 'error',
      from: {
        path: '^(src|stages)/',
        pathNot:
          '^src/engine/(tensorflow|gradients|gradients-of-maps|convolution|pooling|exact|recomputed|einsum)\\.ts$',
      },
      to: { path: 'node_modules/@tensorflow/' },
    },
    {
      name: 'no cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { pathNot: 'node_modules' } },
    },
    {
      name: 'no undeclared packages',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
