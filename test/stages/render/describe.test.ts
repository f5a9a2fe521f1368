import { describe, expect, it } from 'vitest';
import { drawFigure, figureScene } from '../../../src/figure/draw.ts';
import type { LineMark, PlanePanel, SurfaceMark } from '../../../src/figure/figure.ts';
import type { Curves } from '../../../src/landscape/curves.ts';
import { describeFigure } from '../../../stages/render/describe.ts';
import { readSource } from '../../../stages/render/sources.ts';
import { subjectNotes } from '../../../stages/render/subject.ts';
import { collisions } from '../../figure/overlap.ts';
import { expectFigure } from '../../figure/snapshot.ts';
import { basin, curvesOf, double, parametersOf, side, sourceOf, steps, subject, surface } from './curves.ts';

const one = (curves: Curves, given: object = {}) =>
  describeFigure([sourceOf(curves)], [], parametersOf(given)).panels[0] as PlanePanel;

describe('the figure that render describes', () => {
  it('draws the quickstart as the paper does: three panels, dotted lines, means in brackets', () => {
    const all = [basin(), side(), double()];
    const files = all.map((curves, i) => sourceOf(curves, i));
    const rows = all.flatMap((curves, i) =>
      curves.series.map(({ name }) => ({ name, category: ['v-basin', 'v-side', 'w-basin'][i]! })),
    );
    const figure = describeFigure(files, rows, parametersOf({ caption: 'Three categories.' }));
    expect(figure.panels.map((panel) => panel.title)).toEqual([
      'v-basin [1.0]',
      'v-side [0.0]',
      'w-basin [3.0]',
    ]);
    expect(collisions(figureScene(figure))).toEqual([]);
    expectFigure('render-quickstart', drawFigure(figure));
  });

  it('calls curves what the user calls them or their inputs, and refuses another number of names', () => {
    const files = [
      { ...sourceOf(basin()), input: 'a' },
      { ...sourceOf(curvesOf(steps(-1, 1, 5), [(x) => x * x], 'gaussian')), input: 'b' },
    ];
    const named = (labels: object) => {
      const { marks } = describeFigure(files, [], parametersOf({ panels: [{ show: ['a', 'b'], labels }] }))
        .panels[0] as PlanePanel;
      return marks.flatMap((mark) => (mark.type === 'line' ? [mark.label] : []));
    };
    expect(named(['1', '2', '3', '4', '5', '6'])).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(named({ a: 'MLP', b: 'ResNet' })).toEqual([
      ...[1, 2, 3, 4, 5].map((i) => `MLP, gaussian ${i}`),
      'ResNet',
    ]);
    expect(named({ b: 'ResNet' }).at(-2)).toBe('gaussian 5');
    expect(() => named(['MLP', 'ResNet'])).toThrow('2 labels (MLP, ResNet) for 6 curves: ');
  });

  it('tells curves of one name apart by what their files say of themselves, else by their inputs', () => {
    const lines = (network: string, inputs = ['a', 'b']) => {
      const curves = curvesOf(steps(-1, 1, 5), [(x) => x * x], 'gaussian');
      const files = [curves, { ...curves, subject: { ...subject, network } }].map((file, i) => ({
        ...sourceOf(file),
        input: inputs[i]!,
        label: `${inputs[i]}[${i}]`,
      }));
      const show = [...new Set(inputs)];
      const { marks } = describeFigure(files, [], parametersOf({ panels: [{ show }] }))
        .panels[0] as PlanePanel;
      return marks.flatMap((mark) => (mark.type === 'line' ? [mark.label] : []));
    };
    expect(lines('ResNet-8')).toEqual(['mlp, gaussian 1', 'ResNet-8, gaussian 1']);
    expect(lines('mlp')).toEqual(['a, gaussian 1', 'b, gaussian 1']);
    expect(lines('mlp', ['a', 'a'])).toEqual(['a[0], gaussian 1', 'a[1], gaussian 1']);
  });

  it('draws what a training was like over its epochs, by metric', () => {
    const row = (epoch: number, train: number | null, test: number | null) => ({
      epoch,
      'learning-rate': epoch === 0 ? null : 0.1,
      'batch-loss': epoch === 0 ? null : 1,
      'train-loss': train,
      'test-loss': test,
      'train-accuracy': train === null ? null : 1 - train / 4,
      'test-accuracy': test === null ? null : 0.5,
    });
    const file = (rows: object[]) => readSource('h', 'h', JSON.stringify(rows));
    const drawn = (rows: object[], own: object = {}) => {
      const { panels } = describeFigure(
        [file(rows)],
        [],
        parametersOf({ panels: [{ show: ['h'], ...own }] }),
      );
      const panel = panels[0] as PlanePanel;
      const lines = panel.marks.map((mark) => (mark.type === 'line' ? [mark.label, mark.x, mark.y] : []));
      return [panel.x.label, panel.y.label, lines];
    };
    const rows = [row(0, 2, 3), row(1, 1, null), row(2, 0.5, 2.5)];
    expect(drawn(rows)).toEqual([
      'epoch',
      'loss',
      [
        ['train', [0, 1, 2], [2, 1, 0.5]],
        ['test', [0, 2], [3, 2.5]],
      ],
    ]);
    expect(drawn(rows, { metric: 'error', labels: ['a', 'b'] })).toEqual([
      'epoch',
      'error',
      [
        ['a', [0, 1, 2], [0.5, 0.25, 0.125]],
        ['b', [0, 2], [0.5, 0.5]],
      ],
    ]);
    expect(drawn(rows, { metric: 'learning-rate' })[2]).toEqual([['learning-rate', [1, 2], [0.1, 0.1]]]);
    // What nobody measured after its epochs was told while it trained.
    expect(drawn([row(0, null, null), row(1, null, null)])[2]).toEqual([['batch', [1], [1]]]);
    expect(() => drawn(rows, { metric: 'acuracy' })).toThrow('the history h has no metric "acuracy"');
    expect(() =>
      describeFigure(
        [file(rows), { ...sourceOf(basin()), input: 'c' }],
        [],
        parametersOf({ panels: [{ show: ['h', 'c'] }] }),
      ),
    ).toThrow('cannot be drawn as curves');
  });

  it('marks the model in black, the target in red and log C as levels', () => {
    const rules = one(double()).marks.filter((mark) => mark.type === 'rule');
    expect(rules.map(({ axis, at, role }) => [axis, at, role])).toEqual([
      ['x', 0, 'model'],
      ['x', 1, 'target'],
      ['y', Math.log(10), 'level'],
    ]);
  });

  it('draws reference lines of the user, in its insets as well', () => {
    const rules = [
      { at: 1, role: 'target', label: 'mean' },
      { at: 0.5, axis: 'y', label: 'half' },
    ];
    const panel = one(basin(), { panels: [{ rules, inset: { xrange: [0, 1], yrange: [0, 1] } }] });
    for (const { marks } of [panel, panel.inset!])
      expect(marks.filter(({ type }) => type === 'rule').slice(-2)).toEqual([
        { type: 'rule', axis: 'x', at: 1, role: 'target', label: 'mean' },
        { type: 'rule', axis: 'y', at: 0.5, role: 'level', label: 'half' },
      ]);
  });

  it('leaves log C out where it is far from all values, and for other metrics', () => {
    const level = (curves: Curves, given: object = {}) =>
      one(curves, given).marks.filter((mark) => mark.type === 'rule' && mark.role === 'level').length;
    const low = curvesOf(steps(-1, 1, 5), [(at) => 0.1 + at * at * 0.1], 'gaussian');
    expect(level(low)).toBe(0);
    const named: Curves = {
      ...basin(),
      series: basin().series.map((s) => ({ ...s, metrics: { ...s.metrics, accuracy: s.metrics.loss! } })),
    };
    expect(level(named)).toBe(1);
    expect(level(named, { metric: 'accuracy' })).toBe(0);
  });

  it('cuts values far above log C off, and says where', () => {
    const steep = curvesOf(steps(-1, 1, 41), [(at) => 0.5 + 500 * at * at], 'gaussian');
    const panel = one(steep);
    const cap = 1.25 * Math.log(10);
    expect(panel.remark).toBe(`clipped at ${Number(cap.toPrecision(3))}`);
    expect(panel.y.domain![1]).toBe(cap);
    expect(one(steep, { clip: 'never' }).remark).toBeUndefined();
    expect(one(steep, { clip: 40 }).y.domain![1]).toBe(40);
    expect(one(steep, { log: true }).remark).toBeUndefined();
  });

  it('counts the cap from the loss of the model where that is above log C', () => {
    const high = curvesOf(steps(-1, 1, 41), [(at) => 10 + 500 * at * at], 'gaussian');
    expect(one(high).y.domain![1]).toBe(12.5);
  });

  it('keeps every value, and values that are not finite as gaps', () => {
    const curves = curvesOf([-1, 0, 1], [(at) => (at < 0 ? Number.NaN : at > 0 ? Infinity : 2)], 'gaussian');
    const lines = one(curves).marks.filter((mark): mark is LineMark => mark.type === 'line');
    expect(lines[0]!.y).toEqual([null, 2, null]);
  });

  it('makes a panel of each surface, with the model marked', () => {
    const twice: Curves = { ...surface(), series: [...surface().series, ...surface((a, b) => a * b).series] };
    const figure = describeFigure([sourceOf(twice)], [], parametersOf({}));
    expect(figure.panels).toHaveLength(2);
    const mark = (figure.panels[1] as PlanePanel).marks[0] as SurfaceMark;
    expect(mark.values[0]).toBe(1);
    expect(mark.points).toEqual([{ x: 0, y: 0, role: 'model', label: 'perturbed model' }]);
    expect(collisions(figureScene(figure))).toEqual([]);
  });

  it('takes what the user says of a panel over its own opinion', () => {
    const panel = one(basin(), {
      panels: [{ title: 'mine', xlabel: '$t$', ylabel: 'cost', yrange: [0, 9], log: false, legend: true }],
      stationary: false,
    });
    expect(panel).toMatchObject({
      title: 'mine',
      legend: true,
      x: { label: '$t$' },
      y: { label: 'cost', domain: [0, 9] },
    });
  });

  it('says of a mixed panel how many curves have the category in its title', () => {
    const curves = basin();
    const rows = curves.series.map(({ name }, i) => ({ name, category: i < 4 ? 'v-basin' : 'other' }));
    const figure = describeFigure([sourceOf(curves)], rows, parametersOf({ stationary: false }));
    expect(figure.panels[0]!.title).toBe('v-basin (4 of 5)');
  });

  it('refuses a metric that the curves do not have', () => {
    expect(() => one(basin(), { metric: 'accuracy' })).toThrow('has no metric "accuracy"');
  });

  it('refuses a range of a logarithmic axis that begins at 0, once its curves show that it is one', () => {
    const given = { log: true, panels: [{ yrange: [0, 3] }] };
    expect(() => one(basin(), given)).toThrow(
      '"yrange" of the panel of panels[0] begins at 0, but the axis is logarithmic',
    );
    expect(one(surface(), given).y.domain).toEqual([0, 3]);
  });

  it('refuses categories of other curves', () => {
    const files = [sourceOf(basin())];
    expect(() =>
      describeFigure(files, [{ name: 'stranger', category: 'v-basin' }], parametersOf({})),
    ).toThrow('do not belong');
  });
});

