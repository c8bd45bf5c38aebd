import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Client } from '../../../client/client.ts';
import type { TransportHandlers } from '../../../client/transport.ts';
import { type Clock, ManualClock } from '../../../shared/clock.ts';
import { RingcastError } from '../../../shared/errors.ts';
import { comeBack, connectFake, quiet, setUp } from '../../support/fake-client.ts';
import { FakeHub } from '../../support/fake-hub.ts';

afterEach(() => vi.restoreAllMocks());

/** What a promise came to, without waiting for it. */
function outcome(promise: Promise<unknown>): { value?: unknown; error?: unknown } {
  const out: { value?: unknown; error?: unknown } = {};
  promise.then(
    (value) => {
      out.value = value;
    },
    (error: unknown) => {
      out.error = error;
    },
  );
  return out;
}

describe('connect', () => {
  test('resolves after the welcome, having said hello first and nothing else', async () => {
    const { hub, client } = await setUp({ client: 'ticker' });
    expect(client.status).toBe('live');
    expect(client.welcome?.server).toBe('fake/1');
    expect(hub.connection.received).toEqual([
      { op: 'hello', token: 'secret', client: 'ticker', features: ['head'], producerId: expect.any(String) },
    ]);
  });

  test.each(['nonsense', 'http://hub.test/', ''])('rejects with TypeError for the URL %j', async (url) => {
    const { connectWith } = await import('../../../client/connect.ts');
    await expect(connectWith(url, { token: null }, new FakeHub().openTransport)).rejects.toThrow(TypeError);
  });

  test('rejects at once when a fixed token is refused, with the hub’s code', async () => {
    const hub = new FakeHub();
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'hello') return false;
      connection.refuse(null, 'token-signature');
      queueMicrotask(() => queueMicrotask(() => connection.cut(4101)));
      return true;
    };
    await expect(connectFake(hub, new ManualClock())).rejects.toMatchObject({ code: 'token-signature' });
    expect(hub.connections).toHaveLength(1);
  });

  test('passing failures are tried again until the timeout, which tells the last of them', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    hub.refuseWith = 1006;
    const result = outcome(connectFake(hub, clock));
    for (let i = 0; i < 100; i++) {
      clock.advance(100);
      await quiet();
    }
    expect(hub.connections.length).toBeGreaterThan(3);
    expect(result.error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('refused by the test'),
    });
    expect((result.error as RingcastError).cause).toMatchObject({ code: 'connection-lost' });
    const attempts = hub.connections.length;
    clock.advance(100_000);
    await quiet();
    expect(hub.connections).toHaveLength(attempts);
  });

  test('a hub that comes up in time is reached', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    hub.refuseWith = 1006;
    const result = outcome(connectFake(hub, clock));
    await quiet();
    hub.refuseWith = undefined;
    clock.advance(200);
    await quiet();
    expect(hub.connections).toHaveLength(2);
    expect(result.value).toMatchObject({ status: 'live' });
  });

  test('a hub that never welcomes is given up on and tried again', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    hub.intercept = (frame) => frame.op === 'hello' && hub.connections.length === 1;
    const result = outcome(connectFake(hub, clock, { timeoutMs: 60_000 }));
    await quiet();
    clock.advance(10_000);
    expect(hub.connections[0]?.closedWith).toEqual({ code: undefined });
    clock.advance(200);
    await quiet();
    expect(hub.connections).toHaveLength(2);
    expect(result.value).toBeDefined();
  });

  test('aborting rejects with the signal’s reason and leaves nothing behind', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    hub.intercept = () => true;
    const abort = new AbortController();
    const result = outcome(connectFake(hub, clock, { signal: abort.signal }));
    await quiet();
    abort.abort(new Error('changed my mind'));
    await quiet();
    expect(result.error).toMatchObject({ message: 'changed my mind' });
    expect(hub.connection.closedWith).toBeDefined();
  });

  test('a token function is asked for every attempt; its failure is a passing one', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    let calls = 0;
    const token = async () => {
      calls++;
      if (calls === 1) throw new Error('token server down');
      return `token-${calls}`;
    };
    const result = outcome(connectFake(hub, clock, { token }));
    await quiet();
    clock.advance(200);
    await quiet();
    hub.connection.cut();
    await comeBack({ clock, client: result.value as Client });
    expect(hub.received('hello').map((hello) => hello.token)).toEqual(['token-2', 'token-3']);
  });

  test('a refused token from a function is replaced by another', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'hello' || frame.token !== 'stale') return false;
      connection.refuse(null, 'token-expired');
      queueMicrotask(() => queueMicrotask(() => connection.cut(4101)));
      return true;
    };
    const tokens = ['stale', 'fresh'];
    const result = outcome(connectFake(hub, clock, { token: () => tokens.shift()! }));
    await quiet();
    clock.advance(200);
    await quiet();
    expect(result.value).toBeDefined();
  });
});

