import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/events/event.ts';
import { canSeeProcesses, type Ended, looksLikeABug, Workshop } from '../support/reliability-rig.ts';

let workshop: Workshop;
afterEach(async () => {
  if (canSeeProcesses) expect(await workshop.orphans(), 'orphans').toEqual([]);
  workshop.remove();
});

type Of<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;
function all<Type extends RunEvent['type']>(ended: Ended, type: Type): Of<Type>[] {
  return ended.events.filter((event): event is Of<Type> => event.type === type);
}

/** The only stage that failed; the process has ended in order. */
function failure(ended: Ended, code = 1): Of<'stage-failed'> {
  expect(looksLikeABug(ended), 'no stack trace').toBeUndefined();
  expect(ended.code, ended.stdout + ended.stderr).toBe(code);
  const failed = all(ended, 'stage-failed');
  expect(failed.length, ended.stdout + ended.stderr).toBe(1);
  return failed[0]!;
}

const oneCommand = (text: string, more = ''): string =>
  `pipeline: p\nstages:\n  s:\n    command: |\n${text
    .trim()
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n')}\n    outputs: { out: out.txt }\n    env: [TALLY]\n${more}`;

/** A pipeline of one stage whose kind has this body. */
function oneKind(body: string, more = ''): Record<string, string> {
  return {
    'p.yaml': `pipeline: p\nstages:\n  s:\n    uses: ./kind.ts\n    env: [TALLY]\n${more}`,
    'kind.ts': `import { spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { defineStage, Type } from 'orograph';
void [spawn, appendFileSync, writeFileSync];
export default defineStage({
  version: 1,
  summary: 'Fails in its own way.',
  with: Type.Object({}),
  inputs: {},
  outputs: { out: { type: 'file', extension: '.txt' } },
  async run(context) {
${body}
  },
});
`,
  };
}

