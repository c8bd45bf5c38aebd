/**
 * One reader of the walk: a subscription over any number of connections, and everything that it was shown. Each frame is
 * held against the contract (History) and against what is true (World) in the moment in which the hub sends it.
 */
import assert from 'node:assert/strict';
import type { Subscription } from '../../server/hub/subscription.ts';
import type { Subscribe } from '../../shared/frames.ts';
import {
  type Cursor,
  compareCursors,
  type From,
  formatCursor,
  type Gap,
  type GapReason,
  ORIGIN,
} from '../../shared/terms.ts';
import { type Delivered, History, type Shown } from '../support/history.ts';
import type { World } from './world.ts';

export interface ReaderPlan {
  readonly channel: string;
  readonly from: From;
  readonly options: NonNullable<Subscribe['options']>;
}

export class ModelReader {
  readonly plan: ReaderPlan;
  readonly #world: World;
  history: History | undefined;
  subscription: Subscription | undefined;
  /** Sent and not given back. */
  heldBytes = 0;
  /** What each kind of frame and gap came to, for the walk's totals. */
  readonly met: Record<string, number> = {};
  #isStateful: boolean;
  /** The head when it was subscribed last: what lies beyond is what lag counts. */
  #historyOffset = 0;
  #stateEnd: Cursor = ORIGIN;
  #isExchanged = false;

  constructor(plan: ReaderPlan, world: World) {
    this.plan = plan;
    this.#world = world;
    this.#isStateful = plan.from === 'state';
  }

  /** Where it goes on after a cut. */
  get resumeFrom(): From {
    const { history, plan } = this;
    if (!history) return plan.from;
    if (history.isStateWhole) return { cursor: history.cursor };
    const { epoch, offset } = history.state.at(-1) ?? ORIGIN;
    return { state: { epoch, offset }, upTo: history.cursor };
  }

  get options(): NonNullable<Subscribe['options']> {
    const { options } = this.plan;
    return options.creditBytes === undefined ? options : { ...options, heldBytes: this.heldBytes };
  }

  /** The hub has answered: it begins, or goes on, at `cursor`. */
  opened(subscription: Subscription, cursor: Cursor): void {
    this.subscription = subscription;
    this.#historyOffset = subscription.feed.pushedOffset;
    if (!this.history) this.history = new History(cursor, this.#isStateful);
    else assert.deepEqual(cursor, this.history.cursor);
    if (!this.history.isStateWhole) this.#stateEnd = cursor;
  }

  /** The folder was exchanged: a state that it was reading is of no history, and a `lost` will say so. */
  exchanged(): void {
    this.#isExchanged = true;
  }

  /** Before its history takes a frame. */
  check(frame: Delivered, frameBytes: number): void {
    const { subscription, history } = this;
    assert(subscription && history);
    const { creditBytes } = this.plan.options;
    if (creditBytes !== undefined) {
      assert(this.heldBytes < (creditBytes as number), 'sent beyond the credit');
      this.heldBytes += frameBytes;
    }
    const before = history.cursor;
    const gapCount = history.gaps.length;
    const shownCount = history.records.length;
    const stateCount = history.state.length;
    history.take(frame);
    this.#count(frame.op);
    for (const gap of history.gaps.slice(gapCount)) this.#checkGap(gap, subscription);
    for (const record of history.records.slice(shownCount)) this.#checkRecord(record, subscription);
    for (const record of history.state.slice(stateCount)) this.#checkFact(record);
    if (frame.op === 'state' && frame.atEnd && !this.#isExchanged) this.#checkState(history);
    if (frame.op !== 'gap' && frame.op !== 'state') this.#checkLag(before, subscription);
  }

  #count(what: string): void {
    this.met[what] = (this.met[what] ?? 0) + 1;
  }

  #checkFact({ epoch, offset, key, value }: Shown): void {
    const fact = this.#world.at(this.plan.channel, offset);
    assert.deepEqual(
      { epoch, offset, key, value },
      { epoch: fact.epoch, offset, key: fact.key, value: fact.value },
    );
  }

  #checkRecord(record: Shown, { state, feed, terms }: Subscription): void {
    this.#checkFact(record);
    if (terms.delivery === 'durable')
      assert(record.offset <= feed.log.durableOffset, 'shown before it was synced');
    if (state !== 'catching-up' || terms.policy !== 'conflate') return;
    const isSuperseded = this.#world.isSuperseded(this.plan.channel, record.offset, feed.pushedOffset);
    assert(!isSuperseded, `shown ${record.offset}, though a later record has its key`);
  }

  #checkGap({ after, upTo, count, reason }: Gap, { feed, terms }: Subscription): void {
    this.#count(`gap ${reason}`);
    const { channel } = this.plan;
    if (reason === 'lost') {
      assert(count === null && upTo.epoch > after.epoch, 'a record is lost within an epoch');
      return;
    }
    assert(upTo.epoch === after.epoch && count === upTo.offset - after.offset && count > 0, 'a wrong count');
    const rules: Partial<Record<GapReason, () => void>> = {
      retention: () => assert(upTo.offset < feed.log.oldestOffset, 'what is kept is told as removed'),
      dropped: () => {
        assert.equal(terms.policy, 'drop-oldest');
        const records = feed.pushedOffset - upTo.offset + 1;
        const bytes = this.#world.bytesBetween(channel, upTo.offset - 1, feed.pushedOffset);
        assert(records > 1, 'the newest record was dropped');
        assert(records > terms.maxLagRecords || bytes > terms.maxLagBytes, 'more was dropped than had to be');
      },
      conflated: () => {
        assert.equal(terms.policy, 'conflate');
        for (let offset = after.offset + 1; offset <= upTo.offset; offset++) {
          const isSuperseded = this.#world.isSuperseded(channel, offset, feed.pushedOffset);
          assert(isSuperseded, `${offset} was left out, though no later record has its key`);
        }
      },
    };
    rules[reason]!();
  }

  /** A reader that is given a page is within its limits: policies act before. */
  #checkLag(before: Cursor, { state, feed, terms, historyOffset }: Subscription): void {
    // What a push interval held until it had left the ring is no lag; only the hub knows when that was.
    if (feed.pushIntervalMs > 0) this.#historyOffset = Math.max(this.#historyOffset, historyOffset);
    if (state !== 'catching-up' || terms.policy === 'replay' || terms.policy === 'conflate') return;
    const from = Math.max(before.offset, this.#historyOffset);
    const records = feed.pushedOffset - from;
    const bytes = records > 0 ? this.#world.bytesBetween(this.plan.channel, from, feed.pushedOffset) : 0;
    if (records <= 1) return;
    assert(records <= terms.maxLagRecords, `a page was sent at a lag of ${records} records`);
    assert(bytes <= terms.maxLagBytes, `a page was sent at a lag of ${bytes} bytes`);
  }

  /** Whatever is not in it was written again since, and so comes with the log. */
  #checkState(history: History): void {
    const { channel } = this.plan;
    const shown = new Set(history.state.map(formatCursor));
    for (const { key, epoch, offset } of this.#world.state(channel, this.#stateEnd)) {
      if (shown.has(formatCursor({ epoch, offset }))) continue;
      const isReplaced = this.#world
        .facts(channel)
        .some((fact) => fact.key === key && compareCursors(fact, this.#stateEnd) > 0);
      assert(isReplaced, `the state lacks ${channel} ${offset}, the newest of its key ${key}`);
    }
  }
}
