import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import h5wasm, { type Dataset, type Group } from 'h5wasm/node';
import { afterAll, describe, expect, it } from 'vitest';
import type { Curves } from '../../../src/landscape/curves.ts';
import type { JsonObject } from '../../../src/util/json.ts';
import { csvOf } from '../../../stages/export/csv.ts';
import { writeHdf5 } from '../../../stages/export/hdf5.ts';
import { npyOf } from '../../../stages/export/npy.ts';
import { tableMembers } from '../../../stages/export/run.ts';
import { sheetsOf } from '../../../stages/export/sheets.ts';
import { vtpOf } from '../../../stages/export/vtp.ts';
import { curvesOf, surface } from '../render/curves.ts';

const folder = mkdtempSync(join(tmpdir(), 'orograph-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const curves: Curves = curvesOf(
  [-1, 0, 1],
  [(at) => 0.1 + at * at, (at) => (at > 0 ? Infinity : at < 0 ? Number.NaN : -Infinity)],
  ['gaussian', 'with, "quotes"'],
);
const small = (f: (a: number, b: number) => number): Curves => {
  const whole = surface(f);
  const values = [-1, 0, 1];
  return {
    ...whole,
    axes: whole.axes.map((axis) => ({ ...axis, values })),
    series: [{ ...whole.series[0]!, metrics: { loss: values.flatMap((a) => values.map((b) => f(a, b))) } }],
  };
};

describe('CSV', () => {
  it('has a row a direction and grid point, quotes what needs it, and keeps what is not finite', () => {
    expect(csvOf(curves).split('\n')).toEqual([
      'name,direction,λ,loss',
      'gaussian 1,gaussian,-1,1.1',
      'gaussian 1,gaussian,0,0.1',
      'gaussian 1,gaussian,1,1.1',
      '"with, ""quotes"" 2","with, ""quotes""",-1,NaN',
      '"with, ""quotes"" 2","with, ""quotes""",0,-inf',
      '"with, ""quotes"" 2","with, ""quotes""",1,inf',
      '',
    ]);
  });

  it('runs through a surface with the last axis fastest', () => {
    const lines = csvOf(small((a, b) => 10 * a + b)).split('\n');
    expect(lines.slice(1, 5).map((line) => line.split(',').slice(2).join())).toEqual([
      '-1,-1,-11',
      '-1,0,-10',
      '-1,1,-9',
      '0,-1,-1',
    ]);
  });
});

describe('NumPy arrays', () => {
  it('begin at a multiple of 64 bytes and hold float64 in C order', () => {
    const file = npyOf([1.5, Number.NaN, -0, 1e300, 5, 6], [3, 2]);
    expect(file.subarray(1, 6).toString()).toBe('NUMPY');
    const start = 10 + file.readUInt16LE(8);
    expect(start % 64).toBe(0);
    expect(file.subarray(10, start).toString('latin1')).toMatch(
      /^\{'descr': '<f8', 'fortran_order': False, 'shape': \(3, 2\), \} *\n$/u,
    );
    expect(file.length).toBe(start + 48);
    expect(file.readDoubleLE(start)).toBe(1.5);
    expect(file.readDoubleLE(start + 24)).toBe(1e300);
  });

  const numpy = spawnSync('python3', ['-c', 'import numpy']).status === 0;
  it.skipIf(!numpy)('are read by NumPy itself, where it is installed', () => {
    const script =
      'import io,sys,numpy; a=numpy.load(io.BytesIO(sys.stdin.buffer.read())); print(a.dtype, a.shape, a.tolist())';
    const read = (values: number[], shape: number[]): string =>
      spawnSync('python3', ['-c', script], { input: npyOf(values, shape) })
        .stdout.toString()
        .trim();
    expect(read([1, 2, 3, 4, 5, 6], [3, 2])).toBe('float64 (3, 2) [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]');
    expect(read([0.1], [1])).toBe('float64 (1,) [0.1]');
  });
});

describe('tables', () => {
  const table = {
    format: 'orograph-changes/1',
    slopes: [1, 2, 3],
    curvatures: [4, 5, 6],
    trace: { value: 7, standardError: null },
    changes: [
      { lambda: 0.1, values: [0.5, 0.25], expected: { mean: 1 } },
      { lambda: 0.2, values: [0.75], expected: { mean: 2 } },
    ],
    given: {
      x: ['a', 'b'],
      cosines: [
        [1, 0.5, 0],
        [0.25, 0, -1],
      ],
    },
    probes: [
      { nodes: [1, 2], weights: [0.5, 0.5] },
      { nodes: [3], weights: [1] },
    ],
    none: [],
    subject: { network: 'mlp, small' },
  };

  it('become sheets: what stands alone, lists, lists inside rows, matrices', () => {
    expect(Object.entries(tableMembers('csv', { name: 't', sheets: sheetsOf(table) }))).toEqual([
      ['t-values', 'trace.value,trace.standardError,subject.network\n7,,"mlp, small"\n'],
      ['t-slopes', 'slopes,curvatures\n1,4\n2,5\n3,6\n'],
      ['t-changes', 'lambda,expected.mean\n0.1,1\n0.2,2\n'],
      ['t-changes-values', 'row,values\n1,0.5\n1,0.25\n2,0.75\n'],
      ['t-given-x', 'given.x\na\nb\n'],
      ['t-given-cosines', '1,2,3\n1,0.5,0\n0.25,0,-1\n'],
      ['t-probes-nodes', 'row,nodes,weights\n1,1,0.5\n1,2,0.5\n2,3,1\n'],
    ]);
  });

  it('lose no number: each is in exactly one place', () => {
    const numbers = (value: unknown): number[] =>
      typeof value === 'number'
        ? [value]
        : typeof value === 'object' && value !== null
          ? Object.values(value).flatMap(numbers)
          : [];
    const found = sheetsOf(table).flatMap(({ columns }) =>
      columns.flatMap(({ name, values }) => (name === 'row' ? [] : numbers(values))),
    );
    expect(found.sort((a, b) => a - b)).toEqual(numbers(table).sort((a, b) => a - b));
  });

  it('have sheets and columns that share no name, and no name leads into a folder', () => {
    const files = (format: 'csv' | 'npy', given: JsonObject): string[] =>
      Object.keys(tableMembers(format, { name: 't', sheets: sheetsOf(given) }));
    const given = { n: 1, values: [2], 'a.b': [3, 4], 'a-b': [5, 6, 7], 'train/loss': [8, 9, 10, 11] };
    expect(files('csv', given)).toEqual(['t-values', 't-values-2', 't-a-b', 't-a-b-2', 't-train-loss']);
    expect(files('npy', { 'a-b': [{ c: 1 }], a: [{ 'b-c': 1 }], 'x/y': 1 })).toEqual([
      't-values-x-y',
      't-a-b-c',
      't-a-b-c-2',
    ]);
    const twice = sheetsOf({ a: { b: 1 }, 'a.b': 2, runs: [{ rows: [{ row: 3, more: [{}, 4] }] }] });
    expect(twice.map(({ columns }) => columns.map(({ name }) => name))).toEqual([
      ['a.b', 'a.b-2'],
      ['row', 'row-2'],
      ['row', 'value'],
    ]);
  });

  it('are arrays of NumPy by column, and groups of HDF5; nothing is NaN, text an attribute', async () => {
    const sheets = sheetsOf(table);
    const arrays = tableMembers('npy', { name: 't', sheets });
    expect(Object.keys(arrays)).toContain('t-changes-expected-mean');
    expect(Object.keys(arrays)).not.toContain('t-given-x-given-x');
    expect(Buffer.from(npyOf([1, 2], [2])).equals(arrays['t-changes-expected-mean'] as Buffer)).toBe(true);
    const path = join(folder, 'tables.h5');
    await writeHdf5(path, [], [{ name: 'table-1', sheets }]);
    const file = new h5wasm.File(path, 'r');
    const dataset = file.get('table-1/changes-values/values') as Dataset;
    expect([...(dataset.value as Float64Array)]).toEqual([0.5, 0.25, 0.75]);
    expect((file.get('table-1/given-x') as Group).attrs['given.x']!.value).toBe('["a","b"]');
    file.close();
  });
});

describe('VTK', () => {
  const numbersIn = (text: string, name: string): number[] =>
    new RegExp(`Name="${name}"[^>]*>([^<]*)<`, 'u').exec(text)![1]!.trim().split(/\s+/u).map(Number);

  it('makes quadrilaterals over the plane whose corners are the samples', () => {
    const grid = small((a, b) => 10 * a + b);
    const text = vtpOf(grid, grid.series[0]!, 'loss');
    const points = numbersIn(text, 'Points');
    const [cells, ends] = [numbersIn(text, 'connectivity'), numbersIn(text, 'offsets')];
    expect(points).toHaveLength(27);
    expect(ends).toEqual([4, 8, 12, 16]);
    for (let k = 0; k < 9; k++) expect(points[3 * k + 2]).toBe(10 * points[3 * k]! + points[3 * k + 1]!);
    // Each cell goes once around a unit square.
    for (let c = 0; c < 4; c++) {
      const corners = cells.slice(4 * c, 4 * c + 4).map((k) => [points[3 * k]!, points[3 * k + 1]!] as const);
      const area = corners.reduce((sum, [x, y], i) => {
        const [nextX, nextY] = corners[(i + 1) % 4]!;
        return sum + x * nextY - nextX * y;
      }, 0);
      expect(area / 2).toBe(1);
    }
  });

  it('leaves out the cells that a value which is not finite touches', () => {
    const grid = small((a, b) => (a === 1 && b === 1 ? Number.NaN : 0));
    const text = vtpOf(grid, grid.series[0]!, 'loss');
    expect(text).toContain('NumberOfPolys="3"');
    expect(numbersIn(text, 'connectivity')).not.toContain(8);
    expect(numbersIn(text, 'loss')[8]).toBeNaN();
  });

  it('is well-formed whatever metrics and directions are called', () => {
    const [one] = curves.series;
    const odd = { ...one!, name: 'a---b', metrics: { ...one!.metrics, 'a<"b"&c': one!.metrics.loss! } };
    const text = vtpOf(curves, odd, 'a<"b"&c');
    expect(text).toContain('<!-- a- - -b -->');
    expect(text).toContain('<PointData Scalars="a&lt;&quot;b&quot;&amp;c">');
    expect(text).toContain('<DataArray type="Float64" Name="a&lt;&quot;b&quot;&amp;c" format="ascii">');
  });

  it('makes a line of a curve', () => {
    const text = vtpOf(curves, curves.series[0]!, 'loss');
    expect(text).toContain('NumberOfLines="2"');
    expect(numbersIn(text, 'connectivity')).toEqual([0, 1, 1, 2]);
  });
});

describe('HDF5', () => {
  it('holds axes and metrics as they were, the same bytes at another time', async () => {
    const [first, second] = [join(folder, 'a.h5'), join(folder, 'b.h5')];
    const grid = small((a, b) => 10 * a + b);
    const files = [
      { name: 'curves-1', curves },
      { name: 'curves-2', curves: grid },
    ];
    await writeHdf5(first, files);
    const { now } = Date;
    Date.now = () => now() + 86_400_000;
    try {
      await writeHdf5(second, files);
    } finally {
      Date.now = now;
    }
    expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
    const file = new h5wasm.File(first, 'r', {});
    const loss = file.get('curves-2/1/loss') as Dataset;
    expect(loss.shape).toEqual([3, 3]);
    expect([...(loss.value as Float64Array)]).toEqual(grid.series[0]!.metrics.loss);
    const odd = file.get('curves-1/2/loss') as Dataset;
    expect([...(odd.value as Float64Array)]).toEqual([Number.NaN, -Infinity, Infinity]);
    expect((file.get('curves-1/axis-1') as Dataset).attrs.label!.value).toBe('λ');
    file.close();
  });

  it('loses nothing that is called by a path, by nothing or by the same name', async () => {
    const path = join(folder, 'odd.h5');
    const { loss } = curves.series[0]!.metrics as { loss: number[] };
    const odd = { ...curves, series: [{ ...curves.series[0]!, metrics: { loss, 'train/loss': loss } }] };
    const sheets = sheetsOf({ 'train/loss': 1, 'train-loss': 2, '': 3, '.': 4, 'a/b': 'text' });
    await writeHdf5(path, [{ name: 'curves-1', curves: odd }], [{ name: 'table-1', sheets }]);
    const file = new h5wasm.File(path, 'r', {});
    expect((file.get('curves-1/1') as Group).keys()).toEqual(['loss', 'train-loss']);
    const values = file.get('table-1/values') as Group;
    const held = (name: string): number => (values.get(name) as Dataset).value![0 as never];
    expect(['train-loss', 'train-loss-2', '-', '--2'].map(held)).toEqual([1, 2, 3, 4]);
    expect(values.attrs['a-b']!.value).toBe('["text"]');
    file.close();
  });
});
