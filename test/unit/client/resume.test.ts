/**
 * The delivery contract under random trouble: whatever happens to the connection and the log, every subscriber sees
 * each record once and in order, or a gap that covers it. Failing runs print their seed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GapItem } from '../../../client/outlet.ts';
import type { ReceivedRecord } from '../../../client/record.ts';
import type { Subscription } from '../../../client/subscription.ts';
import { type Cursor, compareCursors } from '../../../shared/terms.ts';
import { comeBack, type FakeSetup, quiet, setUp } from '../../support/fake-client.ts';
import { Random } from '../../support/random.ts';

const CHANNEL = 'a';

type Action =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'cut' }
  | { readonly do: 'repeat'; readonly back: number; readonly count: number }
  | { readonly do: 'leave-out'; readonly count: number }
  | { readonly do: 'trim'; readonly count: number }
  | { readonly do: 'crash'; readonly lost: number }
  | {
      readonly do: 'subscribe';
      readonly from: 'earliest' | 'latest' | { last: number };
      readonly slow: boolean;
    }
  | { readonly do: 'unsubscribe'; readonly which: number }
  | { readonly do: 'breathe'; readonly turns: number }
  | { readonly do: 'wait'; readonly waitMs: number };

const count = fc.integer({ min: 1, max: 25 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), count }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('breathe' as const), turns: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), waitMs: fc.nat(3000) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), back: fc.nat(40), count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave-out' as const), count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), lost: fc.nat(10) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      from: fc.constantFrom('earliest' as const, 'latest' as const, { last: 7 }),
      slow: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), which: fc.nat(5) }) },
);

/** One subscriber and what it was handed. */
interface Witness {
  readonly subscription: Subscription<ReceivedRecord | GapItem>;
  readonly items: (ReceivedRecord | GapItem)[];
  /** Where it stood before the first item; null without any. */
  begin: Cursor | null;
}

class Run {
  readonly setup: FakeSetup;
  readonly witnesses: Witness[] = [];
  /** Every record that ever was, lost or trimmed ones too. */
  readonly ever: (Cursor & { value: unknown })[] = [];

  constructor(setup: FakeSetup) {
    this.setup = setup;
  }

  async perform(action: Action): Promise<void> {
    const { hub, clock } = this.setup;
    switch (action.do) {
      case 'append':
        this.append(action.count);
        hub.push();
        break;
      case 'cut':
        hub.connection.cut();
        break;
      case 'repeat':
        this.repeat(action.back, action.count);
        break;
      case 'leave-out':
        this.leaveOut(action.count);
        break;
      case 'trim':
        hub.log(CHANNEL).trim(action.count);
        break;
      case 'crash':
        hub.connection.cut();
        hub.log(CHANNEL).crash(action.lost);
        break;
      case 'subscribe':
        this.subscribe(action.from, action.slow);
        break;
      case 'unsubscribe':
        this.witnesses[action.which]?.subscription.unsubscribe();
        break;
      case 'breathe':
        for (let turn = 0; turn < action.turns; turn++) await Promise.resolve();
        break;
      case 'wait':
        await quiet();
        clock.advance(action.waitMs);
        await quiet();
    }
  }

  append(count: number): void {
    const { hub } = this.setup;
    const values = Array.from({ length: count }, () => `value ${this.ever.length + Math.random()}`);
    hub.autoPush = false;
    hub.append(CHANNEL, ...values).forEach(({ epoch, offset }, i) => {
      this.ever.push({ epoch, offset, value: values[i] });
    });
    hub.autoPush = true;
  }

  /** Sends again what was sent before. */
  repeat(back: number, count: number): void {
    const { hub } = this.setup;
    for (const [number, { cursor }] of hub.connection.subscriptions) {
      const sent = hub.log(CHANNEL).entries.filter((entry) => compareCursors(entry, cursor) <= 0);
      const again = sent.slice(Math.max(0, sent.length - back)).slice(0, count);
      const entries = again.filter((entry) => entry.epoch === again[0]?.epoch);
      const [first] = entries;
      if (first) hub.connection.sendBatch(number, { epoch: first.epoch, offset: first.offset - 1 }, entries);
    }
  }

