import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canSeeProcesses, looksLikeABug, mapSome, Workshop } from '../support/reliability-rig.ts';
import {
  Case,
  countPoints,
  fullSweep,
  type Point,
  pipeline,
  recovers,
  sampled,
  sweepWorkshop,
} from '../support/reliability-sweep.ts';

let workshop: Workshop;
let expected: Record<string, string>;
let points: Point[];
beforeAll(async () => {
  workshop = sweepWorkshop('refused');
  ({ points, expected } = await countPoints(workshop));
});
afterAll(() => workshop.remove());

const saysWhat: Readonly<Record<string, RegExp>> = {
  ENOSPC: /the disk is full/,
  EIO: /the disk (reported an error|or a file-size limit refused)/,
  EACCES: /you may not write there/,
};

describe('a run whose writes are refused', () => {
  it('says in a sentence what was refused, keeps the store intact, and goes on with the next run', async () => {
    const codes = Object.keys(saysWhat);
    // The system refuses at the beginning of a write; after it there is nothing to refuse.
    const all = points.filter(({ kind }) => / before /.test(kind));
    const chosen = fullSweep ? all : sampled(all, 1_000).filter((_, index) => index % 2 === 0);
    const cases = chosen.flatMap((point, index) =>
      fullSweep ? codes.map((code) => ({ point, code })) : [{ point, code: codes[index % codes.length]! }],
    );
    let failed = 0;
    await mapSome(cases, 2, async ({ point: { role, number }, code }) => {
      const each = new Case(workshop, `${role}-${number}-${code}`);
      const ended = await each.run({ OROGRAPH_FAULT: `${code}@${role}:${number}` });
      const text = ended.stdout + ended.stderr;
      expect([0, 1, 2], `${each.name}: ${text}`).toContain(ended.code);
      if (ended.code !== 0) {
        failed++;
        expect(text, each.name).toMatch(saysWhat[code]!);
      }
      // A sub-result that could not be kept is computed again with the stage; so no item is promised.
      await recovers(each, ended, expected);
      each.remove();
    });
    console.log(`refused writes: ${failed} of ${cases.length} runs failed for it`);
    expect(failed).toBeGreaterThan(cases.length / 2);
    if (canSeeProcesses) expect(await workshop.orphans()).toEqual([]);
  }, 3_600_000);

  it('on a disk that is really full: says so, and goes on where there is room again', async (context) => {
    const disk = workshop.path('disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', disk], { stdio: 'ignore' });
    } catch {
      return context.skip('mounting a small disk needs root');
    }
    try {
      const each = new Case(workshop, 'disk');
      const fill = workshop.path('disk', 'fill');
      expect((await each.run()).code).toBe(0);
      for (const room of [0, 40_000]) {
        each.clear();
        writeFileSync(fill, '');
        try {
          writeFileSync(fill, Buffer.alloc(3 << 20));
        } catch {
          // That is the point.
        }
        if (room > 0) execFileSync('truncate', ['-s', `-${room}`, fill]);
        const full = await each.run();
        expect(looksLikeABug(full)).toBeUndefined();
        expect([1, 2]).toContain(full.code);
        expect(full.stdout + full.stderr).toMatch(/disk|No space|exit code/);
        rmSync(fill);
        await recovers(each, full, expected);
      }
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  it('by a file-size limit: says so', async () => {
    const each = new Case(workshop, 'limit');
    const ended = await workshop.start(each.command(), {
      env: each.env(),
      prefix: 'trap "" XFSZ; ulimit -f 24',
    }).ended;
    expect(looksLikeABug(ended)).toBeUndefined();
    expect([1, 2]).toContain(ended.code);
    expect(ended.stdout + ended.stderr).toMatch(/file-size limit/);
    await recovers(each, ended, expected);
  });

  it('by an artifacts folder that cannot be one: says so before a run starts, a cached one too', async () => {
    const each = new Case(workshop, 'artifacts-file');
    writeFileSync(workshop.path(each.name, 'artifacts'), 'a file\n');
    const ended = await each.run();
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/the artifacts folder .* cannot be written \(EEXIST\)/);
    expect(each.tally().size).toBe(0);
    rmSync(workshop.path(each.name, 'artifacts'));
    expect((await each.run()).code).toBe(0);
    rmSync(workshop.path(each.name, 'artifacts'), { recursive: true });
    writeFileSync(workshop.path(each.name, 'artifacts'), 'a file\n');
    const cached = await each.run();
    expect(looksLikeABug(cached)).toBeUndefined();
    expect(cached.code).toBe(2);
    expect(cached.stderr).toMatch(/the artifacts folder .* cannot be written \(EEXIST\)/);
    expect(cached.events.filter(({ type }) => type.startsWith('run-'))).toEqual([]);
  });

  it('by an artifacts folder on a read-only disk', async (context) => {
    const each = new Case(workshop, 'readonly');
    const artifacts = workshop.path(each.name, 'artifacts');
    mkdirSync(artifacts);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,ro', 'none', artifacts], { stdio: 'ignore' });
    } catch {
      return context.skip('mounting a read-only disk needs root');
    }
    try {
      const ended = await each.run();
      expect(ended.code).toBe(2);
      expect(ended.stderr).toMatch(/the artifacts folder .* cannot be written \(EROFS\)/);
      expect(each.tally().size).toBe(0);
    } finally {
      execFileSync('umount', ['-l', artifacts]);
    }
    await recovers(each, await each.run(), expected);
  });

  it('by a cache that is a file, or lies under one', async () => {
    const files = new Workshop('cache-file', {
      'sweep.yaml': pipeline,
      'source.txt': 'x\n',
      'kind.ts': '',
      cache: 'a file\n',
    });
    for (const cache of ['cache', 'cache/deeper']) {
      const ended = await files.run('sweep.yaml', ['--cache', cache]);
      expect(looksLikeABug(ended)).toBeUndefined();
      expect(ended.code).toBe(2);
      expect(ended.stderr).toMatch(/a (file|folder)/);
    }
    files.remove();
  });

  it('makes a cache folder that is missing', async () => {
    const each = new Case(workshop, 'missing/deep/er');
    rmSync(workshop.path('missing'), { recursive: true });
    mkdirSync(workshop.path('missing', 'deep', 'er'), { recursive: true });
    expect((await each.run()).code).toBe(0);
    expect(existsSync(workshop.path('missing/deep/er/cache/memo.sqlite'))).toBe(true);
  });
});
