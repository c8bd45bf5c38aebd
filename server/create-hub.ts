/**
 * The embedding API: a configured hub, listening. Wires log, hub, auth, net and ops together; has no logic of its own.
 */
import { readFile } from 'node:fs/promises';
import { compilePattern } from '../shared/channel-name.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { loadDevelopmentSecret } from './auth/development-secret.ts';
import type { KeySourceConfig } from './auth/key-source.ts';
import { signToken } from './auth/sign-token.ts';
import { createTokenVerifier, type TokenVerifier } from './auth/verify-token.ts';
import { type ChannelBounds, defaultChannelBounds, type HubConfig } from './config.ts';
import { FiguresPublisher } from './figures/figures-publisher.ts';
import { Hub as HubCore } from './hub/hub.ts';
import { createMemoryStore } from './log/memory-store.ts';
import type { OrderedStore } from './log/ordered-store.ts';
import { SEGMENT_BYTES } from './log/slab-allocator.ts';
import { storeFolder } from './log/store-folder.ts';
import { type Assets, loadAssets } from './net/assets.ts';
import { Connection } from './net/connection.ts';
import { Deadlines } from './net/deadlines.ts';
import { refuseConnection } from './net/error-frame.ts';
import { answerHttp } from './net/http-api.ts';
import { LoopTurn } from './net/loop-turn.ts';
import type { ConnectionServices } from './net/services.ts';
import { type SocketServer, startServer } from './net/websocket-server.ts';
import { type Logger, silentLogger } from './ops/logging.ts';
import { LoopDelay } from './ops/loop-delay.ts';
import { createMetrics, type Reading } from './ops/metrics.ts';
import { VERSION } from './version.ts';

/** A hub that listens. */
export interface Hub {
  /** `ws://host:port` */
  readonly url: string;
  readonly port: number;
  /** In development mode a token for everything, valid for a day; else null. */
  readonly developmentToken: string | null;
  /** Says goodbye to the clients, writes everything, and marks the stop as clean. */
  stop(): Promise<void>;
}

export interface HubOptions {
  /** Default: says nothing. */
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Instead of the one that the configuration names; for tests. */
  readonly store?: OrderedStore;
  /** Instead of those that the build left beside the code; for tests. */
  readonly assets?: Assets;
}

const DEVELOPMENT_TOKEN_TTL_MS = 24 * 60 * 60 * 1000;
/** Clients come back after this, plus a random part of their own. */
const RECONNECT_AFTER_MS = 250;
/** Failures of the store are logged no more often. */
const STORE_LOG_MS = 1000;
/** Of each channel of figures: some ten minutes of the largest. */
const FIGURES_RING_BYTES = 4 * 1024 * 1024;
/** How long the goodbyes may take. */
const GOODBYE_MS = 300;

/** Starts a hub. Rejects with `store-failed` (folder locked or broken) or an Error for an address it cannot listen on. */
export async function createHub(config: HubConfig, options: HubOptions = {}): Promise<Hub> {
  const { log = silentLogger(), clock = systemClock } = options;
  const auth = await openAuth(config, clock, log);
  let core: HubCore | undefined;
  try {
    core = await openCore(config, options, clock, log);
    return await listen(config, core, auth, clock, log, options.assets ?? (await loadAssets()));
  } catch (cause) {
    auth.verifier.close();
    await core?.stop();
    throw cause;
  }
}

interface Auth {
  readonly verifier: TokenVerifier;
  readonly developmentToken: string | null;
}

