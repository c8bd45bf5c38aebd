/** What a client makes of the platform's signals, over a fake hub. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PROBE_MS } from '../../../client/heartbeat.ts';
import type { WakeSignal, WakeSource } from '../../../client/wake-signals.ts';
import { collector, comeBack, type FakeSetup, quiet, setUp } from '../../support/fake-client.ts';

/** Signals by hand. */
class FakeWake implements WakeSource {
  networkAbsent = false;
  readonly tellAll = new Set<(signal: WakeSignal) => void>();

  watch(_clock: unknown, tell: (signal: WakeSignal) => void): () => void {
    this.tellAll.add(tell);
    return () => this.tellAll.delete(tell);
  }

  async happen(signal: WakeSignal): Promise<void> {
    for (const tell of this.tellAll) tell(signal);
    await quiet();
  }
}

let wake: FakeWake;
let setup: FakeSetup;

beforeEach(async () => {
  wake = new FakeWake();
  setup = await setUp({ wakeSignals: wake });
});

/** Lets `count` attempts fail, and leaves the client in its backoff. */
async function failAttempts(count: number): Promise<void> {
  const { hub, clock } = setup;
  hub.refuseWith = 1006;
  hub.connection.cut();
  const before = hub.connections.length;
  for (let i = 0; i < 1000 && hub.connections.length < before + count; i++) {
    clock.advance(100);
    await quiet();
  }
  hub.refuseWith = undefined;
}

describe('waking', () => {
  test('in a backoff connects at once', async () => {
    const { hub, client } = setup;
    await failAttempts(8);
    expect(client.status).toBe('offline');
    const attempts = hub.connections.length;
    await wake.happen('woken');
    expect(hub.connections).toHaveLength(attempts + 1);
    expect(client.status).toBe('live');
  });

  test('by several signals at once makes one connection and one ping', async () => {
    const { hub } = setup;
    await failAttempts(3);
    const attempts = hub.connections.length;
    for (const tell of wake.tellAll) {
      tell('woken');
      tell('woken');
      tell('woken');
    }
    await quiet();
    expect(hub.connections).toHaveLength(attempts + 1);
    for (const tell of wake.tellAll) {
      tell('woken');
      tell('woken');
    }
    await quiet();
    expect(hub.received('ping')).toHaveLength(1);
  });

  test('with the hub still away goes on with short backoffs', async () => {
    const { hub, clock } = setup;
    await failAttempts(8);
    hub.refuseWith = 1006;
    await wake.happen('woken');
    const attempts = hub.connections.length;
    clock.advance(200);
    await quiet();
    expect(hub.connections).toHaveLength(attempts + 1);
  });

  test('on a link that lives changes nothing', async () => {
    const { hub, clock, client } = setup;
    await wake.happen('woken');
    expect(hub.received('ping')).toHaveLength(1);
    clock.advance(PROBE_MS);
    await quiet();
    expect(client.status).toBe('live');
    expect(hub.connections).toHaveLength(1);
  });

  test.each(['woken', 'doubted'] as const)(
    '%s on a dead link makes a new one within seconds',
    async (signal) => {
      const { hub, clock, client } = setup;
      hub.intercept = (frame, connection) => frame.op === 'ping' && connection === hub.connections[0];
      await wake.happen(signal);
      clock.advance(PROBE_MS - 1);
      expect(client.status).toBe('live');
      clock.advance(1);
      expect(client.status).toBe('offline');
      expect(client.failure?.code).toBe('timeout');
      clock.advance(200);
      await quiet();
      expect(client.status).toBe('live');
      expect(hub.connections[0]?.closedWith).toEqual({ code: undefined });
    },
  );

  test('a network that is said to be gone is believed no further than its answers', async () => {
    const { client } = setup;
    wake.networkAbsent = true;
    await wake.happen('doubted');
    setup.clock.advance(60_000);
    await quiet();
    expect(client.status).toBe('live');
  });

  test('without a network the client tries on, at the longest backoff', async () => {
    const { hub, clock, client } = setup;
    wake.networkAbsent = true;
    hub.connection.cut();
    clock.advance(19_999);
    await quiet();
    expect(hub.connections).toHaveLength(1);
    clock.advance(1);
    await quiet();
    expect(client.status).toBe('live');
  });
});

describe('a page that is put aside', () => {
  test('closes its socket, is quiet, and goes on where it was when it is back', async () => {
    const { hub, clock, client } = setup;
    const { seen, listener } = collector();
    client.subscribe('a', {}, listener);
    await quiet();
    hub.append('a', 1, 2);
    await quiet();
    await wake.happen('suspended');
    expect(hub.connection.closedWith).toBeDefined();
    expect(client.status).toBe('offline');
    hub.append('a', 3);
    clock.advance(15_000);
    await quiet();
    expect(hub.connections).toHaveLength(1);
    await wake.happen('woken');
    expect(client.status).toBe('live');
    expect(seen).toEqual([1, 2, 3]);
  });

  test('sends again what was not acknowledged, and it is taken once', async () => {
    const { hub, client } = setup;
    let held = 0;
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'publish' || connection !== hub.connections[0]) return false;
      // Taken, and the answer lost.
      hub.publishes.take(frame, connection.producerId);
      held++;
      return true;
    };
    const published = client.publish('a', 'once');
    await quiet();
    expect(held).toBe(1);
    await wake.happen('suspended');
    await wake.happen('woken');
    // Taken before the answer was lost: where, the hub does not say any more.
    expect((await published).cursor).toBeNull();
    expect(hub.log('a').head.offset).toBe(1);
  });

  test('comes back by itself where nobody wakes it', async () => {
    await wake.happen('suspended');
    await comeBack(setup);
    expect(setup.client.status).toBe('live');
  });
});

describe('the platform', () => {
  test('is listened to as long as the client is not closed', async () => {
    expect(wake.tellAll.size).toBe(1);
    await setup.client.close();
    expect(wake.tellAll.size).toBe(0);
  });

  test('is let go of by a client whose token is refused for good', async () => {
    setup.hub.connection.cut(4101);
    expect(setup.client.status).toBe('closed');
    expect(wake.tellAll.size).toBe(0);
  });
});
