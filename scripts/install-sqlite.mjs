// Makes better-sqlite3's native part, after npm has laid out the packages (its own install script is switched off in
// package.json's allowScripts). That script fails where neither its prebuilt binary (github.com) nor Node's headers
// (nodejs.org) can be fetched; yet most installations of Node have the headers beside them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve('better-sqlite3/package.json'));

function works() {
  const trial = "new (require('better-sqlite3'))(':memory:').prepare('SELECT 1').get()";
  return spawnSync(process.execPath, ['-e', trial], { cwd: folder, stdio: 'ignore' }).status === 0;
}

function run(script, args) {
  // What the compiler says matters only where it fails.
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { done: status === 0 && works(), said: `${stdout}${stderr}` };
}

/** Where this Node's headers lie, if they are of this version. */
function headers() {
  const prefix = dirname(dirname(process.execPath));
  const file = join(prefix, 'include', 'node', 'node_version.h');
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8');
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return `v${version.join('.')}` === process.version ? prefix : null;
}

function nodeGyp() {
  const given = process.env.npm_config_node_gyp;
  if (given && existsSync(given)) return given;
  const beside = join(
    dirname(process.execPath),
    '..',
    'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js',
  );
  return existsSync(beside) ? beside : null;
}

if (!works()) {
  const prebuilt = createRequire(join(folder, 'package.json')).resolve('prebuild-install/bin.js');
  if (!run(prebuilt, []).done) {
    const gyp = nodeGyp();
    const local = headers();
    console.log(
      'better-sqlite3: no prebuilt binary can be fetched here, so it is compiled; this takes some minutes',
    );
    const built = gyp && run(gyp, ['rebuild', '--release', ...(local ? [`--nodedir=${local}`] : [])]);
    if (!built?.done) {
      console.error(built?.said ?? 'node-gyp was not found: it comes with npm');
      console.error(
        '\nbetter-sqlite3 could not be compiled. It needs Python 3, make, a C++ compiler, and the headers of this Node' +
          `\n(${process.version}), which come with Node's own archives and packages. Install them and run npm ci again.`,
      );
      process.exit(1);
    }
  }
}