  /** A hub at fault: some records are not sent, and no gap says so. */
  leaveOut(count: number): void {
    const { hub } = this.setup;
    this.append(count);
    for (const subscription of hub.connection.subscriptions.values())
      subscription.cursor = hub.log(CHANNEL).head;
    this.append(1);
    hub.push();
  }

  subscribe(from: 'earliest' | 'latest' | { last: number }, slow: boolean): void {
    const items: (ReceivedRecord | GapItem)[] = [];
    const subscription = this.setup.client.subscribe(CHANNEL, { from, gaps: 'inline' }, (item) => {
      if (items.length === 0) witness.begin = cursorOf(subscription);
      items.push(item);
      return slow ? quiet() : undefined;
    });
    const witness: Witness = { subscription, items, begin: null };
    this.witnesses.push(witness);
  }

  /** Lets everything settle: connected, and all that is queued taken. */
  async settle(): Promise<void> {
    const { hub, client, clock } = this.setup;
    for (let i = 0; i < 40; i++) {
      await comeBack(this.setup);
      clock.advance(1000);
      for (let turn = 0; turn < 20; turn++) await quiet();
      hub.push();
      await quiet();
      const alive = this.witnesses.filter(({ subscription }) => subscription.state !== 'ended');
      if (
        client.backlog.queuedBytes === 0 &&
        alive.every(({ subscription }) => subscription.state === 'live')
      )
        return;
    }
  }
}

function cursorOf({ cursor }: { readonly cursor: string | null }): Cursor | null {
  const [epoch, offset] = cursor?.split('-').map(Number) ?? [];
  return epoch === undefined || offset === undefined ? null : { epoch, offset };
}

/** The contract, item by item. */
function check({ items, begin, subscription }: Witness, ever: Run['ever'], head: Cursor): void {
  let at = begin ?? cursorOf(subscription);
  for (const item of items) {
    if ('gap' in item) {
      const { after, upTo, count, reason } = item.gap;
      expect(compareCursors(upTo, at!)).toBeGreaterThan(0);
      expect(compareCursors(after, at!)).toBeLessThanOrEqual(0);
      if (reason !== 'lost') expect(compareCursors(after, at!)).toBe(0);
      if (count !== null) expect(ever.filter(between(after, upTo))).toHaveLength(count);
      at = upTo;
    } else {
      expect(compareCursors(item, at!)).toBeGreaterThan(0);
      expect(ever.filter(between(at!, item))).toEqual([expect.objectContaining({ value: item.data })]);
      at = item;
    }
  }
  if (subscription.state !== 'ended') {
    expect(subscription.state).toBe('live');
    expect(subscription.cursor).toBe(`${at!.epoch}-${at!.offset}`);
    expect(ever.filter(between(at!, head))).toEqual([]);
  }
}

function between(after: Cursor, upTo: Cursor): (each: Cursor) => boolean {
  return (each) => compareCursors(each, after) > 0 && compareCursors(each, upTo) <= 0;
}

describe('resuming', () => {
  test.each([
    ['with room', 2 ** 21],
    ['with credit for a few records', 700],
  ])(
    'each record is seen once and in order, or covered by a gap, %s',
    { timeout: 120_000 },
    async (_title, maxQueuedBytes) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(action, { maxLength: 60 }),
          fc.integer({ min: 1, max: 9 }),
          fc.nat(),
          async (actions, size, seed) => {
            const random = new Random(seed);
            const setup = await setUp(
              { maxQueuedBytes, onError: () => {}, backoff: { random: () => random.next() } },
              (hub) => {
                hub.recordsPerBatch = size;
                hub.recordsPerPage = size + 2;
              },
            );
            const run = new Run(setup);
            run.subscribe('earliest', false);
            await quiet();
            for (const each of actions) await run.perform(each);
            await run.settle();
            const { head } = setup.hub.log(CHANNEL);
            expect(run.witnesses[0]?.begin ?? { epoch: 7, offset: 0 }).toEqual({ epoch: 7, offset: 0 });
            for (const witness of run.witnesses) check(witness, run.ever, head);
            void setup.client.close();
          },
        ),
        { numRuns: 150 },
      );
    },
  );
});
