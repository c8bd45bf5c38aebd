/** Tells on stderr what runs and how long it will yet take: one line that changes, on anything but a terminal one for each run. */

/** Starting, connecting, warming up and ending, before any run has told. */
const OVERHEAD_SECONDS = 4;

export class Progress {
  readonly #total: number;
  readonly #startMs = performance.now();
  readonly #firstGuessSeconds: number;
  #done = 0;
  #label = '';

  constructor(total: number, secondsEach: number) {
    this.#total = total;
    this.#firstGuessSeconds = secondsEach + OVERHEAD_SECONDS;
  }

  begin(label: string): void {
    this.#label = label;
    if (process.stderr.isTTY) this.step('starting');
    else process.stderr.write(`${this.#line()}\n`);
  }

  /** What a run is at. */
  step(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${this.#line()}, ${text}`);
  }

  end(): void {
    this.#done++;
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }

  #line(): string {
    const elapsedSeconds = (performance.now() - this.#startMs) / 1000;
    const secondsEach = this.#done > 0 ? elapsedSeconds / this.#done : this.#firstGuessSeconds;
    const left = secondsEach * (this.#total - this.#done);
    return `[${this.#done + 1} of ${this.#total}, ${inMinutes(left)} left] ${this.#label}`;
  }
}

export function inMinutes(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
