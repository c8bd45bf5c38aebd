/**
 * A browser tab for tests of what survives it: a client that can die in the middle of anything, after which neither it
 * nor the hub hears of the other again.
 */
import type { Client } from '../../client/client.ts';
import type { ConnectOptions } from '../../client/options.ts';
import type { OpenTransport } from '../../client/transport.ts';
import type { ManualClock } from '../../shared/clock.ts';
import { connectFake } from './fake-client.ts';
import type { FakeConnection, FakeHub } from './fake-hub.ts';
import type { MemoryOutbox } from './memory-outbox.ts';

export class Tab {
  readonly errors: unknown[] = [];
  client: Client | undefined;
  #dead = false;
  readonly #connections: FakeConnection[] = [];
  readonly #hub: FakeHub;
  readonly #store: ReturnType<MemoryOutbox['view']>;

  private constructor(hub: FakeHub, store: MemoryOutbox) {
    this.#hub = hub;
    this.#store = store.view();
  }

  /** Its `client` comes when the hub has welcomed it. */
  static open(
    hub: FakeHub,
    clock: ManualClock,
    store: MemoryOutbox,
    options: Partial<ConnectOptions> = {},
  ): Tab {
    const tab = new Tab(hub, store);
    const opened = connectFake(hub, clock, {
      transport: tab.#openTransport,
      outboxStore: tab.#store,
      onError: (error) => tab.errors.push(error),
      timeoutMs: Number.POSITIVE_INFINITY,
      ...options,
    });
    opened.then(
      (client) => {
        tab.client = client;
      },
      () => {},
    );
    return tab;
  }

  /** What was sent to the hub and has not got there is lost. */
  die(): void {
    this.#dead = true;
    this.#store.die();
    for (const connection of this.#connections) connection.cut();
  }

  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  readonly #openTransport: OpenTransport = (url, handlers) => {
    const alive = (run: () => void) => {
      if (!this.#dead) run();
    };
    const transport = this.#hub.openTransport(url, {
      onOpen: () => alive(() => handlers.onOpen()),
      onMessage: (bytes) => alive(() => handlers.onMessage(bytes)),
      onClose: (code, reason) => alive(() => handlers.onClose(code, reason)),
    });
    const connection = this.#hub.connection;
    this.#connections.push(connection);
    if (this.#dead) connection.cut();
    return {
      bufferedAmount: 0,
      send: (bytes) => alive(() => transport.send(bytes)),
      close: (code, reason) => alive(() => transport.close(code, reason)),
    };
  };
}
