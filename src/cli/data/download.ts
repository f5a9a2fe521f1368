import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';

/** What a download tells while it runs; `total` is undefined where the server does not say. */
export type OnBytes = (done: number, total: number | undefined) => void;

export interface DownloadOptions {
  readonly onBytes?: OnBytes;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which the server counts as gone. */
  readonly patience?: number;
}

/** A server that could not be reached, refused, or broke off; what came stays in `<file>.part`. */
export class DownloadError extends Error {
  override name = 'DownloadError';
}

/**
 * Downloads to `file`, which appears only when it is complete and on the disk. What an earlier try left in
 * `<file>.part` is gone on with, where the server serves ranges (RFC 9110, section 14).
 */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<void> {
  const part = `${file}.part`;
  const have = (await stat(part).catch(() => undefined))?.size ?? 0;
  const patience = options.patience ?? 30_000;
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), patience);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), patience);
  };
  const signal = AbortSignal.any([stalled.signal, ...(options.signal ? [options.signal] : [])]);
  try {
    const response = await fetch(url, {
      signal,
      // Compression on the way would make the range one of other bytes.
      headers: { 'accept-encoding': 'identity', ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
    });
    alive();
    if (response.status === 416) {
      // The part is longer than the file, or just as long: only the whole again can tell.
      await rm(part, { force: true });
      await response.body?.cancel();
      return await download(url, file, options);
    }
    if (!response.ok || !response.body)
      throw new DownloadError(`${url} answers ${response.status} ${response.statusText}`);
    const from = response.status === 206 ? rangeStart(response.headers.get('content-range')) : 0;
    if (from !== 0 && from !== have)
      throw new DownloadError(`${url} sends from byte ${from}, asked for ${have}`);
    const length = response.headers.get('content-length');
    const total = length === null ? undefined : from + Number(length);
    let done = from;
    const out = createWriteStream(part, from > 0 ? { flags: 'r+', start: from } : {});
    try {
      for await (const chunk of response.body) {
        alive();
        done += chunk.length;
        if (!out.write(chunk)) await once(out, 'drain');
        options.onBytes?.(done, total);
      }
    } finally {
      out.end();
      await once(out, 'close');
    }
    if (total !== undefined && done !== total)
      throw new DownloadError(`${url} broke off after ${done} of ${total} bytes`);
  } catch (error) {
    if (error instanceof DownloadError || options.signal?.aborted) throw error;
    if (stalled.signal.aborted) throw new DownloadError(`${url} sent nothing for ${patience / 1000} s`);
    throw new DownloadError(`${url} cannot be reached (${reasonOf(error)})`);
  } finally {
    clearTimeout(timer);
  }
  const handle = await open(part, 'r+');
  await handle.sync();
  await handle.close();
  await rename(part, file);
}

function rangeStart(contentRange: string | null): number {
  const match = /^bytes (\d+)-/.exec(contentRange ?? '');
  return match ? Number(match[1]) : -1;
}

/** fetch says only "fetch failed"; the reason is in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string; message?: string }; message?: string };
  return cause?.code ?? cause?.message ?? message ?? String(error);
}
