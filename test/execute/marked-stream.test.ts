import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { endMarker } from '../../src/execute/job.ts';
import { MarkedStream } from '../../src/execute/marked-stream.ts';

const marker = endMarker(7);

/** What a job printed, and whether its end was seen, when its bytes come in these pieces. */
async function read(pieces: readonly string[]): Promise<{ text: string; ends: number }> {
  const source = new PassThrough();
  const chunks: Buffer[] = [];
  let ends = 0;
  const stream = new MarkedStream(source, marker, { text: (chunk) => chunks.push(chunk), end: () => ends++ });
  for (const piece of pieces) {
    source.write(piece);
    await new Promise((done) => setImmediate(done));
  }
  stream.leave();
  return { text: Buffer.concat(chunks).toString('utf8'), ends };
}

describe('the output of a job', () => {
  it('ends at its marker, wherever the pipe cuts it', async () => {
    const whole = `some words\n${marker}`;
    for (let cut = 1; cut < whole.length; cut++) {
      const got = await read([whole.slice(0, cut), whole.slice(cut), 'of the next job']);
      expect(got, `cut at ${cut}`).toEqual({ text: 'some words\n', ends: 1 });
    }
    expect(await read([...whole])).toEqual({ text: 'some words\n', ends: 1 });
  });

  it('keeps what only begins like the marker', async () => {
    const text = marker.slice(0, -2);
    expect(await read([text, text])).toEqual({ text: text + text, ends: 0 });
  });

  it('ends where the stage closes it', async () => {
    const source = new PassThrough();
    let ended = false;
    const done = new Promise<void>((resolve) => {
      new MarkedStream(source, marker, {
        text: () => {},
        end: () => {
          ended = true;
          resolve();
        },
      });
    });
    source.destroy();
    await done;
    expect(ended).toBe(true);
  });
});