describe('a program that fails', () => {
  it('by its exit code after writing its outputs leaves nothing in the memo, and runs again', async () => {
    workshop = new Workshop('exit', {
      'p.yaml': oneCommand(
        'echo ran >> "$TALLY"\necho good > ${{ outputs.out }}\necho why it failed >&2\nexit 7',
      ),
    });
    const { code, message, log } = failure(await workshop.run('p.yaml'));
    expect([code, message]).toEqual(['command-failed', 'the command ended with exit code 7']);
    expect(readFileSync(log!, 'utf8')).toBe('why it failed\n');
    failure(await workshop.run('p.yaml'));
    expect(workshop.count('ran')).toBe(2);
    expect(workshop.outputs()).toEqual({});
    expect(await workshop.findings()).toEqual([]);
  });

  it('because it names a file of the workspace that is no input, is told how to declare it', async () => {
    workshop = new Workshop('script', {
      'tool/a.sh': 'echo > $1\n',
      'p.yaml': oneCommand('sh tool/a.sh ${{ outputs.out }}'),
    });
    expect(failure(await workshop.run('p.yaml')).hint).toContain('inputs: { script: { file: tool/a.sh } }');
  });

  it('to write an output is told which', async () => {
    workshop = new Workshop('missing', { 'p.yaml': oneCommand('true') });
    expect(failure(await workshop.run('p.yaml')).message).toBe('did not write its output out');
  });

  it('to stay within its outputs gets a warning, and only what is declared is kept', async () => {
    workshop = new Workshop('undeclared', {
      'p.yaml': oneCommand(
        'echo a > ${{ outputs.out }}\nmkdir deep\necho b > deep/extra.txt\nln -s /etc/passwd link',
      ),
    });
    const ended = await workshop.run('p.yaml');
    expect(ended.code).toBe(0);
    const [warning] = all(ended, 'diagnostic');
    expect(warning!.diagnostic).toMatchObject({ severity: 'warning', code: 'undeclared-output' });
    expect(warning!.diagnostic.message).toContain('deep/extra.txt, link');
    expect(workshop.outputs()).toEqual({ 'p/s/out.txt': 'a\n' });
  });

  it('to leave its input alone: the input is removed from the cache, not believed, and computed again', async () => {
    const pipeline = (spoil: string): string => `pipeline: p
stages:
  first:
    command: echo first >> "$TALLY"; echo right > \${{ outputs.out }}
    outputs: { out: out.txt }
    env: [TALLY]
  second:
    command: ${spoil} cat \${{ inputs.in }} > \${{ outputs.out }}
    inputs: { in: first }
    outputs: { out: out.txt }
`;
    // As long as the content it replaces, and with its old times: nothing but its digest tells.
    const spoil =
      'touch -r ${{ inputs.in }} stamp; chmod u+w ${{ inputs.in }}; printf "wrong\\n" > ${{ inputs.in }}; touch -r stamp ${{ inputs.in }};';
    for (const ending of ['', ' exit 1;']) {
      workshop?.remove();
      workshop = new Workshop('input', { 'p.yaml': pipeline(`${spoil}${ending}`) });
      const { message, hint } = failure(await workshop.run('p.yaml'));
      expect(message).toBe(
        'its input in is not what was stored: it was changed on the disk, perhaps by this stage',
      );
      expect(hint).toContain('computed once more');
      workshop.write({ 'p.yaml': pipeline('') });
      expect((await workshop.run('p.yaml')).code).toBe(0);
      expect(workshop.count('first')).toBe(2);
      expect(workshop.outputs()['p/second/out.txt']).toBe('right\n');
      expect(await workshop.damage()).toEqual([]);
    }
  });

  it('because a file of the workspace changed meanwhile; one that was only touched does no harm', async () => {
    const files = (change: string): Record<string, string> => ({
      'in.txt': 'before\n',
      'p.yaml': oneCommand(
        `cat \${{ inputs.in }} > \${{ outputs.out }}\n${change}`,
        '    inputs: { in: { file: in.txt } }\n',
      ),
    });
    workshop = new Workshop('file');
    workshop.write(files(`echo after > ${workshop.path('in.txt')}`));
    const { message } = failure(await workshop.run('p.yaml'));
    expect(message).toMatch(/in\.txt changed while the stage ran$/);
    expect(workshop.outputs()).toEqual({});
    workshop.write(files(`touch ${workshop.path('in.txt')}`));
    expect((await workshop.run('p.yaml')).code).toBe(0);
    workshop.write(files(`rm ${workshop.path('in.txt')}`));
    expect(failure(await workshop.run('p.yaml')).message).toMatch(/in\.txt changed while the stage ran$/);
  });

  it('by hanging is stopped with all it started, also where it ignores the signal, as often as retries say', async () => {
    workshop = new Workshop('hang', {
      'p.yaml': oneCommand(
        `echo ran >> "$TALLY"\nsleep 500 &\n(trap '' TERM; sleep 600; sleep 600) &\ntrap '' TERM\nsleep 700\nsleep 700`,
        '    timeout: 300ms\n    retries: 1\n',
      ),
    });
    const started = Date.now();
    const ended = await workshop.run('p.yaml');
    expect(failure(ended).message).toBe('did not finish within its timeout of 0.3 s');
    expect(workshop.count('ran')).toBe(2);
    expect(all(ended, 'stage-retry')).toMatchObject([{ attempt: 1, delayMs: 500 }]);
    expect(all(ended, 'stage-started').map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(Date.now() - started).toBeLessThan(60_000);
  });

  it('may fail and be tried again until it does not', async () => {
    workshop = new Workshop('retry', {
      'p.yaml': oneCommand(
        'echo ran >> "$TALLY"\n[ $(wc -l < "$TALLY") -ge 3 ] || exit 1\necho good > ${{ outputs.out }}',
        '    retries: 5\n',
      ),
    });
    const ended = await workshop.run('p.yaml');
    expect(ended.code).toBe(0);
    expect(all(ended, 'stage-retry').map(({ delayMs }) => delayMs)).toEqual([500, 1000]);
    expect(workshop.count('ran')).toBe(3);
  });

  it('because something killed it (out of memory, say) is told by the signal', async () => {
    workshop = new Workshop('killed', { 'p.yaml': oneCommand('echo good > ${{ outputs.out }}\nkill -9 $$') });
    expect(failure(await workshop.run('p.yaml')).message).toBe(
      'the command ended with exit code 137 (killed by signal 9)',
    );
    // And with it the shell that started it.
    workshop.write({
      'p.yaml': oneCommand('echo good > ${{ outputs.out }}\nsleep 300 &\nkill -9 $PPID\nsleep 400'),
    });
    expect(failure(await workshop.run('p.yaml')).message).toBe('was killed from outside');
  });

  it('leaves no process behind that it put into the background', async () => {
    workshop = new Workshop('background', {
      'p.yaml': oneCommand('sleep 500 &\nnohup sleep 600 >/dev/null 2>&1 &\necho good > ${{ outputs.out }}'),
    });
    expect((await workshop.run('p.yaml')).code).toBe(0);
  });

  it.runIf(canSeeProcesses)(
    'cannot change a stored output through a process that it left behind',
    async () => {
      // With an old length and no descriptor but that of the output: nothing but its digest would tell.
      workshop = new Workshop('late', {
        'p.yaml': `${oneCommand(`
head -c 100000 /dev/zero > \${{ outputs.out }}
(sleep 0.3; printf late) 1<> \${{ outputs.out }} 2>/dev/null &`)}
  after:
    command: sleep 0.4; tr -d '\\0' < \${{ inputs.in }} > \${{ outputs.out }}
    inputs: { in: s }
    outputs: { out: out.txt }
`,
      });
      const ended = await workshop.run('p.yaml');
      expect(ended.code, ended.stdout).toBe(0);
      expect(workshop.outputs()['p/after/out.txt']).toBe('');
      expect(await workshop.damage()).toEqual([]);
      expect(all(ended, 'diagnostic').map(({ diagnostic }) => diagnostic)).toMatchObject([
        {
          severity: 'warning',
          code: 'left-behind',
          message: expect.stringMatching(/^s left sh, sleep running/),
        },
      ]);
    },
  );

  it('waits a moment for helpers that end by themselves', async () => {
    workshop = new Workshop('helper', {
      'p.yaml': oneCommand('(sleep 0.05; echo helped >> "$TALLY") &\necho good > ${{ outputs.out }}'),
    });
    const ended = await workshop.run('p.yaml');
    expect(workshop.count('helped')).toBe(1);
    expect(all(ended, 'diagnostic')).toEqual([]);
  });

  it('prints 100 MB: the log keeps its beginning and its end', async () => {
    workshop = new Workshop('prints', {
      'p.yaml': oneCommand(
        'echo the beginning\nhead -c 100000000 /dev/zero | tr "\\0" "x"\necho the end\necho good > ${{ outputs.out }}\nexit 3',
      ),
    });
    const { log } = failure(await workshop.run('p.yaml'));
    expect(statSync(log!).size).toBeLessThan(6_000_000);
    const text = readFileSync(log!, 'utf8');
    expect(text.startsWith('the beginning\n')).toBe(true);
    expect(text.endsWith('the end\n')).toBe(true);
    expect(text).toContain(' bytes left out …');
  });
});

describe('a kind of the user’s own that fails', () => {
  const cases: [name: string, body: string, message: RegExp, hint?: RegExp][] = [
    ['throws', "    throw new Error('no such luck');", /^no such luck$/],
    ['throws what is no error', "    throw 'a text';", /^a text$/],
    [
      'throws later, outside run',
      "    setTimeout(() => { throw new Error('late'); }, 5);\n    await new Promise(() => {});",
      /ended with exit code 1/,
    ],
    [
      'calls process.exit(0)',
      "    writeFileSync(context.output('out'), 'x');\n    process.exit(0);",
      /ended with exit code 0/,
      /process\.exit/,
    ],
    ['calls process.abort()', '    process.abort();', /was killed by SIGABRT/],
    [
      'is killed',
      "    process.kill(process.pid, 'SIGKILL');\n    await new Promise(() => {});",
      /was killed by SIGKILL/,
      /memory/,
    ],
    [
      'waits for what cannot happen',
      "    writeFileSync(context.output('out'), 'x');\n    await new Promise(() => {});",
      /never finished/,
    ],
    [
      'leaves a child with its pipes behind',
      "    spawn('sleep', ['500'], { stdio: 'inherit' });\n    process.exit(5);",
      /ended with exit code 5/,
    ],
    [
      'closes its own output',
      "    process.stdout.destroy();\n    process.stderr.destroy();\n    throw new Error('mute');",
      /^mute$/,
    ],
    ['writes nothing', '    void context;', /did not write its output out/],
  ];
  it.each(cases)('%s: it is told, and nothing is kept', async (_, body, message, hint?: RegExp) => {
    workshop = new Workshop('kind', oneKind(body));
    const failed = failure(await workshop.run('p.yaml'));
    expect(failed.message).toMatch(message);
    if (hint) expect(failed.hint).toMatch(hint);
    expect(workshop.outputs()).toEqual({});
    expect(await workshop.damage()).toEqual([]);
  });

  it('throws: the log has the lines of its own files that the error came through, and no others', async () => {
    workshop = new Workshop(
      'frames',
      oneKind("    const helper = () => context.output('other');\n    helper();"),
    );
    const failed = failure(await workshop.run('p.yaml'));
    expect(failed).toMatchObject({ code: 'stage-threw', at: { file: 'p.yaml', line: 3 } });
    expect(readFileSync(failed.log!, 'utf8')).toMatch(
      /^Error: "other" is no declared output \(out\)\n {4}at helper \(kind\.ts:12:34\)\n {4}at .*run \(kind\.ts:13:5\)\n$/,
    );
  });

  it('is interrupted and says so: the log tells of no error', async () => {
    workshop = new Workshop(
      'interrupted',
      oneKind(
        "    context.log('waits');\n    context.progress(0, 1, 'steps');\n    setInterval(() => {}, 1000);\n    await new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)));",
      ),
    );
    const run = workshop.start(['run', 'p.yaml', '--json']);
    await run.event(({ type }) => type === 'stage-progress');
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect((await workshop.start(['logs', 'p.yaml', 's']).ended).stdout).toBe('waits\n');
  });

  it('hangs in a loop that yields to nobody: its timeout ends it', async () => {
    workshop = new Workshop(
      'loop',
      oneKind("    appendFileSync(process.env.TALLY!, 'ran\\n');\n    for (;;);", '    timeout: 2s\n'),
    );
    expect(failure(await workshop.run('p.yaml')).message).toMatch(/timeout of 2 s/);
    expect(workshop.count('ran')).toBe(1);
  });

  it('uses up its heap: the message names what to raise', async () => {
    workshop = new Workshop(
      'heap',
      oneKind(
        '    const kept = [];\n    for (;;) kept.push(new Array(1e5).fill(kept.length));',
        '    resources: { memory: 64 }\n',
      ),
    );
    expect(failure(await workshop.run('p.yaml'))).toMatchObject({
      code: 'heap-exhausted',
      message: 'used up its JavaScript heap',
      hint: 'raise resources.memory (now 64 MB)',
    });
  });

  it('prints 100 MB of binary and succeeds: nothing of it is lost but the middle', async () => {
    workshop = new Workshop(
      'binary',
      oneKind(`    const block = Buffer.alloc(999_983, '\\0orograph \\xff\\u0000');
    for (let i = 0; i < 50; i++) for (const stream of [process.stdout, process.stderr]) stream.write(block);
    writeFileSync(context.output('out'), 'good');`),
    );
    const ended = await workshop.run('p.yaml');
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    expect(workshop.outputs()).toEqual({ 'p/s/out.txt': 'good' });
    const log = await workshop.start(['logs', 'p.yaml', 's']).ended;
    expect(log.code).toBe(0);
    expect(log.stdout.length).toBeLessThan(12_000_000);
  });
});

describe('a run with failures', () => {
  const forked = (more = ''): string => `pipeline: p
stages:
  bad:
    command: exit 1
    outputs: { out: out.txt }
  after:
    command: echo after >> "$TALLY"; touch \${{ outputs.out }}
    inputs: { in: bad }
    outputs: { out: out.txt }
    env: [TALLY]
  apart:
    command: ${more}echo apart >> "$TALLY"; touch \${{ outputs.out }}
    outputs: { out: out.txt }
    env: [TALLY]
  later:
    command: echo later >> "$TALLY"; touch \${{ outputs.out }}
    inputs: { in: apart }
    outputs: { out: out.txt }
    env: [TALLY]
`;
  it('stops, or with --keep-going finishes what does not depend on it', async () => {
    workshop = new Workshop('going', { 'p.yaml': forked() });
    failure(await workshop.run('p.yaml', ['--jobs', '1']));
    expect(workshop.tally()).toEqual([]);
    const ended = await workshop.run('p.yaml', ['--jobs', '1', '--keep-going']);
    failure(ended);
    expect(workshop.tally()).toEqual(['apart', 'later']);
    expect(all(ended, 'stage-skipped')).toMatchObject([{ stage: 'after', reason: 'bad failed' }]);
    expect(all(ended, 'run-finished')).toMatchObject([{ executed: 2, failed: 1, skipped: 1, cached: 0 }]);
  });

  it('runs a stage again that is forced, and nothing else where it gives the same', async () => {
    workshop = new Workshop('force', { 'p.yaml': forked() });
    await workshop.run('p.yaml', ['later']);
    const ended = await workshop.run('p.yaml', ['later', '--force', 'apart']);
    expect(ended.code).toBe(0);
    expect(workshop.tally()).toEqual(['apart', 'later', 'apart']);
  });

  it('computes a key once that two stages of one pipeline share', async () => {
    workshop = new Workshop('twins', {
      'p.yaml': `pipeline: p
stages:
  one: &same
    command: echo ran >> "$TALLY"; sleep 0.2; echo same > \${{ outputs.out }}
    outputs: { out: out.txt }
    env: [TALLY]
  two: *same
  three: *same
`,
    });
    const ended = await workshop.run('p.yaml', ['--jobs', '3']);
    expect(ended.code).toBe(0);
    expect(workshop.tally()).toEqual(['ran']);
    expect(all(ended, 'run-finished')).toMatchObject([{ executed: 1, cached: 2 }]);
    expect(Object.keys(workshop.outputs()).length).toBe(3);
  });

  it('holds a memory that does not grow with what stages print', async () => {
    workshop = new Workshop(
      'memory',
      oneKind(
        "    const block = Buffer.alloc(1_000_000, 'x');\n    for (let i = 0; i < 100; i++) process.stdout.write(block);\n    await new Promise((done) => setTimeout(done, 1e6));",
      ),
    );
    const run = workshop.start(['run', 'p.yaml', '--json']);
    await run.event(({ type }) => type === 'stage-started');
    for (let waited = 0; waited < 200; waited++) {
      await sleep(50);
      if (
        existsSync(workshop.path('cache', 'logs')) &&
        peakOf(run.child.pid!) > 0 &&
        logBytes(workshop) >= 4_000_000
      )
        break;
    }
    await sleep(300);
    expect(peakOf(run.child.pid!)).toBeLessThan(220);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
  });
});

/** Peak resident megabytes of a process; 0 where the system does not say. */
function peakOf(pid: number): number {
  if (!existsSync(`/proc/${pid}/status`)) return 0;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
}

function logBytes(workshop: Workshop): number {
  return Object.values(workshop.sizes('cache/logs')).reduce((sum, size) => sum + size, 0);
}
