/** A key endpoint over real HTTP on the loopback, whose answers a test sets and whose requests it counts. */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (response: ServerResponse) => void;

export class KeyEndpoint {
  /** Requests so far. */
  requests = 0;
  #answer: Answer = (response) => response.destroy();
  #arrivals: (() => void)[] = [];
  readonly #server = createServer((_request, response) => {
    this.requests++;
    this.#answer(response);
    for (const arrived of this.#arrivals.splice(0)) arrived();
  });

  static async start(): Promise<KeyEndpoint> {
    const endpoint = new KeyEndpoint();
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  publish(...keys: unknown[]): void {
    this.answerWith(200, JSON.stringify({ keys }));
  }

  answerWith(status: number, body: string): void {
    this.answer((response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body));
  }

  /** Cuts every connection without an answer. */
  breakDown(): void {
    this.answer((response) => response.destroy());
  }

  answer(answer: Answer): void {
    this.#answer = answer;
  }

  /** Resolves once the next request has come in. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => this.#arrivals.push(resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
