/**
 * Every error code and every close code that PROTOCOL.md lists, provoked against a real hub: the tables are total, so a
 * code that nothing provokes does not compile. What exactly each means is the matter of the other files here.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import { nameKey } from '../../server/log/store-keys.ts';
import { CLOSE_CODES, type CloseReason, type WireErrorCode } from '../../shared/errors.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { type RawClient, record } from '../support/raw-client.ts';
import { SECRET, type StartOptions, startHub, type TestHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import { assembleToken, type Claims, forgeToken, jwkOf, rsaPair } from '../unit/auth/forge-token.ts';
import { KeyEndpoint } from '../unit/auth/key-endpoint.ts';

/** A client to whom the hub has said, or is about to say, the code. */
type Provoke = () => Promise<RawClient>;

const nowSeconds = () => Math.floor(Date.now() / 1000);
const claims = (more: Claims = {}): Claims => ({ exp: nowSeconds() + 3600, aud: 'hub', iss: 'us', ...more });

async function connected(options: StartOptions = {}): Promise<{ hub: TestHub; client: RawClient }> {
  const hub = await startHub(options);
  return { hub, client: await hub.connect() };
}

/** Refused at hello for its token. */
async function withToken(
  token: string | null,
  auth: object = { secret: SECRET, audience: 'hub', issuer: 'us' },
) {
  const { dial } = await startHub({ config: { auth } });
  const client = await dial();
  client.send({ op: 'hello', token, client: null, features: [], producerId: null });
  return client;
}

/** Has asked for something in vain; the rejection is the error frame that came. */
async function asked(request: (client: RawClient, hub: TestHub) => unknown, options: StartOptions = {}) {
  const { client, hub } = await connected(options);
  await Promise.resolve(request(client, hub)).catch(() => {});
  return client;
}

function durableStore() {
  const inner = Object.defineProperty(createMemoryStore({ keep: true }), 'durable', { value: true });
  const store = new FaultyStore(inner);
  onTestFinished(() => store.releaseWrites());
  return store;
}

const entry = (channel: string, value: unknown = 1, key: string | null = null) => ({
  channel,
  records: [record(value, key)],
});

async function asProducer(...entries: { sequence: number; first: boolean; firstSentMs?: number }[]) {
  const hub = await startHub({ config: { producers: { maxCount: 1 } } });
  const client = await hub.connect({ producerId: 'p' });
  const other = await hub.connect({ producerId: 'q' });
  for (const { sequence, first, firstSentMs } of entries) {
    const id = client.nextId();
    const sent = { ...entry('a'), sequence, first };
    client.send({ op: 'publish', id, ack: 'memory', entries: [sent], ...(firstSentMs && { firstSentMs }) });
    await client.published(id).catch(() => {});
    // Takes the one place that there is to be remembered.
    const otherId = other.nextId();
    other.send({
      op: 'publish',
      id: otherId,
      ack: 'memory',
      entries: [{ ...entry('a'), sequence, first: true }],
    });
    await other.published(otherId);
  }
  return client;
}

