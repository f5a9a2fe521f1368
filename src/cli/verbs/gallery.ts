import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import { readFigure } from '../../run/read-provenance.ts';
import { diskError } from '../../store/disk-errors.ts';
import { makeFolder, writeFileAtomic } from '../../util/fs-durable.ts';
import { galleryMarkdown, galleryOf, galleryPage } from '../gallery.ts';
import { workspaceOf } from '../pipeline-options.ts';
import { describeDiagnostics } from '../report.ts';
import { count } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath } from '../views/summary.ts';

/** Bytes of a picture in a folder that is committed, and of all frames of one that moves. */
const smallEnough = { still: 140_000, moving: 500_000 };

const pictureName = (figure: string): string => `${figure.replaceAll('/', '-')}.png`;

/** A small copy of a picture; one that has not changed is left alone, so that a repository sees no change. */
async function writeSmall(from: string, to: string): Promise<void> {
  const { smallPng } = await import('../../figure/small-png.ts');
  const { framesOf } = await import('../../figure/animated-png.ts');
  const file = readFileSync(from);
  const small = await smallPng(file, framesOf(file).length === 1 ? smallEnough.still : smallEnough.moving);
  if (existsSync(to) && readFileSync(to).equals(small)) return;
  makeFolder(dirname(to));
  await writeFileAtomic(to, small, { durable: false });
}

/** `orograph gallery`: reads what runs have published; runs nothing. */
export async function main({ args, cwd, out, err }: VerbContext): Promise<ExitCode> {
  const { artifacts } = await workspaceOf(args, cwd);
  const { pipelines, damaged } = galleryOf(artifacts);
  const warnings = damaged.map((path) => ({
    severity: 'warning' as const,
    code: 'damaged-record',
    message: `${shortPath(path, cwd)} is no record of a run: what it would tell is left out`,
    hint: 'the next run of its pipeline writes it anew',
  }));
  if (warnings.length > 0) err.line(describeDiagnostics(warnings, err, cwd));
  if (pipelines.length === 0)
    throw new UserError({
      severity: 'error',
      code: 'no-figures',
      message: `there are no published figures in ${shortPath(artifacts, cwd)}`,
      hint: 'orograph run pipelines/ makes them',
    });
  const output = args.value('output');
  const folder = output === undefined ? join(artifacts, 'gallery') : resolve(cwd, output);
  const markdown = args.has('markdown');
  const page = join(folder, markdown ? 'README.md' : 'index.html');
  try {
    for (const { figures } of pipelines)
      for (const { name, files } of figures) {
        if (markdown) {
          const picture = files['.png'];
          if (picture) await writeSmall(join(artifacts, picture), join(folder, pictureName(name)));
          continue;
        }
        for (const path of Object.values(files)) {
          const target = join(folder, path);
          makeFolder(dirname(target));
          copyFileSync(join(artifacts, path), target);
        }
        const [first] = Object.values(files);
        if (!first) continue;
        const { text } = await readFigure(join(artifacts, first), first);
        const record = join(folder, `${name}.provenance.json`);
        makeFolder(dirname(record));
        await writeFileAtomic(record, `${JSON.stringify(JSON.parse(text), null, 1)}\n`, { durable: false });
      }
    makeFolder(folder);
    const text = markdown
      ? galleryMarkdown(pipelines, ({ name, files }) => (files['.png'] ? pictureName(name) : undefined))
      : galleryPage(pipelines);
    await writeFileAtomic(page, text, { durable: false });
  } catch (error) {
    throw diskError(error, 'write the gallery', folder);
  }
  const figures = pipelines.reduce((sum, pipeline) => sum + pipeline.figures.length, 0);
  out.line(`${count(figures, 'figure')} of ${count(pipelines.length, 'pipeline')}: ${shortPath(page, cwd)}`);
  return exitCodes.good;
}