async function openAuth(config: HubConfig, clock: Clock, log: Logger): Promise<Auth> {
  const { auth, dataFolder } = config;
  if (!auth) {
    const secret = await loadDevelopmentSecret(dataFolder);
    const everything = { subscribe: ['>', '$sys.>'], publish: ['>'], admin: true, subject: 'development' };
    const developmentToken = await signToken(
      { ...everything, secret, ttlMs: DEVELOPMENT_TOKEN_TTL_MS },
      clock,
    );
    return {
      verifier: createTokenVerifier({ keys: { kind: 'secret', secret } }, { clock }),
      developmentToken,
    };
  }
  const keys = await keySourceOf(auth);
  const { audience, issuer, clockToleranceMs } = auth;
  const verifier = createTokenVerifier(
    { keys, audience, issuer, clockToleranceMs },
    {
      clock,
      onKeyFetch: (outcome) => {
        if (outcome.outcome === 'failed')
          log.warn({ err: outcome.error }, 'the keys could not be fetched; the last good ones serve');
        else log.debug(outcome, 'keys fetched');
      },
    },
  );
  return { verifier, developmentToken: null };
}

async function keySourceOf(auth: NonNullable<HubConfig['auth']>): Promise<KeySourceConfig> {
  const { secret, secretFile, publicKeyFile, jwksFile, jwksUrl } = auth;
  if (secret !== undefined) return { kind: 'secret', secret };
  if (secretFile !== undefined)
    return { kind: 'secret', secret: (await readFile(secretFile, 'utf8')).trim() };
  if (publicKeyFile !== undefined) return { kind: 'public-key', pem: await readFile(publicKeyFile, 'utf8') };
  if (jwksFile !== undefined) return { kind: 'jwks', keys: JSON.parse(await readFile(jwksFile, 'utf8')) };
  return { kind: 'jwks-url', url: jwksUrl! };
}

async function openCore(config: HubConfig, options: HubOptions, clock: Clock, log: Logger): Promise<HubCore> {
  const store = options.store ?? (await openStore(config));
  const boundsOf = channelBounds(config);
  const hub = await HubCore.open({
    store,
    folder: store.durable ? config.dataFolder : null,
    clock,
    ringBytes: config.memory.ringBytes,
    unpersistedBytes: config.memory.unpersistedBytes,
    maxChannels: config.limits.maxChannels,
    maxDelayMs: config.writeBehind.maxDelayMs,
    limits: config.limits,
    producers: config.producers,
    limitsOf: boundsOf,
    capsOf: (channel) => boundsOf(channel).readers,
    pushIntervalOf: (channel) => boundsOf(channel).pushIntervalMs,
    onStoreFailure: storeLog(log, clock),
  });
  log.info({ epoch: hub.logs.epoch, channels: hub.logs.channelCount }, 'log opened');
  return hub;
}

/** A store that fails is asked again and again, by many: once a second is often enough to hear of it. */
function storeLog(log: Logger, clock: Clock): (cause: unknown) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (cause) => {
    const nowMs = clock.monotonicMs();
    if (cause === undefined) {
      log.info('the store takes writes again');
      toldMs = Number.NEGATIVE_INFINITY;
    } else if (nowMs - toldMs >= STORE_LOG_MS) {
      log.error({ err: cause }, 'the store failed; what was accepted waits in memory until it works again');
      toldMs = nowMs;
    }
  };
}

async function openStore({ store, dataFolder }: HubConfig): Promise<OrderedStore> {
  if (store === 'memory') return createMemoryStore();
  // Loaded where it is needed: the import brings the native binding in.
  const { createRocksStore } = await import('./log/rocks-store.ts');
  return createRocksStore(storeFolder(dataFolder));
}

/** The first rule that matches a channel's name counts; the last is for what the hub says of itself. */
function channelBounds({ channels, figures }: HubConfig): (channel: string) => ChannelBounds {
  const { retention, ring, ...rest } = defaultChannelBounds;
  const ownFigures = {
    ...rest,
    retention: { ...retention, maxAgeMs: figures.maxAgeMs },
    ring: { ...ring, maxBytes: FIGURES_RING_BYTES },
    pattern: '$sys.>',
  };
  const rules = [...channels, ownFigures].map((bounds) => ({
    matches: compilePattern(bounds.pattern),
    bounds,
  }));
  return (channel) => rules.find(({ matches }) => matches(channel))?.bounds ?? defaultChannelBounds;
}

