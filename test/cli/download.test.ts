import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getArchive } from '../../src/cli/data/archive.ts';
import { download } from '../../src/cli/data/download.ts';

let content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));
const sum = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** What the server does next, and which ranges it was asked for. */
let behaviour: 'good' | 'no-ranges' | 'breaks' | 'stalls' | 'missing' = 'good';
const asked: (string | undefined)[] = [];
let server: Server;
let url: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orograph-download-'));
  server = createServer((request, response) => {
    asked.push(request.headers.range);
    if (behaviour === 'missing') {
      response.writeHead(404).end();
      return;
    }
    const from = behaviour === 'no-ranges' ? 0 : Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
    if (from >= content.length) {
      response.writeHead(416).end();
      return;
    }
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': content.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    const rest = content.subarray(from);
    if (behaviour === 'breaks') response.write(rest.subarray(0, rest.length / 2), () => response.destroy());
    else if (behaviour === 'stalls') response.write(rest.subarray(0, 10));
    else response.end(rest);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
});
afterEach(() => {
  behaviour = 'good';
  asked.length = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

describe('a download', () => {
  it('goes on where the last try broke off', async () => {
    const file = join(folder, 'resumed');
    behaviour = 'breaks';
    await expect(download(url, file)).rejects.toThrow(/cannot be reached|broke off/);
    expect(existsSync(file)).toBe(false);
    const have = readFileSync(`${file}.part`).length;
    expect(have).toBeGreaterThan(0);
    behaviour = 'good';
    const seen: number[] = [];
    await download(url, file, { onBytes: (done) => seen.push(done) });
    expect(asked).toEqual([undefined, `bytes=${have}-`]);
    expect(seen[0]).toBeGreaterThan(have);
    expect(sum(readFileSync(file))).toBe(sum(content));
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('begins again where the server serves no ranges', async () => {
    const file = join(folder, 'whole');
    writeFileSync(`${file}.part`, content.subarray(0, 1000));
    behaviour = 'no-ranges';
    await download(url, file);
    expect(sum(readFileSync(file))).toBe(sum(content));
  });

  it('begins again where the part is longer than the file', async () => {
    const file = join(folder, 'longer');
    writeFileSync(`${file}.part`, Buffer.concat([content, content]));
    await download(url, file);
    expect(asked).toEqual([`bytes=${2 * content.length}-`, undefined]);
    expect(sum(readFileSync(file))).toBe(sum(content));
  });

  it('gives up on a server that says nothing more, and says why', async () => {
    behaviour = 'stalls';
    await expect(download(url, join(folder, 'stalled'), { patience: 200 })).rejects.toThrow(
      /sent nothing for 0.2 s/,
    );
    behaviour = 'missing';
    await expect(download(url, join(folder, 'missing'))).rejects.toThrow(/answers 404/);
    await expect(download('http://127.0.0.1:9/x', join(folder, 'refused'))).rejects.toThrow(
      /cannot be reached/,
    );
  });

  it('stops when it is told to', async () => {
    behaviour = 'stalls';
    const controller = new AbortController();
    const running = download(url, join(folder, 'stopped'), {
      signal: controller.signal,
      onBytes: () => controller.abort(),
    });
    await expect(running).rejects.toThrow();
    expect(controller.signal.aborted).toBe(true);
  });
});

describe('an official archive', () => {
  const options = { signal: new AbortController().signal, onBytes: () => {}, say: () => {} };
  const source = (md5: string) => ({
    address: url,
    mirror: 'OROGRAPH_NO_MIRROR',
    file: 'set.tar.gz',
    md5,
    keep: /\.bin$/,
    content: '',
  });

  it('is unpacked when its md5 sum is the official one, and leaves nothing else behind', async () => {
    const packed = join(folder, 'packed');
    mkdirSync(join(packed, 'top'), { recursive: true });
    writeFileSync(join(packed, 'top', 'train.bin'), 'records');
    writeFileSync(join(packed, 'top', 'readme.html'), 'words');
    await create({ gzip: true, cwd: packed, file: join(packed, 'a.tar.gz') }, ['top']);
    const before = content;
    content = readFileSync(join(packed, 'a.tar.gz'));
    const data = join(folder, 'data');
    expect(await getArchive(source(sum(content)), join(data, 'set'), options)).toBe(url);
    expect(readFileSync(join(data, 'set', 'train.bin'), 'utf8')).toBe('records');
    expect([readdirSync(join(data, 'set')), readdirSync(data)]).toEqual([['train.bin'], ['set']]);
    content = before;
  });

  it('removes no file that a person has put there', async () => {
    const data = join(folder, 'given-data');
    const failure = (): Promise<unknown> =>
      getArchive(source('0'.repeat(32)), join(data, 'set'), options).catch((error) => error);
    mkdirSync(join(data, 'set'), { recursive: true });
    writeFileSync(join(data, 'set', 'notes.txt'), 'mine');
    expect(await failure()).toMatchObject({
      diagnostics: [{ code: 'folder-in-the-way', message: expect.stringContaining('notes.txt') }],
    });
    expect(readdirSync(join(data, 'set'))).toEqual(['notes.txt']);
    rmSync(join(data, 'set', 'notes.txt'));
    const archive = join(data, '.set-download', 'set.tar.gz');
    mkdirSync(join(data, '.set-download'));
    writeFileSync(archive, 'mine');
    expect(await failure()).toMatchObject({
      diagnostics: [{ code: 'wrong-checksum', message: expect.stringContaining(archive) }],
    });
    expect(readFileSync(archive, 'utf8')).toBe('mine');
  });

  it('with another md5 sum, or out of reach, is refused with the address and what to do', async () => {
    const data = join(folder, 'refused-data');
    const failure = async (): Promise<unknown> =>
      getArchive(source('0'.repeat(32)), join(data, 'set'), options).catch((error) => error);
    expect(await failure()).toMatchObject({
      diagnostics: [
        { code: 'download-failed', message: expect.stringContaining(`officially ${'0'.repeat(32)}`) },
      ],
    });
    behaviour = 'missing';
    expect(await failure()).toMatchObject({
      diagnostics: [
        {
          message: `${url} answers 404 Not Found`,
          hint: expect.stringContaining(`get ${url} (md5 ${'0'.repeat(32)}) elsewhere and put it into`),
        },
      ],
    });
    expect(existsSync(join(data, 'set'))).toBe(false);
  });
});
