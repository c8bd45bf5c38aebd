/**
 * A TCP proxy between page and hub, so that a test can take the network away as it goes away in life: with an end that
 * both sides see, or with none, as where a radio is switched off.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class CuttableProxy {
  readonly url: string;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: 'open' | 'cut' | 'silent' = 'open';
  /** Connections taken so far. */
  accepted = 0;

  private constructor(port: number) {
    this.url = `ws://127.0.0.1:${port}`;
  }

  /** To the hub at `url`; gone when the test is over. */
  static async start(url: string): Promise<CuttableProxy> {
    const target = Number(new URL(url).port);
    const server = createServer((socket) => proxy.#accept(socket, target)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new CuttableProxy((server.address() as AddressInfo).port);
    onTestFinished(() => {
      server.close();
      proxy.cut();
    });
    return proxy;
  }

  /** Ends every connection, and each that comes. */
  cut(): void {
    this.#state = 'cut';
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Nothing goes through any more, and nobody is told: connections stand, new ones are taken and not answered. */
  silence(): void {
    this.#state = 'silent';
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** New connections go through. What was silenced stays so: its network is not coming back. */
  restore(): void {
    this.#state = 'open';
  }

  #accept(socket: Socket, target: number): void {
    this.accepted++;
    socket.on('error', () => {});
    if (this.#state === 'cut') {
      socket.destroy();
      return;
    }
    const hub = connect({ port: target, host: '127.0.0.1', noDelay: true });
    const pair = [socket.setNoDelay(true), hub] as const;
    this.#pairs.add(pair);
    hub.on('error', () => {});
    for (const [from, to] of [pair, [hub, socket] as const]) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#state === 'silent') for (const each of pair) each.pause();
  }
}
