/** A real hub for one test: on a free port of the loopback, with tokens to ask it with, stopped when the test is over. */
import { onTestFinished } from 'vitest';
import { signToken, type TokenRequest } from '../../server/auth/sign-token.ts';
import { type HubConfigInput, parseConfig } from '../../server/config.ts';
import { createHub, type Hub, type HubOptions } from '../../server/create-hub.ts';
import { systemClock } from '../../shared/clock.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';
import { tempFolder } from './temp-folder.ts';

export const SECRET = 'a secret of more than thirty-two bytes';

export interface StartOptions extends HubOptions {
  /** What differs from: memory store, one shared secret, a folder of its own. */
  readonly config?: HubConfigInput;
}

export interface TestHub {
  readonly hub: Hub;
  readonly url: string;
  readonly dataFolder: string;
  /** By default for all channels and an hour. */
  token(request?: Partial<TokenRequest>): Promise<string>;
  /** A connection that was welcomed. */
  connect(options?: ConnectOptions): Promise<RawClient>;
  /** A connection that has said nothing yet. */
  dial(options?: RawClientOptions): Promise<RawClient>;
  /** A figure of /metrics. */
  metric(name: string): Promise<number>;
}

export interface ConnectOptions extends RawClientOptions {
  readonly token?: Partial<TokenRequest>;
  readonly producerId?: string;
}

export async function startHub({ config = {}, ...options }: StartOptions = {}): Promise<TestHub> {
  const dataFolder = config.dataFolder ?? (await tempFolder());
  const defaults = {
    host: '127.0.0.1',
    port: 0,
    store: 'memory',
    auth: { secret: SECRET },
    figures: { intervalMs: 0 },
  } as const;
  const hub = await createHub(parseConfig({ ...defaults, ...config, dataFolder }), options);
  onTestFinished(() => hub.stop());
  const token = (request: Partial<TokenRequest> = {}) =>
    signToken(
      { secret: SECRET, subscribe: ['>'], publish: ['>'], ttlMs: 3_600_000, ...request },
      options.clock ?? systemClock,
    );
  const dial = (dialOptions: RawClientOptions = {}) => RawClient.connect(hub.url, dialOptions);
  return {
    hub,
    url: hub.url,
    dataFolder,
    token,
    dial,
    async connect({ token: request, producerId, ...dialOptions } = {}) {
      const client = await dial(dialOptions);
      await client.hello(await token(request), producerId);
      return client;
    },
    async metric(name) {
      const text = await (await fetch(`${hub.url.replace('ws:', 'http:')}/metrics`)).text();
      const line = text.split('\n').find((each) => each.startsWith(`${name} `));
      if (!line) throw new Error(`no metric ${name}`);
      return Number(line.slice(name.length + 1));
    },
  };
}
