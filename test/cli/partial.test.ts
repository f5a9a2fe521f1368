import { appendFileSync, chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CliWorkspace } from '../support/cli.ts';

const pipeline = `pipeline: fail
stages:
  b: { command: "exit 3", outputs: { x: x }, resources: { cpu: 99, gpu: 7, memory: 999TB } }
  c: { command: "echo > \${{ outputs.x }}", outputs: { x: x } }
`;

describe('a run of some stages', () => {
  const w = new CliWorkspace({ 'fail.yaml': pipeline });
  afterAll(() => w.remove());

  it('warns once of resources that no machine of this size has', async () => {
    const { code, stderr } = await w.run('run', 'fail.yaml');
    expect(code).toBe(1);
    expect(stderr.match(/more-than-there-is/g)).toHaveLength(1);
    expect(stderr).toMatch(
      /fail\.yaml:3:3: warning: .*99 cores, of .* MB of memory, of .*7 GPU tokens, of 1/,
    );
  });

  it('leaves in the record what earlier ones said of the others, failures among it', async () => {
    const first = JSON.parse(w.read('artifacts/fail/run.json')) as { run: string; finishedAt: string };
    for (let again = 0; again < 2; again++) {
      expect((await w.run('run', 'fail.yaml', 'c', '--force', 'c')).code).toBe(0);
      expect(JSON.parse(w.read('artifacts/fail/run.json'))).toMatchObject({
        selection: ['c'],
        stages: [
          { id: 'c', status: 'executed' },
          { id: 'b', status: 'failed', from: { run: first.run, finishedAt: first.finishedAt } },
        ],
      });
    }
    expect((await w.run('why', 'fail.yaml', 'b')).stdout).toContain('it failed');
    expect((await w.run('status', 'fail.yaml')).stdout).toContain('1 failed');
  });
});

describe('names of stages on the command line', () => {
  it('are told together with the mistakes of the file, and together where it has none', async () => {
    const w = new CliWorkspace({ 'bad.yaml': `${pipeline}titel: x\n`, 'fail.yaml': pipeline });
    for (const verb of ['run', 'plan']) {
      const bad = await w.run(verb, 'bad.yaml', 'd', '--force', 'nothing');
      expect(bad.code).toBe(2);
      for (const text of ['no stage "d"', 'no stage "nothing"', 'unknown key "titel"', '3 errors'])
        expect(bad.stderr).toContain(text);
      const good = await w.run(verb, 'fail.yaml', 'd', '--force', 'nothing');
      expect(good.code).toBe(2);
      for (const text of ['no stage "d"', 'no stage "nothing"', '2 errors'])
        expect(good.stderr).toContain(text);
    }
    w.remove();
  });
});

describe('what the command line says of files', () => {
  it('names a missing pipeline as it was typed, and a cure for the cache that was meant', async () => {
    const w = new CliWorkspace({ 'p.yaml': pipeline });
    expect((await w.run('status', '/nonexist.yaml')).stdout).toContain('/nonexist.yaml');
    await w.run('run', 'p.yaml', 'c', '--cache', 'else where');
    const objects = w.path('else where', 'objects');
    const blob = (readdirSync(objects, { recursive: true }) as string[])
      .map((name) => join(objects, name))
      .find((path) => statSync(path).isFile())!;
    chmodSync(blob, 0o644);
    appendFileSync(blob, 'x');
    const { stdout, code } = await w.run('verify', '--cache', 'else where');
    w.remove();
    expect(code).toBe(3);
    expect(stdout).toContain("orograph verify --repair --cache 'else where'");
  });
});
