import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type ExitCode, exitCodes, UserError } from '../../diagnostics/diagnostic.ts';
import type { StoredFile, StoredOutput } from '../../kind/artifact.ts';
import { decodeCurves } from '../../landscape/curves.ts';
import type { Preview } from '../../run/contract.ts';
import { previewPipeline } from '../../run/preview.ts';
import { publishedFiles } from '../../run/publishing.ts';
import type { Store } from '../../store/contract.ts';
import { openStore } from '../../store/open.ts';
import { digestOf } from '../../util/digest.ts';
import { again } from '../again.ts';
import { pipelineOptions } from '../pipeline-options.ts';
import { findNamed } from '../preview-of.ts';
import { curvesLines } from '../show/curves.ts';
import { parseTables, tableLines } from '../show/table.ts';
import { tensorLines } from '../show/tensors.ts';
import { columns } from '../terminal.ts';
import { count, size } from '../units.ts';
import type { VerbContext } from '../verb.ts';
import { shortPath, words } from '../views/summary.ts';

/** `orograph show FILE STAGE.OUTPUT` */
export async function main({ args, cwd, out }: VerbContext): Promise<ExitCode> {
  const [file, reference] = args.positionals as [string, string];
  const options = await pipelineOptions(args, cwd, file);
  const preview = await previewPipeline(options);
  const { instances, output, member } = findNamed(preview.plan, reference);
  const store = openStore(options.workspace.cache, { reading: true });
  try {
    const shown = instances.flatMap(({ id }) => {
      const row = preview.stages.find((stage) => stage.id === id)?.row;
      if (!row) return [];
      return Object.entries(row.outputs)
        .filter(([name]) => output === null || name === output)
        .map(([name, stored]) => ({ id, name, stored }));
    });
    if (shown.length === 0)
      throw notThere(
        preview,
        instances.map(({ id }) => id),
        again(args, 'run', file, instances[0]!.id),
      );
    for (const [i, { id, name, stored }] of shown.entries()) {
      if (args.has('json')) {
        for (const { path } of filesOf(stored, member, store, `${id}.${name}`))
          out.stream.write(await readFile(path));
        continue;
      }
      if (shown.length > 1) out.line(`${i > 0 ? '\n' : ''}${out.paint('underline', `${id}.${name}`)}`);
      for (const line of await outputLines(`${id}.${name}`, stored, member)) out.line(line);
    }
  } finally {
    store.close();
  }
  return exitCodes.good;

  async function outputLines(label: string, stored: StoredOutput, member: string | null): Promise<string[]> {
    if (stored.folder && member === null)
      return [
        ...columns(
          Object.entries(stored.members).map(([name, { bytes, digest }]) => [
            `${label}/${name}`,
            size(bytes),
            out.paint('dim', digest.slice(0, 12)),
          ]),
          [1],
        ),
        out.paint('dim', `${count(Object.keys(stored.members).length, 'member')}; add /NAME to see one`),
      ];
    const [{ path, file }] = filesOf(stored, member, store, label) as [Found];
    const { paint } = out;
    switch (stored.type) {
      case 'checkpoint':
      case 'direction':
        if (stored.extension === '.safetensors') return tensorLines(await readFile(path), label, paint);
        break;
      case 'curves':
        return curvesLines(
          decodeCurves(await readFile(path, 'utf8')),
          categoriesOf(label),
          out.size().columns,
          paint,
        );
      case 'figure':
        return figureLines(label, file);
      case 'categories':
      case 'table': {
        const tables = parseTables(await readFile(path, 'utf8'));
        if (tables)
          return tables.flatMap(({ title, rows }, i) => [
            ...(i > 0 ? [''] : []),
            ...(title === '' ? [] : [title]),
            ...tableLines(rows, paint),
          ]);
        break;
      }
      case 'file':
        break;
      default:
        stored.type satisfies never;
    }
    return plainLines(await readFile(path), file, path);
  }

  /** What the stage itself, and those that read these curves, found in them. */
  function categoriesOf(label: string): string | undefined {
    const [own, ...readers] = [
      label.slice(0, label.lastIndexOf('.')),
      ...preview.plan.instances
        .filter(({ inputs }) =>
          Object.values(inputs).some(({ sources }) =>
            sources.some(
              (source) => source.from === 'stage' && `${source.instance}.${source.output}` === label,
            ),
          ),
        )
        .map(({ id }) => id),
    ];
    for (const id of [own, ...readers]) {
      const facts = preview.stages.find((stage) => stage.id === id)?.row?.facts ?? {};
      const found = Object.entries(facts).filter(([name]) => name.startsWith('categor'));
      if (found.length > 0) return found.map(([name, value]) => `${name} ${words(value)}`).join('  ');
    }
    return undefined;
  }

  /** Its published copies, which hold their provenance and so have bytes of their own; else what is stored. */
  function figureLines(label: string, stored: StoredFile): string[] {
    const copies = publishedPaths(label).filter((path) => existsSync(path));
    const line = (bytes: number, digest: string, path: string): string =>
      `${path}  ${size(bytes)}  ${out.paint('dim', `sha256 ${digest}`)}`;
    if (copies.length === 0) return [line(stored.bytes, stored.digest, 'not published')];
    return copies.map((path) => {
      const bytes = readFileSync(path);
      return line(bytes.length, digestOf(bytes), shortPath(path, cwd));
    });
  }

  function publishedPaths(label: string): string[] {
    const dot = label.lastIndexOf('.');
    const instance = preview.plan.instances.find(({ id }) => id === label.slice(0, dot))!;
    const { outputs } = preview.stages.find(({ id }) => id === instance.id)!.row!;
    const name = label.slice(dot + 1);
    const copies = publishedFiles(options.workspace.artifacts, preview.plan, instance, {
      [name]: outputs[name]!,
    });
    return copies.map(({ path }) => path);
  }
}

interface Found {
  readonly path: string;
  readonly file: StoredFile;
}

function filesOf(stored: StoredOutput, member: string | null, store: Store, label: string): Found[] {
  const names = member === null ? Object.keys(stored.members) : [member];
  return names.map((name) => {
    const file = stored.members[name];
    if (!file)
      throw new UserError({
        severity: 'error',
        code: 'unknown-member',
        message: `${label} has no member "${name}"`,
        expected: stored.folder ? Object.keys(stored.members).join(', ') : 'no member: it is one file',
      });
    return { path: store.objectPath(file.digest), file };
  });
}

function notThere({ stages }: Preview, ids: readonly string[], command: string): UserError {
  const first = stages.find(({ id }) => id === ids[0]);
  return new UserError({
    severity: 'error',
    code: 'no-result',
    message: `${ids[0]} has no result as the pipeline stands now${first ? `: ${first.reasons[0] ?? first.status}` : ''}`,
    hint: `${command} computes it`,
  });
}

/** Text as it is, other bytes by size and digest. */
function plainLines(bytes: Buffer, file: StoredFile, path: string): string[] {
  const head = bytes.subarray(0, 8000);
  if (head.includes(0)) return [`${size(file.bytes)} of binary data, sha256 ${file.digest}`, path];
  return bytes.toString('utf8').replace(/\n$/, '').split('\n');
}
