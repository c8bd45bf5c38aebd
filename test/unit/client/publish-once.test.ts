/**
 * The publisher's contract under random trouble: whatever happens to the connection and the hub, each publish lands once
 * and in order; a crash may take back what was acknowledged from memory, and nothing else. Failing runs print their seed.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeValue } from '../../../shared/msgpack.ts';
import { comeBack, type FakeSetup, quiet, setUp } from '../../support/fake-client.ts';

const CHANNELS = ['a', 'b', 'c'];
const MAX_OUTBOX_BYTES = 2000;

type Ack = 'memory' | 'disk';
type Action =
  | { readonly do: 'publish'; readonly channel: string; readonly acks: readonly Ack[] }
  | { readonly do: 'publish-many'; readonly ack: Ack }
  | { readonly do: 'cut' }
  | { readonly do: 'crash'; readonly lost: number }
  | { readonly do: 'trouble'; readonly trouble: Trouble }
  | { readonly do: 'sync' }
  | { readonly do: 'breathe'; readonly turns: number }
  | { readonly do: 'wait'; readonly waitMs: number };

/** What the hub does with publishes: takes them · takes them but never answers · refuses some for now. */
type Trouble = 'none' | 'silent' | 'deaf' | 'overloaded' | 'half-overloaded';

const ack = fc.constantFrom<Ack>('memory', 'disk');
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      channel: fc.constantFrom(...CHANNELS),
      acks: fc.array(ack, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('publish-many' as const), ack }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), lost: fc.nat(6) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('trouble' as const),
      trouble: fc.constantFrom<Trouble>(
        'none',
        'silent',
        'deaf',
        'overloaded',
        'half-overloaded',
        'half-overloaded',
      ),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'sync' as const }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('breathe' as const), turns: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), waitMs: fc.nat(1500) }) },
);

/** One publish of the application, and what came of it. */
interface Letter {
  readonly channel: string;
  readonly value: number;
  readonly ack: Ack;
  /** The number of crashes when it was acknowledged. */
  acknowledgedAt?: number;
  error?: unknown;
}

class Run {
  readonly setup: FakeSetup;
  readonly letters: Letter[] = [];
  crashes = 0;
  trouble: Trouble = 'none';

  constructor(setup: FakeSetup) {
    this.setup = setup;
    let turn = 0;
    setup.hub.intercept = (frame, connection) => {
      if (frame.op !== 'publish') return false;
      turn++;
      switch (this.trouble) {
        case 'none':
          return false;
        case 'silent':
          setup.hub.publishes.take(frame, connection.producerId);
          return true;
        case 'deaf':
          return true;
        case 'half-overloaded':
          if (turn % 2 === 0) return false;
      }
      connection.refuse(frame.id, 'overloaded', turn % 3 === 0 ? null : { retryAfterMs: 40 });
      return true;
    };
  }

  async perform(each: Action): Promise<void> {
    const { hub, clock } = this.setup;
    switch (each.do) {
      case 'publish':
        for (const ack of each.acks) this.publish(each.channel, ack);
        break;
      case 'publish-many':
        this.publishMany(each.ack);
        break;
      case 'cut':
        hub.connection.cut();
        break;
      case 'crash':
        // What was acknowledged before the crash shall be noted as such.
        hub.connection.cut();
        await quiet();
        this.crashes++;
        hub.crash(each.lost);
        break;
      case 'trouble':
        this.trouble = each.trouble;
        // A hub that answers nothing is at last cut off.
        if (each.trouble === 'none') hub.connection.cut();
        break;
      case 'sync':
        hub.sync();
        break;
      case 'breathe':
        for (let turn = 0; turn < each.turns; turn++) await Promise.resolve();
        break;
      case 'wait':
        await quiet();
        clock.advance(each.waitMs);
        await quiet();
    }
    expect(this.setup.client.backlog.outboxBytes).toBeLessThanOrEqual(MAX_OUTBOX_BYTES);
  }

  publish(channel: string, ack: Ack): void {
    const letter = this.write(channel, ack);
    this.watch([letter], this.setup.client.publish(channel, letter.value, { ack }));
  }

  publishMany(ack: Ack): void {
    const letters = ['a', 'b', 'a'].map((channel) => this.write(channel, ack));
    const items = letters.map(({ channel, value }) => ({ channel, data: value }));
    this.watch(letters, this.setup.client.publishMany(items, { ack }));
  }

  write(channel: string, ack: Ack): Letter {
    const letter = { channel, value: this.letters.length, ack };
    this.letters.push(letter);
    return letter;
  }

  watch(letters: Letter[], published: Promise<unknown>): void {
    published.then(
      () => {
        for (const letter of letters) letter.acknowledgedAt = this.crashes;
      },
      (error: unknown) => {
        for (const letter of letters) letter.error = error;
      },
    );
  }

  async settle(): Promise<void> {
    this.trouble = 'none';
    const { hub, clock, client } = this.setup;
    hub.connection.cut();
    for (let i = 0; i < 30 && client.backlog.outboxBytes > 0; i++) {
      await comeBack(this.setup);
      hub.sync();
      clock.advance(1000);
      for (let turn = 0; turn < 5; turn++) await quiet();
    }
    await quiet();
    expect(client.backlog.outboxBytes).toBe(0);
  }

  check(): void {
    for (const channel of CHANNELS) {
      const landed = this.setup.hub.log(channel).entries.map(publishedValue);
      expect(landed).toEqual([...new Set(landed)].sort((a, b) => a - b));
    }
    const landed = new Set(
      CHANNELS.flatMap((channel) => this.setup.hub.log(channel).entries.map(publishedValue)),
    );
    for (const letter of this.letters) {
      if (letter.error) {
        expect(letter.error).toMatchObject({ code: 'outbox-full' });
        expect(landed.has(letter.value)).toBe(false);
      } else {
        expect(letter.acknowledgedAt).toBeDefined();
        const mayBeGone = letter.ack === 'memory' && letter.acknowledgedAt! < this.crashes;
        if (!mayBeGone)
          expect({ ...letter, landed: landed.has(letter.value) }).toMatchObject({ landed: true });
      }
    }
  }
}

function publishedValue({ bytes }: { readonly bytes: Uint8Array }): number {
  const record = decodeValue(bytes, { timestamps: false }) as unknown[];
  return decodeValue(record[3] as Uint8Array, { timestamps: true }) as number;
}

test('each publish lands once and in order, or is rejected and does not land', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 10, maxLength: 80 }),
      fc.boolean(),
      async (actions, autoSync) => {
        const setup = await setUp({ maxOutboxBytes: MAX_OUTBOX_BYTES, backoff: {} }, (hub) => {
          hub.autoSync = autoSync;
          hub.publishCreditBytes = 400;
        });
        const run = new Run(setup);
        for (const each of actions) await run.perform(each);
        await run.settle();
        run.check();
        await setup.client.close();
      },
    ),
    { numRuns: 300 },
  );
});
