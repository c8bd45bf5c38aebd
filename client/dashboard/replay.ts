/**
 * Plays a channel's past from a moment on: pages are pulled as they are needed, and records handed out at the pace at
 * which they came, or quicker, or one by one. Ends by itself when it has come to the present. Called by the channel
 * session; how many records are due is decided in model/pacing.ts.
 */
import type { Gap } from '../../shared/terms.ts';
import type { Client, HistoryPage, ReceivedRecord } from '../index.ts';
import type { Place } from './model/moment.ts';
import { advance, type Speed } from './model/pacing.ts';
import { interleaved } from './model/tail.ts';

type Item = ReceivedRecord | Gap;

export interface ReplayPort {
  /** Another place: what came before it, up to and including its first record. */
  onPlace(items: readonly Item[]): void;
  onItems(items: readonly Item[]): void;
  /** There is no more past. */
  onPresent(): void;
  onError(error: unknown): void;
  onChange(): void;
}

/** Shown before the place, so that nobody lands in an empty page. */
const CONTEXT_RECORDS = 60;
const PAGE_RECORDS = 400;
/** Fewer than these left: the next page is asked for. */
const REFILL_BELOW = 300;

export class Replay {
  playheadMs = 0;
  playing = false;
  speed: Speed = 1;
  loading = false;
  /** Silence that was not waited for since the place was chosen, ms. */
  skippedMs = 0;
  readonly #client: Client;
  readonly #channel: string;
  readonly #port: ReplayPort;
  /** Cursor text from which the next page is read. */
  #next = '';
  #atEnd = false;
  #items: Item[] = [];
  #wanted: Place | undefined;
  #pulling = false;
  #frame = 0;
  #lastFrameMs = 0;
  #closed = false;
  /** Of the place; a page that was asked for at another one is thrown away. */
  #visit = 0;

  constructor(client: Client, channel: string, port: ReplayPort) {
    this.#client = client;
    this.#channel = channel;
    this.#port = port;
  }

  /** Goes there; while one place is being read, of later ones only the last counts. */
  async seek(place: Place, epochAt: (offset: number) => number): Promise<void> {
    this.#wanted = place;
    if (this.loading) return;
    this.loading = true;
    this.#port.onChange();
    try {
      while (this.#wanted && !this.#closed) {
        const wanted = this.#wanted;
        this.#wanted = undefined;
        await this.#visitPlace(fromOf(wanted, epochAt));
      }
    } catch (error) {
      this.pause();
      if (!this.#closed) this.#port.onError(error);
    }
    this.loading = false;
    this.#port.onChange();
  }

  play(speed: Speed = this.speed): void {
    this.speed = speed;
    if (this.playing || this.#closed) return;
    this.playing = true;
    this.#lastFrameMs = performance.now();
    this.#frame = requestAnimationFrame(this.#onFrame);
    this.#port.onChange();
  }

  pause(): void {
    cancelAnimationFrame(this.#frame);
    this.playing = false;
    this.#port.onChange();
  }

  /** The next record, and the gaps before it. */
  step(): void {
    this.pause();
    this.#release(1);
  }

  close(): void {
    this.#closed = true;
    this.pause();
    this.#items = [];
  }

  async #visitPlace(from: string | { since: number }): Promise<void> {
    this.#visit += 1;
    this.#items = [];
    const page = await this.#client.history(this.#channel, { from, limit: PAGE_RECORDS });
    const [first] = page.records;
    if (this.#closed || (this.#wanted && first)) return;
    if (!first) {
      this.#wanted = undefined;
      this.#port.onPresent();
      return;
    }
    const before = await this.#client.history(this.#channel, {
      from: `${first.epoch}-${first.offset - 1}`,
      reverse: true,
      limit: CONTEXT_RECORDS,
    });
    if (this.#closed) return;
    this.#take(page);
    // The page's own first gaps are told by the pages before it, but for what retention has removed.
    const untold = this.#leadingGaps().filter(({ reason }) => reason === 'retention');
    this.#items.shift();
    this.playheadMs = first.timeMs;
    this.skippedMs = 0;
    this.#port.onPlace([...interleaved([...before.records].reverse(), before.gaps), ...untold, first]);
  }

  #leadingGaps(): Gap[] {
    const gaps: Gap[] = [];
    while (this.#items[0] && 'upTo' in this.#items[0]) gaps.push(this.#items.shift() as Gap);
    return gaps;
  }

  #take({ records, gaps, next, atEnd }: HistoryPage): void {
    for (const item of interleaved(records, gaps)) this.#items.push(item);
    this.#next = next;
    this.#atEnd = atEnd;
  }

  readonly #onFrame = (nowMs: number): void => {
    if (!this.playing) return;
    this.#frame = requestAnimationFrame(this.#onFrame);
    const elapsedMs = Math.max(0, nowMs - this.#lastFrameMs);
    this.#lastFrameMs = nowMs;
    if (this.loading) return;
    const times = this.#items.flatMap((item) => ('upTo' in item ? [] : [item.timeMs]));
    const { playheadMs, release, skippedMs } = advance(this.playheadMs, elapsedMs, this.speed, times);
    this.playheadMs = playheadMs;
    this.skippedMs += skippedMs;
    this.#release(release);
  };

  /** So many records, with the gaps before them. */
  #release(records: number): void {
    let end = 0;
    for (let left = records; left > 0 && end < this.#items.length; end++) {
      if (!('upTo' in this.#items[end]!)) left -= 1;
    }
    const released = this.#items.splice(0, end);
    if (released.length > 0) {
      const last = released.findLast((item): item is ReceivedRecord => !('upTo' in item));
      if (last) this.playheadMs = Math.max(this.playheadMs, last.timeMs);
      this.#port.onItems(released);
    }
    if (this.#items.length === 0 && this.#atEnd) {
      this.pause();
      this.#port.onPresent();
    } else if (this.#items.length < REFILL_BELOW) {
      void this.#refill();
    }
    this.#port.onChange();
  }

  async #refill(): Promise<void> {
    if (this.#pulling || this.#atEnd || this.loading) return;
    this.#pulling = true;
    const visit = this.#visit;
    try {
      const page = await this.#client.history(this.#channel, { from: this.#next, limit: PAGE_RECORDS });
      if (visit === this.#visit && !this.#closed) this.#take(page);
    } catch (error) {
      this.pause();
      if (!this.#closed) this.#port.onError(error);
    } finally {
      this.#pulling = false;
    }
  }
}

function fromOf(place: Place, epochAt: (offset: number) => number): string | { since: number } {
  if (place === 'live') return 'latest';
  if (place === 'earliest') return 'earliest';
  if ('sinceMs' in place) return { since: Math.max(0, Math.round(place.sinceMs)) };
  if ('cursor' in place) return `${place.cursor.epoch}-${Math.max(0, place.cursor.offset - 1)}`;
  return `${epochAt(place.offset)}-${Math.max(0, place.offset - 1)}`;
}
