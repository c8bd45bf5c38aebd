/**
 * Tells readers that are not live how far their channel has come, so that they can show their lag: the frame `head`, to
 * clients that named that feature. It says nothing of what was sent, moves no cursor and costs no credit. Told of
 * subscriptions by hub.ts; sends by itself, once a second.
 *
 *     not live ──1 s──▶ head ──1 s──▶ head … ──live──▶ head, live: true
 *
 * A spell of less than a second is not told at all: most are a socket that was full for a moment.
 */
import type { Clock } from '../../shared/clock.ts';
import { codecOf } from '../../shared/codec.ts';
import { headCursor } from '../log/log-bounds.ts';
import type { Subscription } from './subscription.ts';

const INTERVAL_MS = 1000;
/** Told in one turn of the event loop; the others in the next. */
const TURN_SUBSCRIPTIONS = 200;

interface Watch {
  dueMs: number;
  wasTold: boolean;
}

export class Heads {
  readonly #clock: Clock;
  /** Whoever is due first comes first: all wait equally long, and go to the end when they were told. */
  readonly #watched = new Map<Subscription, Watch>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get watchedCount(): number {
    return this.#watched.size;
  }

  /** `subscription` may have stopped being live, or has begun without. */
  watch(subscription: Subscription): void {
    const { reader, state } = subscription;
    if (!reader.wantsHeads || state === 'live' || state === 'closed' || this.#watched.has(subscription))
      return;
    this.#watched.set(subscription, { dueMs: this.#clock.monotonicMs() + INTERVAL_MS, wasTold: false });
    this.#arm();
  }

  /** `subscription` is live: nothing is to be told any more, but that, to whom was told otherwise. */
  live(subscription: Subscription): void {
    const watch = this.#watched.get(subscription);
    // Behind what its socket has not taken it would come late: the next look tells it.
    if (!watch || (watch.wasTold && subscription.reader.sink.bufferedBytes > 0)) return;
    this.#watched.delete(subscription);
    if (watch.wasTold) tell(subscription);
  }

  /** `subscription` has ended. */
  forget(subscription: Subscription): void {
    this.#watched.delete(subscription);
  }

  end(): void {
    this.#watched.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    if (this.#cancel) return;
    const [first] = this.#watched.values();
    if (!first) return;
    const delayMs = Math.max(0, first.dueMs - this.#clock.monotonicMs());
    this.#cancel = this.#clock.after(
      delayMs,
      () => {
        this.#cancel = undefined;
        this.#turn();
        this.#arm();
      },
      true,
    );
  }

  #turn(): void {
    const nowMs = this.#clock.monotonicMs();
    let room = TURN_SUBSCRIPTIONS;
    for (const [subscription, watch] of this.#watched) {
      if (watch.dueMs > nowMs || room-- === 0) return;
      this.#watched.delete(subscription);
      watch.dueMs = nowMs + INTERVAL_MS;
      this.#watched.set(subscription, watch);
      // What waits for it says enough; and who takes nothing must not be sent ever more.
      if (subscription.reader.sink.bufferedBytes > 0) continue;
      tell(subscription);
      watch.wasTold = true;
      if (subscription.state === 'live') this.#watched.delete(subscription);
    }
  }
}

function tell({ reader, channelNumber, feed, state }: Subscription): void {
  const { sink } = reader;
  const head = headCursor(feed.pullBounds);
  sink.send(codecOf(sink.form).encodeServer({ op: 'head', channelNumber, head, live: state === 'live' }));
}
