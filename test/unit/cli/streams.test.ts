import { PassThrough, Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputLines } from '../../../server/cli/input-lines.ts';
import { Output } from '../../../server/cli/output.ts';

async function linesOf(chunks: readonly (string | Buffer)[], maxLineChars?: number): Promise<string[]> {
  const stream = Readable.from(chunks, { objectMode: false }) as unknown as NodeJS.ReadStream;
  const lines: string[] = [];
  for await (const some of inputLines(stream, maxLineChars)) lines.push(...some);
  return lines;
}

describe('inputLines', () => {
  it('an empty line is a line, the end behind the last line feed is not', async () => {
    expect(await linesOf(['a\n\nb\n'])).toEqual(['a', '', 'b']);
    expect(await linesOf(['a\nb'])).toEqual(['a', 'b']);
    expect(await linesOf(['\n'])).toEqual(['']);
    expect(await linesOf([''])).toEqual([]);
  });

  it('carriage returns at line ends go, others stay', async () => {
    expect(await linesOf(['a\r\nb\rc\r', '\nd\r'])).toEqual(['a', 'b\rc', 'd']);
  });

  it('characters that are cut between chunks are whole', async () => {
    const bytes = Buffer.from('héé\n日本');
    expect(await linesOf([...bytes].map((byte) => Buffer.of(byte)))).toEqual(['héé', '日本']);
  });

  it('gives the same lines however the input is cut', async () => {
    const text = fc
      .array(fc.constantFrom('a', 'bb', '\n', '\r\n', 'é'), { maxLength: 30 })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(30), { maxLength: 5 }), async (input, cuts) => {
        const at = [0, ...cuts.filter((cut) => cut < input.length).sort((a, b) => a - b), input.length];
        const chunks = at.slice(1).map((end, i) => input.slice(at[i], end));
        const whole = input.split('\n');
        if (whole.at(-1) === '') whole.pop();
        expect(await linesOf(chunks)).toEqual(whole.map((line) => line.replace(/\r$/, '')));
      }),
    );
  });

  it('a line without end is refused rather than gathered', async () => {
    await expect(linesOf(['xxxx', 'xxxx', 'xxxx'], 10)).rejects.toThrow(
      /more than 10 characters: write one record per line/,
    );
    expect(await linesOf(['xxxx\n', 'xxxx\n', 'xxxx\n'], 10)).toHaveLength(3);
  });
});

describe('Output', () => {
  it('gathers the lines of a turn into one write', async () => {
    const writes: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        writes.push(String(chunk));
        done();
      },
    });
    const output = new Output(stream);
    for (const line of ['a', 'b', 'c']) expect(output.line(line)).toBeUndefined();
    await output.end();
    expect(writes).toEqual(['a\nb\nc\n']);
  });

  it('asks to wait while the reader is behind, and no longer', async () => {
    const stream = new PassThrough({ highWaterMark: 1024 });
    const output = new Output(stream);
    const wait = output.line('x'.repeat(100_000));
    expect(wait).toBeInstanceOf(Promise);
    let waited = false;
    void wait?.then(() => {
      waited = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(waited).toBe(false);
    stream.resume();
    await wait;
    expect(output.line('y')).toBeUndefined();
    await output.end();
  });
});