async function listen(
  config: HubConfig,
  core: HubCore,
  auth: Auth,
  clock: Clock,
  log: Logger,
  assets: Assets,
): Promise<Hub> {
  const { verifier, developmentToken } = auth;
  const serverName = `ringcast/${VERSION}`;
  const { maxConnections, maxChannels: _, ...limits } = config.limits;
  const services: ConnectionServices = {
    hub: core,
    verifier,
    clock,
    deadlines: new Deadlines(clock),
    tokens: config.tokens,
    turn: new LoopTurn(),
    helloTimeoutMs: config.helloTimeoutMs,
    limits: { ...limits, pageBytes: SEGMENT_BYTES },
    log,
    serverName,
  };
  let server: SocketServer<Connection> | undefined;
  const loopDelay = new LoopDelay();
  const metrics = createMetrics(() => readingOf(core, server?.accepted() ?? []), loopDelay);
  server = await startServer({
    host: config.host,
    port: config.port,
    maxConnections,
    accept: (socket) => new Connection(socket, services),
    refuse: refuseConnection,
    answer: (question) => answerHttp({ hub: core, verifier, metrics, serverName, assets }, question),
  });
  const figures = startFigures(config, core, server, clock, serverName, loopDelay);
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return {
    url: `ws://${host}:${server.port}`,
    port: server.port,
    developmentToken,
    stop: once(async () => {
      figures?.stop();
      await sayGoodbye(server);
      loopDelay.close();
      verifier.close();
      let failure: unknown;
      const isClean = await core.stop().catch((cause) => {
        failure = cause;
        return false;
      });
      if (isClean) return;
      const { unpersistedBytes } = core.logs.writeBehind;
      log.error(
        { unpersistedBytes, ...(failure !== undefined && { err: failure }) },
        'the disk did not take the last writes: what was in memory only is lost, and the next start begins a new epoch',
      );
    }),
  };
}

function startFigures(
  config: HubConfig,
  hub: HubCore,
  server: SocketServer<Connection>,
  clock: Clock,
  serverName: string,
  loopDelay: LoopDelay,
): FiguresPublisher | undefined {
  const { intervalMs } = config.figures;
  if (intervalMs === 0) return undefined;
  const folder = config.store === 'rocksdb' ? storeFolder(config.dataFolder) : null;
  return new FiguresPublisher({
    hub,
    clock,
    intervalMs,
    serverName,
    loopDelay,
    folder,
    connectionCount: () => server.connectionCount,
    *readers() {
      for (const { reader } of server.accepted()) if (reader) yield reader;
    },
  });
}

async function sayGoodbye(server: SocketServer<Connection>): Promise<void> {
  server.stopListening();
  for (const connection of [...server.accepted()]) connection.goAway(RECONNECT_AFTER_MS);
  const endMs = Date.now() + GOODBYE_MS;
  while (server.connectionCount > 0 && Date.now() < endMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  server.close();
}

function readingOf(core: HubCore, accepted: Iterable<Connection>): Reading {
  let connections = 0;
  let bufferedBytes = 0;
  for (const connection of accepted) {
    connections++;
    bufferedBytes += connection.bufferedBytes;
  }
  const { fanOut, catchUp, logs } = core;
  return {
    connections,
    subscriptions: core.subscriptionCount,
    channels: core.channelCount,
    publishedRecords: core.publishedRecords,
    publishedBytes: core.publishedBytes,
    deliveredRecords: fanOut.stats.deliveredRecords,
    deliveredBytes: fanOut.stats.deliveredBytes,
    replayedRecords: catchUp.stats.replayedRecords,
    replayedBytes: catchUp.stats.replayedBytes,
    gaps: catchUp.stats.gaps,
    droppedRecords: catchUp.stats.droppedRecords,
    conflatedRecords: catchUp.stats.conflatedRecords,
    ringBytes: logs.ringBytes,
    unpersistedBytes: logs.writeBehind.unpersistedBytes,
    bufferedBytes,
    storeFailing: core.isStoreFailing ? 1 : 0,
    pushTimes: fanOut.pushTimes,
  };
}

function once(run: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= run();
    return done;
  };
}
