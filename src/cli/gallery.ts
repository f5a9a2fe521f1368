/** What a gallery shows, read from the records beside the published figures, and its pages as texts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { group } from 'd3-array';
import { plainText } from '../figure/math-text.ts';
import { escapeXml } from '../figure/svg.ts';
import type { Json } from '../util/json.ts';
import { count, duration } from './units.ts';
import { words } from './views/summary.ts';

/** The parts of `run.json` that a gallery reads. */
interface Record_ {
  readonly pipeline: string;
  readonly title: string | null;
  readonly profile: string | null;
  readonly finishedAt: string;
  readonly stages: readonly {
    readonly id: string;
    readonly kind: string;
    readonly about?: { readonly title?: string; readonly caption?: string; readonly description?: string };
    readonly parts?: { readonly with?: { readonly caption?: Json; readonly title?: Json } };
    readonly outputs?: Readonly<Record<string, { readonly type: string }>>;
    readonly published?: readonly { readonly path: string }[];
    readonly expectations?: readonly Claim[];
    readonly wallMs?: number;
  }[];
}

interface Claim {
  readonly stage: string;
  readonly fact: string;
  readonly expected: Json;
  readonly actual: Json;
  readonly held: boolean;
}

export interface GalleryFigure {
  /** `quickstart/figure` */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  /** Published files by extension, relative to the artifacts folder. */
  readonly files: Readonly<Record<string, string>>;
}

export interface GalleryPipeline {
  readonly name: string;
  readonly title: string;
  readonly profile: string | null;
  readonly claims: readonly Claim[];
  /** Time that its stages took when they ran. */
  readonly wallMs: number;
  readonly figures: readonly GalleryFigure[];
}

/** Pipelines with published figures, by name, and those whose record is damaged: the artifacts folder is the user's. */
export function galleryOf(artifacts: string): { pipelines: GalleryPipeline[]; damaged: string[] } {
  if (!existsSync(artifacts)) return { pipelines: [], damaged: [] };
  const names = readdirSync(artifacts, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(artifacts, entry.name, 'run.json')))
    .map((entry) => entry.name)
    .sort();
  const pipelines: GalleryPipeline[] = [];
  const damaged: string[] = [];
  for (const name of names) {
    const record = recordOf(join(artifacts, name, 'run.json'));
    if (record) pipelines.push(pipelineOf(artifacts, name, record));
    else damaged.push(join(artifacts, name, 'run.json'));
  }
  return { pipelines: pipelines.filter(({ figures }) => figures.length > 0), damaged };
}

function recordOf(path: string): Record_ | null {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Record_ | null;
    return Array.isArray(record?.stages) ? record : null;
  } catch {
    return null;
  }
}

function pipelineOf(artifacts: string, name: string, record: Record_): GalleryPipeline {
  const figures = record.stages.flatMap((stage): GalleryFigure[] => {
    const outputs = Object.values(stage.outputs ?? {});
    if (outputs.length === 0 || !outputs.every(({ type }) => type === 'figure')) return [];
    const files = Object.fromEntries(
      (stage.published ?? [])
        .map(({ path }) => [extname(path), join(name, path)] as const)
        .filter(([, path]) => existsSync(join(artifacts, path))),
    );
    if (Object.keys(files).length === 0) return [];
    const drawn = stage.parts?.with ?? {};
    return [
      {
        name: `${name}/${stage.id}`,
        title: plainText(String(stage.about?.title ?? drawn.title ?? record.title ?? stage.id)),
        caption: plainText(String(stage.about?.caption ?? drawn.caption ?? stage.about?.description ?? '')),
        files,
      },
    ];
  });
  return {
    name,
    title: plainText(record.title ?? name),
    profile: record.profile,
    claims: record.stages.flatMap(({ expectations }) => expectations ?? []),
    wallMs: record.stages.reduce((sum, { wallMs }) => sum + (wallMs ?? 0), 0),
    figures,
  };
}

interface Line {
  readonly held: boolean;
  readonly text: string;
}

