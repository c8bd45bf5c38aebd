/**
 * A built hub as a process of its own, to be killed, stopped and started again on the same port and folder. Needs
 * `npm run build`. Called by the tests of faults; knows nothing of what is published.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signToken } from '../../server/auth/sign-token.ts';
import type { HubConfigInput } from '../../server/config.ts';
import { systemClock } from '../../shared/clock.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const SECRET = 'a secret of more than thirty-two bytes';
const DAY_MS = 86_400_000;
const START_TIMEOUT_MS = 15_000;
/** So much of its log is kept to be told when something goes wrong. */
const KEPT_LOG_CHARS = 100_000;

export interface HubProcessOptions {
  /** The folder that `npm run build` wrote. */
  readonly dist: URL;
  /** For the configuration and, unless `config` says another, the data. */
  readonly folder: string;
  readonly config?: HubConfigInput;
}

export class HubProcess {
  readonly url: string;
  readonly healthUrl: string;
  /** The end of what all its runs wrote. */
  log = '';
  /** Runs so far. */
  starts = 0;
  readonly #entry: string;
  readonly #configFile: string;
  #child: ChildProcess | undefined;

  private constructor(entry: string, configFile: string, port: number) {
    this.#entry = entry;
    this.#configFile = configFile;
    this.url = `ws://127.0.0.1:${port}`;
    this.healthUrl = `http://127.0.0.1:${port}/health`;
  }

  /** Writes the configuration; starts nothing. */
  static async prepare({ dist, folder, config = {} }: HubProcessOptions): Promise<HubProcess> {
    const port = await freePort();
    const dataFolder = join(folder, 'data');
    const plain = { host: '127.0.0.1', port, dataFolder, auth: { secret: SECRET } };
    await mkdir(folder, { recursive: true });
    const configFile = join(folder, 'hub.json');
    await writeFile(configFile, JSON.stringify({ ...plain, ...config }));
    return new HubProcess(fileURLToPath(new URL('server/cli.js', dist)), configFile, port);
  }

  /** For all channels, and longer than any test. */
  get token(): Promise<string> {
    return signToken({ secret: SECRET, subscribe: ['>'], publish: ['>'], ttlMs: DAY_MS }, systemClock);
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Begins a run; see {@link listening}. */
  spawn(): void {
    const { RINGCAST_URL: _url, RINGCAST_TOKEN: _token, ...env } = process.env;
    const args = [this.#entry, 'serve', '--config', this.#configFile];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const note = (text: string) => {
      this.log = (this.log + text).slice(-KEPT_LOG_CHARS);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', note);
    this.#child = child;
    this.starts++;
  }

  /** Resolves once the run answers; rejects when it ended instead. */
  async listening(): Promise<void> {
    const answers = async () => this.#isEnded || (await this.health()) > 0;
    const have = () => this.log.slice(-2000);
    await until(answers, { what: 'the hub to listen', timeoutMs: START_TIMEOUT_MS, have });
    if (this.#isEnded) throw new Error(`the hub ended: ${have()}`);
  }

  async start(): Promise<void> {
    this.spawn();
    await this.listening();
  }

  /** What /health says. */
  async health(): Promise<number> {
    return (await fetch(this.healthUrl, { signal: AbortSignal.timeout(2000) })).status;
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Lets it stop by itself. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Takes its time away from it. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  get #isEnded(): boolean {
    return !this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || this.#isEnded) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}
