/**
 * The promise of a stored outbox under random trouble: whatever happens to tabs, connections and the hub, what was stored
 * lands once, in the order of the tab that published it, and what was not stored does not land. Failing runs print their
 * seed.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { publishOf } from '../../../client/failed-publish.ts';
import type { StoredEntry } from '../../../client/stores/outbox-store.ts';
import { ManualClock } from '../../../shared/clock.ts';
import { decodeValue } from '../../../shared/msgpack.ts';
import { quiet } from '../../support/fake-client.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { MemoryOutbox } from '../../support/memory-outbox.ts';
import { Tab } from '../../support/tab.ts';

const CHANNELS = ['a', 'b', 'c'];
const TABS = 3;

type Action =
  | { readonly do: 'publish'; readonly tab: number; readonly channel: string; readonly count: number }
  | { readonly do: 'publish-many' | 'open' | 'die' | 'close' | 'cut'; readonly tab: number }
  | { readonly do: 'trouble'; readonly trouble: Trouble }
  | { readonly do: 'storage'; readonly storage: Storage }
  | { readonly do: 'breathe'; readonly turns: number }
  | { readonly do: 'wait'; readonly waitMs: number };

/** What the hub does with publishes: takes them · takes them and never answers · hears nothing · refuses some for now. */
type Trouble = 'none' | 'silent' | 'deaf' | 'half-overloaded';
/** How the store writes: at once · a while later · not at all. */
type Storage = 'quick' | 'slow' | 'failing';

const tab = fc.nat(TABS - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      tab,
      channel: fc.constantFrom(...CHANNELS),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('publish-many' as const), tab }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), tab }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('die' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), tab }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), tab }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('trouble' as const),
      trouble: fc.constantFrom<Trouble>('none', 'silent', 'deaf', 'half-overloaded'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('storage' as const),
      storage: fc.constantFrom<Storage>('quick', 'quick', 'slow', 'failing'),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('breathe' as const), turns: fc.nat(12) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), waitMs: fc.nat(1500) }) },
);

interface Letter {
  readonly life: number;
  error?: { readonly code: string };
}

class World {
  readonly hub = new FakeHub();
  readonly clock = new ManualClock();
  readonly store = new MemoryOutbox();
  readonly tabs: (Tab | undefined)[] = [];
  readonly lives: number[] = [];
  readonly letters: Letter[] = [];
  readonly stored = new Set<number>();
  trouble: Trouble = 'none';
  storage: Storage = 'quick';
  #lastLife = 0;
  #turn = 0;

  constructor() {
    this.hub.publishCreditBytes = 400;
    this.store.beforeWrite = () => this.#beforeWrite();
    this.store.onKept = ({ put }) => {
      for (const { entries } of put) for (const entry of entries) this.#noteStored(entry);
    };
    this.hub.intercept = (frame, connection) => {
      if (frame.op === 'hello') this.#expectAlone(frame.producerId!);
      if (frame.op !== 'publish' || this.trouble === 'none') return false;
      if (this.trouble === 'silent') this.hub.publishes.take(frame, connection.producerId);
      if (this.trouble !== 'half-overloaded') return true;
      if (this.#turn++ % 2 === 0) return false;
      connection.refuse(frame.id, 'overloaded', { retryAfterMs: 40 });
      return true;
    };
  }

  async perform(each: Action): Promise<void> {
    switch (each.do) {
      case 'publish':
        for (let i = 0; i < each.count; i++) this.#publish(each.tab, [each.channel]);
        break;
      case 'publish-many':
        this.#publish(each.tab, ['a', 'b', 'a']);
        break;
      case 'open':
        this.#open(each.tab);
        break;
      case 'die':
        this.#die(each.tab);
        break;
      case 'close':
        this.tabs[each.tab]?.client?.close({ timeoutMs: 50 });
        break;
      case 'cut':
        this.tabs[each.tab]?.cut();
        break;
      case 'trouble':
        this.trouble = each.trouble;
        if (each.trouble === 'none') for (const tab of this.tabs) tab?.cut();
        break;
      case 'storage':
        this.storage = each.storage;
        break;
      case 'breathe':
        for (let turn = 0; turn < each.turns; turn++) await Promise.resolve();
        break;
      case 'wait':
        await this.#pass(each.waitMs);
    }
  }

  /** All tabs die, and one that is opened then delivers what they left. */
  async settle(): Promise<void> {
    this.trouble = 'none';
    this.storage = 'quick';
    await this.#pass(100);
    for (let tab = 0; tab < TABS; tab++) this.#die(tab);
    this.#open(0);
    for (let i = 0; i < 40 && (i < 5 || this.store.frames.length > 0); i++) await this.#pass(500);
    expect(this.store.frames).toEqual([]);
  }

  check(): void {
    const landed = CHANNELS.flatMap((channel) => {
      const values = this.hub.log(channel).entries.map(publishedValue);
      for (const life of new Set(this.letters.map(({ life }) => life))) {
        const own = values.filter((value) => this.letters[value]!.life === life);
        expect(own, `${channel}, life ${life}`).toEqual([...new Set(own)].sort((a, b) => a - b));
      }
      return values;
    });
    expect(landed.sort((a, b) => a - b)).toEqual([...this.stored].sort((a, b) => a - b));
    for (const [value, { error }] of this.letters.entries()) {
      if (!error) continue;
      expect(['storage-failed', 'publish-stored', 'closed']).toContain(error.code);
      expect(this.stored.has(value), error.code).toBe(error.code === 'publish-stored');
    }
    const [last] = this.tabs;
    expect(last!.errors).toEqual([]);
  }

  #open(tab: number): void {
    this.#die(tab);
    this.lives[tab] = ++this.#lastLife;
    this.tabs[tab] = Tab.open(this.hub, this.clock, this.store, { backoff: {} });
  }