/** One line for the instances of a stage of which the same was claimed and came out. */
function linesOf(claims: readonly Claim[]): Line[] {
  const stageOf = ({ stage }: Claim): string => stage.replace(/\[.*$/, '');
  const aboutOf = (claim: Claim): string => JSON.stringify([stageOf(claim), claim.fact, claim.expected]);
  const about = group(claims, aboutOf);
  const same = group(claims, (claim) =>
    JSON.stringify([aboutOf(claim), claim.held, claim.held ? null : claim.actual]),
  );
  return [...same.values()].map((some) => {
    const { stage, fact, expected, actual, held } = some[0]!;
    const all = about.get(aboutOf(some[0]!))!.length;
    const instances = some.map((claim) => claim.stage.slice(stageOf(claim).length)).join(' ');
    const which = some.length === all ? `all ${all}` : `${some.length} of ${all}: ${instances}`;
    const subject = some.length === 1 ? stage : `${stageOf(some[0]!)} (${which})`;
    const found = held ? `is ${words(expected)}` : `was to be ${words(expected)}, is ${words(actual)}`;
    return { held, text: `${subject}: ${fact} ${found}` };
  });
}

const effort = ({ wallMs, profile }: GalleryPipeline): string =>
  `${duration(wallMs)} of computing${profile === null ? '' : `, profile ${profile}`}`;

/** A page that stands by itself beside the copied files. */
export function galleryPage(pipelines: readonly GalleryPipeline[]): string {
  const figures = pipelines.reduce((sum, p) => sum + p.figures.length, 0);
  const section = (pipeline: GalleryPipeline): string => `<section id="${escapeXml(pipeline.name)}">
<h2>${escapeXml(pipeline.title)}</h2>
<p class="effort">${escapeXml(`${pipeline.name}: ${effort(pipeline)}`)}</p>
${pipeline.figures.map(figureHtml).join('\n')}
${claimsHtml(pipeline.claims)}</section>`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Figures</title>
<style>${css}</style>
</head>
<body>
<main>
<h1>${escapeXml(count(figures, 'figure'))}</h1>
${pipelines.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function figureHtml({ title, caption, files, name }: GalleryFigure): string {
  const picture = files['.png'] ?? files['.svg'];
  const target = files['.html'] ?? picture ?? Object.values(files)[0]!;
  const links = Object.entries(files).map(
    ([extension, path]) => `<a href="${url(path)}">${escapeXml(extension.slice(1).toUpperCase())}</a>`,
  );
  return `<figure>
<a href="${url(target)}">${picture ? `<img src="${url(picture)}" alt="${escapeXml(title)}" loading="lazy">` : escapeXml(title)}</a>
<figcaption>${caption === '' ? '' : `${escapeXml(caption)} `}<span class="links">${links.join(' ')} <a href="${url(`${name}.provenance.json`)}">provenance</a></span></figcaption>
</figure>`;
}

function claimsHtml(claims: readonly Claim[]): string {
  if (claims.length === 0) return '';
  const items = linesOf(claims).map(
    ({ held, text }) => `<li class="${held ? 'held' : 'missed'}">${escapeXml(text)}</li>`,
  );
  const held = claims.filter((claim) => claim.held).length;
  return `<details${held < claims.length ? ' open' : ''}><summary>${held} of ${claims.length} claims held</summary>
<ul>
${items.join('\n')}
</ul>
</details>
`;
}

/** The same as Markdown, for a folder of a repository: pictures only. */
export function galleryMarkdown(
  pipelines: readonly GalleryPipeline[],
  pictureOf: (figure: GalleryFigure) => string | undefined,
): string {
  const parts = pipelines.map((pipeline) => {
    const figures = pipeline.figures.map((figure) => {
      const picture = pictureOf(figure);
      return [
        ...(picture ? [`![${figure.title}](${picture})`] : []),
        ...(figure.caption ? [figure.caption] : []),
      ].join('\n\n');
    });
    const claims = linesOf(pipeline.claims).map(
      ({ held, text }) => `- ${held ? 'held' : '**missed**'}: ${text}`,
    );
    return [
      `## ${pipeline.title}`,
      `\`${pipeline.name}\`: ${effort(pipeline)}`,
      ...figures,
      claims.join('\n'),
    ]
      .filter((part) => part !== '')
      .join('\n\n');
  });
  return `# Gallery\n\nMade by \`orograph gallery --markdown\`. Each picture carries its provenance: \`orograph provenance FILE\`.\n\n${parts.join('\n\n')}\n`;
}

const url = (path: string): string => escapeXml(path.split(/[\\/]/u).map(encodeURIComponent).join('/'));

const css = `
body { margin: 0; color: #111; background: #fff; font: 15px/1.5 'DejaVu Sans', Verdana, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin: 40px 0 0; }
.effort { color: #555; font-size: 13px; margin: 2px 0 12px; }
figure { margin: 0 0 16px; } img { max-width: 100%; border: 1px solid #e4e4e4; }
figcaption { font-size: 13px; } .links a { margin-right: 8px; }
details { font-size: 13px; } .held::marker { content: '✓ '; } .missed::marker { content: '✗ '; }
.missed { color: #b02a12; }
`;
