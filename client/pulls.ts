/**
 * Asks the hub for pages of history: a few at a time, in the order in which they were wanted, and again after a cut
 * (reading twice does no harm). Called by subscriptions that read the log and by history.ts.
 */
import type { RingcastError } from '../shared/errors.ts';
import type { Page, Pull } from '../shared/frames.ts';
import type { Requests } from './requests.ts';

/** At most this many wait for an answer; the hub refuses a connection's seventeenth. */
const MAX_PULLS = 8;

export type PullRequest = Omit<Pull, 'op' | 'id'>;

export interface PullHandler {
  /** Runs while the page's frame is handled: before any frame that came after it. */
  page(page: Page): void;
  refused(error: RingcastError): void;
}

export interface PullPort {
  readonly ready: boolean;
  send(frame: Pull): number;
}

interface Wanted {
  readonly request: PullRequest;
  readonly handler: PullHandler;
}

export class Pulls {
  readonly #port: PullPort;
  readonly #requests: Requests;
  #wanted: Wanted[] = [];
  #inFlight = 0;
  #closed: RingcastError | undefined;

  constructor(port: PullPort, requests: Requests) {
    this.#port = port;
    this.#requests = requests;
  }

  pull(request: PullRequest, handler: PullHandler): void {
    if (this.#closed) {
      handler.refused(this.#closed);
      return;
    }
    this.#wanted.push({ request, handler });
    this.advance();
  }

  /** Sends what may be sent; also to be called when a connection begins. */
  advance(): void {
    while (this.#port.ready && this.#inFlight < MAX_PULLS) {
      const next = this.#wanted.shift();
      if (!next) return;
      this.#send(next);
    }
  }

  /** Refuses what waits and whatever is still asked for. */
  close(error: RingcastError): void {
    this.#closed = error;
    const wanted = this.#wanted;
    this.#wanted = [];
    for (const { handler } of wanted) handler.refused(error);
  }

  #send(wanted: Wanted): void {
    this.#inFlight++;
    const settle = (tell: () => void) => {
      this.#inFlight--;
      tell();
      this.advance();
    };
    const id = this.#requests.add<Page>({
      answered: (page) => settle(() => wanted.handler.page(page)),
      refused: (error) => settle(() => wanted.handler.refused(error)),
      lost: () => {
        this.#inFlight--;
        if (this.#closed) wanted.handler.refused(this.#closed);
        else this.#wanted.push(wanted);
      },
    });
    this.#port.send({ op: 'pull', id, ...wanted.request });
  }
}