describe('status', () => {
  test('tells of every change, in order, with the failure', async () => {
    const seen: string[] = [];
    const { hub, clock, client } = await setUp({
      onStatus: (status, failure) => seen.push(failure ? `${status} ${failure.code}` : status),
    });
    hub.connection.cut();
    await comeBack({ clock, client });
    await client.close();
    expect(seen).toEqual(['live', 'offline connection-lost', 'live', 'closing', 'closed']);
  });

  test('a token that expires and cannot be renewed closes the client, saying so', async () => {
    const { hub, client } = await setUp();
    hub.connection.refuse(null, 'token-expired');
    await quiet();
    hub.connection.cut(4100);
    expect(client.status).toBe('closed');
    expect(client.failure?.code).toBe('token-expired');
    expect(() => client.subscribe('a')).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  test('going-away comes back no sooner than asked, and not all at the same time', async () => {
    const { hub, clock } = await setUp({ backoff: { random: () => 0.5 } });
    hub.connection.send({ op: 'going-away', reconnectAfterMs: 5000 });
    await quiet();
    hub.connection.cut(4000);
    clock.advance(5099);
    await quiet();
    expect(hub.connections).toHaveLength(1);
    clock.advance(1);
    await quiet();
    expect(hub.connections).toHaveLength(2);
  });

  test('a damaged frame from the hub ends the connection, and the next is tried', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.sendBytes(Uint8Array.of(0xc1, 0xff));
    await quiet();
    expect(client.status).toBe('offline');
    expect(client.failure?.code).toBe('bad-frame');
    await comeBack({ clock, client });
    expect(client.status).toBe('live');
  });

  test('frames that are not known are passed over', async () => {
    const { hub, client } = await setUp();
    hub.connection.sendBytes(Uint8Array.of(0x92, 0x7f, 0x01));
    await quiet();
    expect(client.status).toBe('live');
  });
});

describe('an earlier life', () => {
  test('of the transport is not listened to any more', async () => {
    const all: TransportHandlers[] = [];
    const hub = new FakeHub();
    const clock = new ManualClock();
    const client = await connectFake(hub, clock, {
      transport: (url, handlers) => {
        all.push(handlers);
        return hub.openTransport(url, handlers);
      },
    });
    hub.connection.cut();
    await comeBack({ clock, client });
    all[0]?.onMessage(Uint8Array.of(0xc1));
    all[0]?.onClose(4200, 'late');
    expect(client.status).toBe('live');
  });

  test('of a token is not used any more', async () => {
    const hub = new FakeHub();
    const clock = new ManualClock();
    const give: ((token: string) => void)[] = [];
    const connecting = connectFake(hub, clock, {
      token: () => new Promise((resolve) => give.push(resolve)),
      timeoutMs: 60_000,
    });
    clock.advance(10_000);
    clock.advance(200);
    expect(give).toHaveLength(2);
    give[0]?.('stale');
    await quiet();
    expect(hub.connections).toHaveLength(0);
    give[1]?.('fresh');
    await connecting;
    expect(hub.received('hello').map((hello) => hello.token)).toEqual(['fresh']);
  });
});

describe('heartbeat', () => {
  test('silence is asked about after 20 s and taken for death after 40 s', async () => {
    const { hub, clock, client } = await setUp();
    hub.intercept = (frame) => frame.op === 'ping';
    clock.advance(20_000);
    await quiet();
    expect(hub.received('ping')).toHaveLength(1);
    clock.advance(19_999);
    expect(client.status).toBe('live');
    clock.advance(1);
    expect(client.status).toBe('offline');
    expect(client.failure?.code).toBe('timeout');
    expect(hub.connection.closedWith).toEqual({ code: undefined });
  });

  test('an answering hub stays connected however quiet its channels are', async () => {
    const { hub, clock, client } = await setUp();
    for (let i = 0; i < 20; i++) {
      clock.advance(20_000);
      await quiet();
    }
    expect(client.status).toBe('live');
    expect(hub.received('ping').length).toBeGreaterThan(5);
  });
});

describe('tokens', () => {
  test('a token that runs out is renewed where a function gets tokens', async () => {
    let calls = 0;
    const { hub, client } = await setUp({ token: () => `token-${++calls}` });
    hub.connection.send({ op: 'token-expiring', expiresAtMs: 1 });
    await quiet();
    expect(hub.received('refresh')).toMatchObject([{ token: 'token-2' }]);
    expect(client.status).toBe('live');
  });

  test('a fixed token is left to expire', async () => {
    const { hub } = await setUp();
    hub.connection.send({ op: 'token-expiring', expiresAtMs: 1 });
    await quiet();
    expect(hub.received('refresh')).toEqual([]);
  });

  test('a renewal that fails is reported, and the connection stays', async () => {
    const errors: unknown[] = [];
    let calls = 0;
    const token = () => {
      if (++calls > 1) throw new Error('down');
      return 'first';
    };
    const { hub, client } = await setUp({ token, onError: (error) => errors.push(error) });
    hub.connection.send({ op: 'token-expiring', expiresAtMs: 1 });
    await quiet();
    expect(errors).toEqual([new Error('down')]);
    expect(client.status).toBe('live');
  });

  test('a token handed in is given to the hub and used from then on', async () => {
    const { hub, clock, client } = await setUp();
    await client.refreshToken('second');
    expect(hub.received('refresh')).toMatchObject([{ token: 'second' }]);
    hub.connection.cut();
    await comeBack({ clock, client });
    expect(hub.received('hello').at(-1)?.token).toBe('second');
    await expect(client.refreshToken()).rejects.toThrow(TypeError);
  });

  test('a refused refresh rejects with the hub’s code', async () => {
    const { hub, client } = await setUp();
    hub.intercept = (frame, connection) => {
      if (frame.op === 'refresh') connection.refuse(frame.id, 'token-audience');
      return frame.op === 'refresh';
    };
    await expect(client.refreshToken('wrong')).rejects.toMatchObject({ code: 'token-audience' });
  });
});

describe('close', () => {
  test('waits for what is outstanding, then shakes hands', async () => {
    const { hub, client } = await setUp();
    let answer = () => {};
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'publish') return false;
      answer = () => connection.takePublish(frame);
      return true;
    };
    const published = outcome(client.publish('a', 1));
    const closed = outcome(client.close());
    await quiet();
    expect(client.status).toBe('closing');
    expect(hub.connection.closedWith).toBeUndefined();
    answer();
    await quiet();
    expect(published.value).toEqual({ cursor: '7-1' });
    expect(hub.connection.closedWith).toEqual({ code: 1000 });
    expect(client.status).toBe('closed');
    expect(closed).toEqual({ value: undefined });
  });

  test('does not wait longer than it was told', async () => {
    const { hub, clock, client } = await setUp();
    hub.intercept = (frame) => frame.op === 'publish';
    const published = outcome(client.publish('a', 1));
    void client.close({ timeoutMs: 300 });
    await quiet();
    clock.advance(300);
    await quiet();
    expect(published.error).toMatchObject({ code: 'connection-lost' });
    expect(client.status).toBe('closed');
  });

  test('a hub that does not shake hands is left', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.cut = () => {};
    const closed = client.close();
    await quiet();
    expect(client.status).toBe('closing');
    clock.advance(2000);
    await closed;
    expect(hub.connection.closedWith).toEqual({ code: undefined });
  });

  test('nothing is taken any more, and closing again is the same closing', async () => {
    const { client } = await setUp();
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await expect(client.publish('a', 1)).rejects.toMatchObject({ code: 'closed' });
    expect(() => client.subscribe('a')).toThrow(RingcastError);
    await closing;
    await expect(client.history('a')).rejects.toMatchObject({ code: 'closed' });
  });

  test('while offline, it ends at once and rejects what was never sent', async () => {
    const { hub, clock, client } = await setUp();
    hub.connection.cut();
    const published = outcome(client.publish('a', 1));
    await client.close();
    await quiet();
    expect(published.error).toMatchObject({ code: 'closed' });
    clock.advance(100_000);
    await quiet();
    expect(hub.connections).toHaveLength(1);
  });

  test('in the middle of losing the connection is the end, and the last status', async () => {
    const { hub, clock, client } = await setUp();
    const subscription = client.subscribe('a', {}, () => {});
    subscription.on('state', (state) => state === 'offline' && void client.close());
    await quiet();
    hub.connection.cut();
    expect(client.status).toBe('closed');
    clock.advance(100_000);
    await quiet();
    expect(hub.connections).toHaveLength(1);
  });

  test('leaves no timer behind, however it went', async () => {
    let timers = 0;
    const manual = new ManualClock();
    const clock: Clock = {
      nowMs: () => manual.nowMs(),
      monotonicMs: () => manual.monotonicMs(),
      after(delayMs, run) {
        let pending = true;
        timers++;
        const settle = () => {
          if (pending) timers--;
          pending = false;
        };
        const cancel = manual.after(delayMs, () => {
          settle();
          run();
        });
        return () => {
          settle();
          cancel();
        };
      },
    };
    const ends: ((hub: FakeHub) => void)[] = [() => {}, (hub) => hub.connection.cut()];
    for (const end of ends) {
      const hub = new FakeHub();
      const client = await connectFake(hub, clock);
      hub.intercept = (frame) => frame.op === 'publish' || frame.op === 'pull';
      client.subscribe('a', {}, () => {});
      client.subscribe('a', { from: 'earliest' }, () => {});
      client.publish('a', 1).catch(() => {});
      await quiet();
      const closed = client.close({ timeoutMs: 100 });
      end(hub);
      await quiet();
      if (client.status !== 'closed') manual.advance(100);
      await closed;
      expect(timers).toBe(0);
    }
  });

  test('what nobody listens for goes to the console', async () => {
    const spy = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { hub } = await setUp();
    hub.connection.refuse(null, 'forbidden', { channel: 'a', count: 3 });
    await quiet();
    expect(spy).toHaveBeenCalledWith('ringcast:', 'a', expect.objectContaining({ code: 'forbidden' }));
  });
});
