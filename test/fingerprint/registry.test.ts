import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Kinds } from '../../src/fingerprint/registry.ts';
import { identifyCode } from '../../src/kind/code.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const kind = (edit: number) =>
  `export default { version: 1, summary: 'edit ${edit}', with: {}, inputs: {}, outputs: {}, run: async () => {} };\n`;

it('never gives one text of a kind the digest of another, however fast it is edited', async () => {
  for (let round = 0; round < 5; round++) {
    const root = scratchFolder('registry');
    const file = join(root, 'stage.ts');
    let edit = 0;
    const write = () => {
      writeFileSync(`${file}~`, kind(++edit));
      renameSync(`${file}~`, file);
    };
    write();
    const editing = setInterval(write, 2);
    const stop = setTimeout(() => clearInterval(editing), 40);
    mkdirSync(join(root, 'cache'));
    const kinds = await Kinds.open(join(root, 'cache'));
    const found = await kinds.resolve('./stage.ts', root, root);
    clearTimeout(stop);
    clearInterval(editing);
    if (!('definition' in found)) throw new Error(found.message);
    writeFileSync(file, kind(Number(/edit (\d+)/.exec(await readFile(found.module, 'utf8'))![1])));
    expect(found.code.digest).toBe((await identifyCode(file, 'default', { root })).identity.digest);
  }
});
