/**
 * Which answer belongs to which request: ids for what the SDK asks of the hub, and what to do with each outcome.
 * Handlers run at once, in the order in which frames arrive; joining a subscription depends on that.
 */
import { RingcastError } from '../shared/errors.ts';
import type { ErrorFrame, Ok, Page, PublishAnswer } from '../shared/frames.ts';

export type Answer = Ok | Page | PublishAnswer;

/** Exactly one of these is called, once. */
export interface RequestHandler<A extends Answer = Answer> {
  answered(answer: A): void;
  refused(error: RingcastError): void;
  /** The connection ended first. */
  lost(): void;
}

export class Requests {
  readonly #open = new Map<number, RequestHandler>();
  #lastId = 0;

  /** The id to send. */
  add<A extends Answer>(handler: RequestHandler<A>): number {
    const id = ++this.#lastId;
    this.#open.set(id, handler as RequestHandler);
    return id;
  }

  /** For what the next hello does as well: resolves when it is answered or lost, rejects with the refusal. */
  ask(send: (id: number) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      send(this.add({ answered: () => resolve(), refused: reject, lost: resolve }));
    });
  }

  answered(answer: Answer): void {
    this.#take(answer.id)?.answered(answer);
  }

  /** False when no request of this id is open. */
  refused(frame: ErrorFrame): boolean {
    const handler = frame.id === null ? undefined : this.#take(frame.id);
    handler?.refused(errorFrom(frame));
    return handler !== undefined;
  }

  /** Nothing that was asked before will be answered. */
  lost(): void {
    const handlers = [...this.#open.values()];
    this.#open.clear();
    for (const handler of handlers) handler.lost();
  }

  #take(id: number): RequestHandler | undefined {
    const handler = this.#open.get(id);
    this.#open.delete(id);
    return handler;
  }
}

/** The error that an error frame tells of. */
export function errorFrom({ code, message, details }: ErrorFrame): RingcastError {
  const retryAfterMs = details?.retryAfterMs;
  return new RingcastError(code, message, typeof retryAfterMs === 'number' ? { retryAfterMs } : {});
}
