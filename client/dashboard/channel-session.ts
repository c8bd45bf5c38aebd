/**
 * One channel as it is looked at: its live tail, its past as the slider plays it, how its records lie in time, and where
 * gaps are. The live subscription goes on while the past is shown, so that the way back is no wait. Made by the channel
 * view for as long as it is open.
 */
import type { Gap } from '../../shared/terms.ts';
import type { Client, GapItem, ReceivedRecord, Subscription } from '../index.ts';
import { Changes, inNextFrame } from './changes.ts';
import { TAIL_TERMS } from './hub-link.ts';
import type { Reach } from './model/axis.ts';
import type { Hole } from './model/holes.ts';
import type { Place } from './model/moment.ts';
import { NumericPlot } from './model/numeric-plot.ts';
import { TAIL_ROWS, Tail } from './model/tail.ts';
import { Timeline } from './model/timeline.ts';
import { Replay } from './replay.ts';
import { type GapMark, survey, surveyBetween } from './survey.ts';

type Item = ReceivedRecord | Gap;

/** Records that a frame's plot looks into. */
const PLOT_RECORDS = 64;
/** What waits for the next frame: a hidden tab has none. */
const MAX_WAITING = 2 * TAIL_ROWS;
const MAX_MARKS = 200;
/** Quicker than the eye reads; each time, 200 rows move. */
const DRAW_EVERY_MS = 90;

export class ChannelSession {
  readonly channel: string;
  readonly changes = new Changes();
  readonly timeline = new Timeline();
  readonly live = new Tail();
  readonly past = new Tail();
  readonly plot = new NumericPlot();
  readonly replay: Replay;
  mode: 'live' | 'past' = 'live';
  /** What the hub refused, of either way of reading. */
  error: unknown = null;
  /** Whether it is known if the channel holds anything. */
  surveyed = false;
  #marks: GapMark[] = [];
  readonly #client: Client;
  readonly #subscription: Subscription<ReceivedRecord | GapItem>;
  #waiting: Item[] = [];
  #flushDue = false;
  /** Gaps behind which no record has come yet. */
  #openGaps: Gap[] = [];
  #closed = false;

  /** Throws RingcastError `channel-invalid`, `already-subscribed`. */
  constructor(client: Client, channel: string) {
    this.channel = channel;
    this.#client = client;
    this.#subscription = client.subscribe(channel, { ...TAIL_TERMS, from: { last: TAIL_ROWS } }, (item) =>
      this.#take('gap' in item ? item.gap : item),
    );
    this.#subscription.on('error', (error) => this.#fail(error));
    this.replay = new Replay(client, channel, {
      onPlace: (items) => this.#place(items),
      onItems: (items) => this.#play(items),
      onPresent: () => this.goLive(),
      onError: (error) => this.#fail(error),
      onChange: () => this.changes.changed(),
    });
    survey(client, channel, this.timeline).then(
      ({ marks }) => {
        this.surveyed = true;
        for (const mark of marks) this.#mark(mark);
        this.changes.changed();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  get tail(): Tail {
    return this.mode === 'live' ? this.live : this.past;
  }

  get marks(): readonly GapMark[] {
    return this.#marks;
  }

  /** The gaps, as a chart over time shows them. */
  get holes(): readonly Hole[] {
    return this.#marks.map(({ gap: { after, reason, count }, timeMs }) => {
      return { fromMs: Math.min(timeMs, this.timeline.timeAt(after.offset)), toMs: timeMs, reason, count };
    });
  }

  close(): void {
    this.#closed = true;
    this.#subscription.unsubscribe();
    this.replay.close();
  }

  /** From the channel's past; the live tail goes on unseen. */
  async seek(place: Place): Promise<void> {
    if (place === 'live') return this.goLive();
    this.error = null;
    this.mode = 'past';
    await this.replay.seek(place, (offset) => this.timeline.epochAt(offset));
  }

  goLive(): void {
    this.replay.pause();
    if (this.mode === 'live') return;
    this.mode = 'live';
    this.#redraw(this.live.rows.map((row) => (row.kind === 'record' ? row.record : row.gap)));
    this.changes.changed();
  }

  /** Looks closer at what the slider now spans. */
  async zoom(reach: Reach): Promise<void> {
    const { last } = this.timeline;
    if (reach === 'all' || !last) return;
    try {
      await surveyBetween(this.#client, this.channel, this.timeline, last.timeMs - reach, last.timeMs);
      this.changes.changed();
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(item: Item): void {
    if ('upTo' in item) this.#openGaps.push(item);
    else this.#follow(item);
    this.#waiting.push(item);
    // Only the newest rows can be seen.
    if (this.#waiting.length > MAX_WAITING) this.#waiting.splice(0, this.#waiting.length - TAIL_ROWS);
    if (this.#flushDue) return;
    this.#flushDue = true;
    setTimeout(() => inNextFrame(this.#flush), DRAW_EVERY_MS);
  }

  #follow(record: ReceivedRecord): void {
    const { timeMs, epoch, offset } = record;
    this.timeline.follow({ timeMs, epoch, offset });
    for (const gap of this.#openGaps) this.#mark({ gap, timeMs, offset });
    this.#openGaps = [];
  }

  readonly #flush = (): void => {
    this.#flushDue = false;
    if (this.#closed) return;
    const items = this.#waiting;
    this.#waiting = [];
    this.live.push(items);
    // What the tail begins with is drawn whole: it comes once.
    if (this.mode === 'live')
      this.#draw(items, this.live.taken > items.length ? PLOT_RECORDS : items.length + 1);
    this.changes.changed();
  };

  #place(items: readonly Item[]): void {
    this.past.clear();
    this.past.push(items);
    this.#redraw(items);
    this.changes.changed();
  }

  #play(items: readonly Item[]): void {
    this.past.push(items);
    this.#draw(items);
    for (const [i, item] of items.entries()) {
      const next = items[i + 1];
      if ('upTo' in item && next && !('upTo' in next)) {
        this.#mark({ gap: item, timeMs: next.timeMs, offset: next.offset });
      }
    }
  }

  #redraw(items: readonly Item[]): void {
    this.plot.clear();
    this.#draw(items, items.length + 1);
  }

  #draw(items: readonly Item[], allowed = PLOT_RECORDS): void {
    this.plot.takeAll(items, allowed);
  }

  #mark(mark: GapMark): void {
    const { upTo, reason } = mark.gap;
    const isKnown = this.#marks.some(
      ({ gap }) => gap.upTo.offset === upTo.offset && gap.upTo.epoch === upTo.epoch && gap.reason === reason,
    );
    if (isKnown) return;
    this.#marks.push(mark);
    if (this.#marks.length > MAX_MARKS) this.#marks.shift();
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.error = error;
    this.surveyed = true;
    this.changes.changed();
  }
}