const PROVOKED: Readonly<Record<WireErrorCode, Provoke>> = {
  'bad-frame': () => asked((client) => client.sendRaw(Uint8Array.of(0xc1))),
  'frame-too-large': () => asked((client) => client.sendRaw(new Uint8Array(1_048_577))),
  'unknown-opcode': () => asked((client) => client.sendRaw(Uint8Array.of(0x91, 0x3f))),
  'hello-required': async () => {
    const client = await (await startHub()).dial();
    client.send({ op: 'ping', id: 1 });
    return client;
  },
  'hello-timeout': async () => (await startHub({ config: { helloTimeoutMs: 100 } })).dial(),
  'hello-repeated': () =>
    asked((client) =>
      client.send({ op: 'hello', token: null, client: null, features: [], producerId: null }),
    ),
  'credit-exceeded': () =>
    asked(
      (client) => {
        for (let i = 0; i < 8; i++)
          client.publishLater([{ channel: 'a', values: ['x'.repeat(500_000)] }], 'memory', 0);
      },
      { config: { limits: { publishCreditBytes: 65_536 } } },
    ),
  'not-reading': () =>
    asked(async (client, hub) => {
      const other = await hub.connect();
      await other.publish('a', ['x'.repeat(500_000)]);
      client.pause();
      for (let i = 0; i < 60; i++) {
        client.pull('a');
        if (i % 8 === 7) await other.ping();
      }
      client.resume();
    }),
  lagging: () =>
    asked(async (client) => {
      await client.subscribe('a', 'latest', { policy: 'disconnect', maxLagRecords: 1, creditBytes: 1 });
      for (let i = 0; i < 3; i++) await client.publish('a', [i]);
    }),
  'producer-replaced': async () => {
    const hub = await startHub();
    const client = await hub.connect({ producerId: 'p' });
    await hub.connect({ producerId: 'p' });
    return client;
  },
  'token-missing': () => withToken(null),
  'token-malformed': () => withToken('not.a.jwt'),
  'token-algorithm': () => withToken(assembleToken({ alg: 'none' }, claims())),
  'token-key-unknown': async () => {
    const endpoint = await KeyEndpoint.start();
    onTestFinished(() => endpoint.stop());
    endpoint.publish(jwkOf(rsaPair(), { kid: 'one', alg: 'RS256' }));
    const token = forgeToken(rsaPair().privateKey, claims(), { alg: 'RS256', kid: 'two' });
    return withToken(token, { jwksUrl: endpoint.url });
  },
  'token-signature': () => withToken(forgeToken('another secret that is long enough too', claims())),
  'token-expired': () => withToken(forgeToken(SECRET, claims({ exp: nowSeconds() - 60 }))),
  'token-not-yet-valid': () => withToken(forgeToken(SECRET, claims({ nbf: nowSeconds() + 600 }))),
  'token-audience': () => withToken(forgeToken(SECRET, claims({ aud: 'them' }))),
  'token-issuer': () => withToken(forgeToken(SECRET, claims({ iss: 'them' }))),
  'token-claims': () => withToken(forgeToken(SECRET, claims({ ringcast: { subscribe: 'all' } }))),
  'keys-unavailable': async () => {
    const endpoint = await KeyEndpoint.start();
    onTestFinished(() => endpoint.stop());
    endpoint.breakDown();
    const token = forgeToken(rsaPair().privateKey, claims(), { alg: 'RS256', kid: 'one' });
    return withToken(token, { jwksUrl: endpoint.url });
  },
  forbidden: async () => {
    const client = await (await startHub()).connect({ token: { publish: ['b'] } });
    await client.publish('a', [1]).catch(() => {});
    return client;
  },
  'bad-request': () => asked((client) => client.subscribe('a', 'latest', { polycy: 'replay' })),
  'channel-invalid': () => asked((client) => client.subscribe('a..b')),
  'record-too-large': () => asked((client) => client.publish('a', ['x'.repeat(600_000)])),
  'record-invalid': () =>
    asked((client) => {
      const entries = [{ channel: 'a', records: [{ key: null, meta: null, payload: new Uint8Array(0) }] }];
      client.send({ op: 'publish', id: 1, ack: 'memory', entries });
    }),
  'not-subscribed': () => asked((client) => client.unsubscribe(99)),
  'already-subscribed': () =>
    asked(async (client) => {
      await client.subscribe('a');
      await client.subscribe('a');
    }),
  'too-many-subscriptions': () =>
    asked(
      async (client) => {
        await client.subscribe('a');
        await client.subscribe('b');
      },
      { config: { limits: { maxSubscriptionsPerConnection: 1 } } },
    ),
  'too-many-channels': () =>
    asked(
      async (client) => {
        await client.publish('a', [1]);
        await client.publish('b', [1]);
      },
      { config: { limits: { maxChannels: 1 } } },
    ),
  'too-many-connections': async () => {
    const { dial } = await startHub({ config: { limits: { maxConnections: 1 } } });
    await dial();
    return dial();
  },
  'too-many-requests': async () => {
    const store = new FaultyStore(createMemoryStore({ keep: true }));
    const before = await startHub({ store });
    await (await before.connect()).publish('a', [1]);
    await before.hub.stop();
    const { connect } = await startHub({ store, config: { limits: { maxPullsPerConnection: 1 } } });
    const client = await connect();
    onTestFinished(() => store.releaseReads());
    store.holdReads();
    client.pull('a');
    client.pull('a');
    return client;
  },
  'unknown-cursor': () =>
    asked((client) => client.subscribe('a', { cursor: { epoch: 9_999_999_999, offset: 1 } })),
  'not-durable': () => asked((client) => client.publish('a', [1], 'disk')),
  'no-state': () => asked((client) => client.subscribe('a', 'state')),
  'too-many-keys': () =>
    asked(
      (client) => {
        const entries = [entry('a', 1, 'k'), entry('a', 1, 'l')];
        client.send({ op: 'publish', id: 1, ack: 'memory', entries });
      },
      { config: { channels: [{ pattern: 'a', state: { maxKeys: 1 } }] } },
    ),
  conflict: () =>
    asked((client) => {
      const entries = [{ ...entry('a'), expectedCursor: { epoch: 1, offset: 7 } }];
      client.send({ op: 'publish', id: 1, ack: 'memory', entries });
    }),
  'out-of-sequence': () => asProducer({ sequence: 7, first: false }),
  'producer-unknown': () =>
    asProducer({ sequence: 1, first: true }, { sequence: 1, first: true, firstSentMs: Date.now() - 60_000 }),
  overloaded: async () => {
    const store = durableStore();
    const config = { memory: { unpersistedBytes: 1_048_576 }, limits: { publishCreditBytes: 4_194_304 } };
    return asked(
      async (client) => {
        store.holdWrites();
        for (let i = 0; i < 4; i++) await client.publish('a', ['x'.repeat(400_000)]);
      },
      { store, config },
    );
  },
  'store-failed': async () => {
    const store = durableStore();
    const { client, hub } = await connected({ store });
    store.failNextWrite('nothing-written');
    store.failOpens(100);
    await client.publish('a', [1]);
    const isFailing = async () => (await hub.metric('ringcast_store_failing')) === 1;
    await until(isFailing, { what: 'the store to fail' });
    await client.publish('a', [1], 'disk').catch(() => {});
    return client;
  },
  'shutting-down': async () => {
    const store = durableStore();
    const before = await startHub({ store });
    await (await before.connect()).publish('a', [1]);
    await before.hub.stop();
    // Its channel is still being opened when the hub stops: no answer but this one is possible.
    const { hub, client } = await connected({ store });
    store.holdReads();
    onTestFinished(() => store.releaseReads());
    client.publishLater([{ channel: 'a', values: [1] }]);
    await until(() => store.heldReads > 0, { what: 'the channel to be opened' });
    client.send({ op: 'ping', id: 1 });
    void hub.hub.stop();
    return client;
  },
  internal: async () => {
    const store = createMemoryStore({ keep: true });
    await store.open();
    await store.write([{ type: 'put', key: nameKey('a'), value: Buffer.of(0xc1) }]);
    await store.write([{ type: 'put', key: Buffer.of(0x6e, 0, 0, 0, 1), value: Buffer.from('a') }]);
    await store.close();
    return asked((client) => client.subscribe('a'), { store });
  },
};

