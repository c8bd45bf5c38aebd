/**
 * What the hub answers over HTTP: `/` (the dashboard to browsers, to others a word of what this is) and its files, the
 * SDK at `/client.js`, `/health`, `/metrics`, and with an admin token `/inspect`. Values in, values out;
 * websocket-server does the transport.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Hub } from '../hub/hub.ts';
import { channelsOf } from '../log/channel-catalogue.ts';
import type { InspectedChannel, Inspection } from '../ops/inspection.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Asset, Assets } from './assets.ts';
import type { HttpAnswer, HttpQuestion } from './websocket-server.ts';

export interface HttpApiOptions {
  readonly hub: Hub;
  readonly verifier: TokenVerifier;
  readonly metrics: Metrics;
  readonly serverName: string;
  readonly assets: Assets;
}

const OK = '200 OK';
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
/** Files that a hub has, if its build was whole. */
const NOT_BUILT: ReadonlySet<string> = new Set([
  '/client.js',
  '/stores.js',
  '/dashboard.js',
  '/dashboard.css',
]);

export async function answerHttp(options: HttpApiOptions, question: HttpQuestion): Promise<HttpAnswer> {
  const { hub, metrics, serverName, assets } = options;
  const { path, authorization, accept } = question;
  const asset = assets.get(path);
  // A person at a terminal (curl) is not shown HTML.
  if (asset && (path !== '/' || accept.includes('text/html'))) return answerAsset(asset, question);
  switch (path) {
    case '/':
      return {
        status: OK,
        type: TEXT,
        body: `${serverName}: connect here by WebSocket, or open this address in a browser. Also: /health, /metrics, /inspect, /client.js\n`,
        // A cache must not give a browser what was told a terminal.
        headers: { vary: 'accept' },
      };
    case '/health':
      return health(hub);
    case '/metrics':
      return { status: OK, type: metrics.contentType, body: await metrics.text() };
    case '/inspect':
      return inspect(options, authorization);
    default:
      return {
        status: '404 Not Found',
        type: TEXT,
        body: NOT_BUILT.has(path)
          ? 'not built: run `npm run build`, and start the hub again\n'
          : 'nothing here: try /, /health, /metrics, /inspect or /client.js\n',
      };
  }
}

/** Asked for again each time, and sent only when it has changed: a hub that was updated is not met by an old page. */
function answerAsset(
  { type, body, gzipped, etag, headers }: Asset,
  { ifNoneMatch, acceptEncoding }: HttpQuestion,
): HttpAnswer {
  const cached = { etag, 'cache-control': 'no-cache', vary: 'accept, accept-encoding', ...headers };
  if (ifNoneMatch.includes(etag)) return { status: '304 Not Modified', type, body: '', headers: cached };
  if (!/\bgzip\b/.test(acceptEncoding)) return { status: OK, type, body, headers: cached };
  return { status: OK, type, body: gzipped, headers: { ...cached, 'content-encoding': 'gzip' } };
}

/** While the store fails, what was accepted waits in memory: how much, and how much may. */
function health({ isStoreFailing, logs }: Hub): HttpAnswer {
  const { unpersistedBytes } = logs.writeBehind;
  const status = isStoreFailing ? 'store-failing' : 'ok';
  const body = `${JSON.stringify({ status, unpersistedBytes, maxUnpersistedBytes: logs.maxUnpersistedBytes })}\n`;
  return { status: isStoreFailing ? '503 Service Unavailable' : OK, type: JSON_TYPE, body };
}

async function inspect({ hub, verifier }: HttpApiOptions, authorization: string): Promise<HttpAnswer> {
  try {
    const { grants } = await verifier.verify(/^Bearer +(.+)$/i.exec(authorization)?.[1] ?? null);
    if (!grants.admin)
      return refusal('403 Forbidden', 'forbidden', 'inspect needs a token with the admin grant');
  } catch (cause) {
    const { code, message } =
      cause instanceof RingcastError ? cause : new RingcastError('internal', 'the hub failed');
    return refusal('401 Unauthorized', code, message);
  }
  return { status: OK, type: JSON_TYPE, body: `${JSON.stringify(await inspectionOf(hub))}\n` };
}

function refusal(status: string, code: string, message: string): HttpAnswer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify({ code, message })}\n` };
}

/** What is stored, with what the hub knows better because it is in memory. */
async function inspectionOf(hub: Hub): Promise<Inspection> {
  const channels = new Map(
    (await channelsOf(hub.logs.segmentStore)).map((channel) => [channel.name, channel]),
  );
  const subscriptions = new Map(
    [...hub.channels].map(({ log, subscriptionCount }) => [log.name, subscriptionCount]),
  );
  for (const log of hub.logs.open) {
    const channel: InspectedChannel = {
      name: log.name,
      number: log.number,
      head: log.headOffset,
      oldest: log.oldestOffset,
      durable: log.durableOffset,
      ringBytes: log.ringBytes,
      storedBytes: log.headBytes - log.oldestBytes,
      subscriptions: subscriptions.get(log.name) ?? 0,
    };
    channels.set(log.name, channel);
  }
  const { epoch, ringBytes, writeBehind } = hub.logs;
  return {
    epoch,
    unpersistedBytes: writeBehind.unpersistedBytes,
    ringBytes,
    channels: [...channels.values()],
  };
}
