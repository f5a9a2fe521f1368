import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { candidates } from '../../src/cli/verbs/complete.ts';

const folder = mkdtempSync(join(tmpdir(), 'orograph-complete-'));
mkdirSync(join(folder, 'pipelines'));
writeFileSync(
  join(folder, 'pipelines', 'fig.yaml'),
  'pipeline: fig\nparams: { epochs: 1, points: 2 }\nprofiles: { smoke: {} }\nstages:\n  model: {}\n  curve: {}\n',
);
writeFileSync(join(folder, 'pipelines', 'broken.yaml'), 'stages: [');
afterAll(() => rmSync(folder, { recursive: true }));

const complete = (...words: string[]) => candidates(words, folder);

describe('completion', () => {
  it('offers verbs that begin with what is typed', () => {
    expect(complete('s')).toEqual(['status', 'show', 'schema']);
    expect(complete('help', 'd')).toEqual(['dag', 'data', 'doctor']);
  });

  it('offers folders and pipeline files', () => {
    expect(complete('run', '')).toEqual(['pipelines/']);
    expect(complete('run', 'pipelines/')).toEqual(['pipelines/broken.yaml', 'pipelines/fig.yaml']);
  });

  it('offers the stages, profiles and parameters of the file on the line', () => {
    expect(complete('run', 'pipelines/fig.yaml', '')).toEqual(['model', 'curve']);
    expect(complete('why', 'pipelines/fig.yaml', 'c')).toEqual(['curve']);
    expect(complete('run', 'pipelines/fig.yaml', '--profile', '')).toEqual(['smoke']);
    expect(complete('run', 'pipelines/fig.yaml', '--set', 'p')).toEqual(['points=']);
  });

  it('offers options that are not there yet, and their values', () => {
    expect(complete('run', 'pipelines/fig.yaml', '--keep-going', '--k')).toEqual([]);
    expect(complete('dag', 'pipelines/fig.yaml', '--format', 's')).toEqual(['svg']);
    expect(complete('data', '')).toEqual(['list', 'get', 'verify', 'clean']);
  });

  it('takes an option and its value in one word, and as bash splits them', () => {
    expect(complete('run', 'pipelines/fig.yaml', '--profile=s')).toEqual(['--profile=smoke']);
    expect(complete('run', 'pipelines/fig.yaml', '--profile', '=', 's')).toEqual(['smoke']);
    expect(complete('run', 'pipelines/fig.yaml', '--profile', '=')).toEqual(['smoke']);
    expect(complete('run', '--profile=smoke', 'pipelines/fig.yaml', 'c')).toEqual(['curve']);
    expect(complete('run', 'pipelines/fig.yaml', '--set', 'epochs', '=', '3', 'c')).toEqual(['curve']);
  });

  it('looks for the verb behind options', () => {
    expect(complete('--no-color', 'ru')).toEqual(['run']);
    expect(complete('--no-color', 'run', 'pipelines/fig.yaml', 'c')).toEqual(['curve']);
    expect(complete('--v')).toEqual(['--version']);
  });

  it('offers nothing where it knows nothing', () => {
    expect(complete('run', 'pipelines/broken.yaml', '')).toEqual([]);
    expect(complete('run', 'nowhere.yaml', '')).toEqual([]);
    expect(complete('nonsense', '')).toEqual([]);
    expect(complete('doctor', '')).toEqual([]);
  });
});