describe('error codes', () => {
  // Its connections are told going-away and closed before; see the test of publish in unit/hub.
  const { 'shutting-down': _, ...overTheWire } = PROVOKED;
  test.each(Object.entries(overTheWire))('%s is told to who provokes it', async (code, provoke) => {
    const client = await provoke();
    const have = () => [client.frames.slice(-5), client.close];
    const isCode = () => client.frames.some((frame) => frame.op === 'error' && frame.code === code);
    await until(isCode, { what: `the error ${code}`, have });
  });
});

/** Which of the above, or what else, ends with each close. */
const CLOSED: Readonly<Record<CloseReason, Provoke>> = {
  'going-away': async () => {
    const { hub, client } = await connected();
    void hub.hub.stop();
    return client;
  },
  'hello-timeout': PROVOKED['hello-timeout'],
  'internal-error': PROVOKED['keys-unavailable'],
  'too-many-connections': PROVOKED['too-many-connections'],
  'not-reading': PROVOKED['not-reading'],
  lagging: PROVOKED.lagging,
  'token-expired': async () => {
    const tokens = { graceMs: 0 };
    const hub = await startHub({ config: { tokens, auth: { secret: SECRET, clockToleranceMs: 0 } } });
    return hub.connect({ token: { ttlMs: 1000 } });
  },
  'token-refused': PROVOKED['token-missing'],
  'bad-frame': PROVOKED['bad-frame'],
  'frame-too-large': PROVOKED['frame-too-large'],
  'credit-exceeded': PROVOKED['credit-exceeded'],
  'hello-required': PROVOKED['hello-required'],
  'producer-replaced': PROVOKED['producer-replaced'],
};

describe('close codes', () => {
  test.each(Object.entries(CLOSED))('%s ends the connection of who provokes it', async (name, provoke) => {
    const client = await provoke();
    expect(await client.closed()).toEqual({ code: CLOSE_CODES[name as CloseReason], reason: name });
  });
});