  #die(tab: number): void {
    this.tabs[tab]?.die();
    this.tabs[tab] = undefined;
  }

  #publish(tab: number, channels: readonly string[]): void {
    const client = this.tabs[tab]?.client;
    if (!client || client.status === 'closed' || client.status === 'closing') return;
    const letters = channels.map(() => this.#write(this.lives[tab]!));
    const first = this.letters.length - letters.length;
    const published =
      channels.length === 1
        ? client.publish(channels[0]!, first)
        : client.publishMany(channels.map((channel, index) => ({ channel, data: first + index })));
    published.catch((error: { code: string }) => {
      for (const letter of letters) letter.error = error;
    });
  }

  #write(life: number): Letter {
    const letter = { life };
    this.letters.push(letter);
    return letter;
  }

  async #beforeWrite(): Promise<void> {
    if (this.storage === 'failing') throw new Error('the disk is full');
    if (this.storage === 'slow') await new Promise<void>((resolve) => this.clock.after(30, resolve));
  }

  #noteStored({ channel, bytes: chunk, ends }: StoredEntry): void {
    for (const [index, end] of ends.entries()) {
      const record = { chunk, start: ends[index - 1] ?? 0, end };
      this.stored.add(publishOf(channel, record).data as number);
    }
  }

  async #pass(waitMs: number): Promise<void> {
    await quiet();
    this.clock.advance(waitMs);
    for (let turn = 0; turn < 5; turn++) await quiet();
  }

  #expectAlone(producerId: string): void {
    const same = this.hub.connections.filter((each) => each.open && each.producerId === producerId);
    expect(same, 'connections of one producer').toHaveLength(1);
  }
}

function publishedValue({ bytes }: { readonly bytes: Uint8Array }): number {
  const record = decodeValue(bytes, { timestamps: false }) as unknown[];
  return decodeValue(record[3] as Uint8Array, { timestamps: true }) as number;
}

/** What was delivered could not be taken out of the store, and was delivered again at once, for ever. */
const LEFT_AGAIN_AND_AGAIN: Action[] = [
  { do: 'publish-many', tab: 2 },
  { do: 'publish', tab: 2, channel: 'c', count: 1 },
  { do: 'publish', tab: 2, channel: 'a', count: 1 },
  { do: 'open', tab: 1 },
  { do: 'publish', tab: 0, channel: 'c', count: 1 },
  { do: 'publish', tab: 1, channel: 'b', count: 1 },
  { do: 'die', tab: 0 },
  { do: 'cut', tab: 0 },
  { do: 'publish', tab: 1, channel: 'b', count: 1 },
  { do: 'storage', storage: 'failing' },
  { do: 'open', tab: 2 },
  { do: 'die', tab: 0 },
  { do: 'close', tab: 0 },
  { do: 'publish', tab: 2, channel: 'c', count: 1 },
  { do: 'publish', tab: 0, channel: 'b', count: 2 },
  { do: 'breathe', turns: 9 },
  { do: 'breathe', turns: 11 },
  { do: 'publish-many', tab: 1 },
  { do: 'breathe', turns: 4 },
  { do: 'open', tab: 0 },
  { do: 'wait', waitMs: 1441 },
  { do: 'publish-many', tab: 1 },
  { do: 'wait', waitMs: 301 },
  { do: 'publish-many', tab: 0 },
  { do: 'breathe', turns: 2 },
  { do: 'storage', storage: 'slow' },
  { do: 'breathe', turns: 4 },
  { do: 'cut', tab: 1 },
];

test('what was stored lands once and in order, and nothing else lands', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 80 }), async (actions) => {
      const world = new World();
      await world.perform({ do: 'open', tab: 0 });
      await world.perform({ do: 'wait', waitMs: 0 });
      for (const each of actions) await world.perform(each);
      await world.settle();
      world.check();
      await world.tabs[0]!.client!.close();
    }),
    { numRuns: 300, examples: [[LEFT_AGAIN_AND_AGAIN]] },
  );
});
