/**
 * Standard output for many lines: gathered into few writes, no faster than its reader takes them.
 * Not its job: what a line looks like. Called by commands that print without end.
 */
import { once } from 'node:events';
import type { WriteStream } from 'node:tty';

/** Gathered lines are written once they come to this, and at the end of each turn of the event loop. */
const WRITE_AT_CHARS = 64 * 1024;

export class Output {
  readonly #stream: NodeJS.WritableStream;
  #gathered = '';
  #flushPlanned = false;
  #drained: Promise<unknown> | undefined;

  constructor(stream: NodeJS.WritableStream = process.stdout) {
    this.#stream = stream;
  }

  /** Takes the line at once; a promise means: wait for it before the next. */
  line(text: string): Promise<unknown> | undefined {
    this.#gathered += `${text}\n`;
    if (this.#gathered.length >= WRITE_AT_CHARS) this.#flush();
    else if (!this.#flushPlanned) {
      this.#flushPlanned = true;
      setImmediate(() => this.#flush());
    }
    return this.#drained;
  }

  /** Resolves once every line is with the reader's side. */
  async end(): Promise<void> {
    this.#flush();
    await this.#drained;
  }

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#gathered === '') return;
    const text = this.#gathered;
    this.#gathered = '';
    if (this.#stream.write(text) || this.#drained) return;
    this.#drained = once(this.#stream, 'drain').then(() => {
      this.#drained = undefined;
    });
  }
}

/** Whether colours are welcome there: a terminal that has them, and NO_COLOR not set. */
export function hasColours(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && (stream as WriteStream).hasColors();
}

/** A line on standard error that is written over and over; on anything but a terminal it stays silent. */
export class StatusLine {
  readonly #stream = process.stderr;
  #shown = false;

  show(text: string): void {
    if (!this.#stream.isTTY) return;
    const width = Math.max(20, this.#stream.columns || 80);
    this.#stream.write(`\r\x1b[2K${text.length < width ? text : `${text.slice(0, width - 2)}…`}`);
    this.#shown = true;
  }

  /** Takes the line away, so that others may write. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[2K');
    this.#shown = false;
  }
}

/** A line on standard error for people. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
