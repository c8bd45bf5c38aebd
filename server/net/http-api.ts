/**
 * What the hub answers over HTTP: `/` (the dashboard, or a word of what this is), the files of the dashboard and the SDK,
 * `/health`, `/metrics`, and with an admin token `/inspect`. Values in, values out; websocket-server does the transport.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Hub } from '../hub/hub.ts';
import { channelsOf } from '../log/channel-catalogue.ts';
import type { InspectedChannel, Inspection } from '../ops/inspection.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { StaticFiles } from './static-files.ts';
import type { HttpAnswer, HttpQuestion } from './websocket-server.ts';

export interface HttpApiOptions {
  readonly hub: Hub;
  readonly verifier: TokenVerifier;
  readonly metrics: Metrics;
  readonly serverName: string;
  readonly files: StaticFiles;
}

const OK = '200 OK';
const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

export async function answerHttp(options: HttpApiOptions, question: HttpQuestion): Promise<HttpAnswer> {
  const { hub, metrics, files } = options;
  const { path, authorization } = question;
  switch (path) {
    case '/':
      return root(options, question);
    case '/health':
      return health(hub);
    case '/metrics':
      return { status: OK, type: metrics.contentType, body: await metrics.text() };
    case '/inspect':
      return inspect(options, authorization);
    default:
      return (
        files.answer(question) ?? {
          status: '404 Not Found',
          type: TEXT,
          body: 'nothing here: try /health, /metrics or /inspect\n',
        }
      );
  }
}

/** Whoever asks for HTML is a browser; others are told in a line. */
function root({ serverName, files }: HttpApiOptions, question: HttpQuestion): HttpAnswer {
  if (files.has('/') && question.accept.includes('text/html')) return files.answer(question)!;
  const page = files.has('/')
    ? 'open this address in a browser for the dashboard'
    : 'the dashboard was not built (npm run build)';
  const body = `${serverName}: connect here by WebSocket; ${page}. Also: /client.js, /health, /metrics, /inspect\n`;
  return { status: OK, type: TEXT, headers: { vary: 'accept' }, body };
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