describe('the note on what was evaluated', () => {
  it('names network, data, number of images and engine once where all panels share them', () => {
    expect(subjectNotes([subject, subject])).toEqual([
      'Evaluated: network mlp on cifar10-mini, train split, 2,048 images, epoch 10, engine wasm.',
    ]);
  });

  it('says panel by panel what differs', () => {
    // Of weights that were imported nobody may know.
    expect(subjectNotes([{ ...subject, epoch: null }])[0]).not.toContain('epoch');
    expect(subjectNotes([subject, { ...subject, epoch: 50 }, subject])[1]).toBe(
      'Panels 1, 3: epoch 10; panel 2: epoch 50.',
    );
    const at = (epoch: number) => ({ ...subject, epoch });
    expect(subjectNotes([10, 10, 10, 50, 50, 10, 50].map(at))[1]).toBe(
      'Panels 1 to 3, 6: epoch 10; panels 4, 5, 7: epoch 50.',
    );
  });

  it('says what many panels share once, and together what goes together', () => {
    const recalibrated = (examples: number) => ({
      statistics: 'recalibrated',
      recalibration: { average: 'cumulative', examples, batch: 128 },
    });
    const mlp = { ...subject, examples: 2048 };
    const resnet = { ...subject, network: 'ResNet-8', examples: 256, ...recalibrated(256) };
    const mobilenet = { ...subject, network: 'MobileNetV2', examples: 128, ...recalibrated(128) };
    const epochs = (of: object) => [5, 15, 40].map((epoch) => ({ ...subject, ...of, epoch }));
    expect(subjectNotes([mlp, resnet, mobilenet].flatMap(epochs))).toEqual([
      'Evaluated: on cifar10-mini, train split, engine wasm.',
      'Panels 1 to 3: network mlp, 2,048 images; panels 4 to 6: network ResNet-8, 256 images; ' +
        'panels 7 to 9: network MobileNetV2, 128 images. ' +
        'Panels 1, 4, 7: epoch 5; panels 2, 5, 8: epoch 15; panels 3, 6, 9: epoch 40. ' +
        'Panels 4 to 9: batch-norm statistics recalibrated at each point (cumulative, on as many images, batches of 128).',
    ]);
    const fewer = { ...resnet, ...recalibrated(100) };
    expect(subjectNotes([fewer])[0]).toContain('(cumulative, on 100 images, batches of 128)');
    expect(subjectNotes([{ ...resnet, statistics: 'kept' }])[0]).toContain('batch-norm statistics kept,');
  });
});
