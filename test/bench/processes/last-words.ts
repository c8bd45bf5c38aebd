/** Why a process that should not have ended did, as far as it said so on stderr. */
import type { ChildProcess } from 'node:child_process';

const KEPT_CHARACTERS = 2000;

export class LastWords {
  #text = '';
  readonly #said: Promise<unknown>;

  constructor(process: ChildProcess) {
    this.#said = new Promise((resolve) => process.stderr!.once('close', resolve));
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#text = `${this.#text}${text}`.slice(-KEPT_CHARACTERS);
    });
  }

  /** Once it has ended, and said all. */
  async error(name: string, end: number | string | null): Promise<Error> {
    await this.#said;
    const said = gistOf(this.#text);
    return new Error(`${name} ended with ${end}${said ? `: ${said}` : ''}`);
  }
}

/** An error without its stack, else all that was said. */
export function gistOf(text: string): string {
  return /^\w*Error\b[\s\S]*?(?=\n\s+at |$(?![\s\S]))/m.exec(text)?.[0] ?? text.trim();
}
