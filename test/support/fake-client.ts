/** A client on a fake hub and a clock that is turned by hand, and waiting for what they do between them. */

import type { Client } from '../../client/client.ts';
import { connectWith } from '../../client/connect.ts';
import type { ConnectOptions } from '../../client/options.ts';
import type { Subscription } from '../../client/subscription.ts';
import { type Clock, ManualClock } from '../../shared/clock.ts';
import { FakeHub } from './fake-hub.ts';

export const FAKE_URL = 'ws://hub.test/';

export interface FakeSetup {
  readonly hub: FakeHub;
  readonly clock: ManualClock;
  readonly client: Client;
}

/** Everything between client and fake hub happens in microtasks: when this resolves, all of it has. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** With the longest backoffs: `random` is 1 unless given. */
export function connectFake(
  hub: FakeHub,
  clock: Clock,
  options: Partial<ConnectOptions> = {},
): Promise<Client> {
  const all = { token: 'secret', clock, backoff: { random: () => 1 }, ...options };
  return connectWith(FAKE_URL, all, hub.openTransport);
}

export async function setUp(
  options: Partial<ConnectOptions> = {},
  prepare: (hub: FakeHub) => void = () => {},
): Promise<FakeSetup> {
  const hub = new FakeHub();
  prepare(hub);
  const clock = new ManualClock();
  const client = await connectFake(hub, clock, options);
  return { hub, clock, client };
}

/** Waits out any backoff and lets the client come back, for up to half a minute of its time. */
export async function comeBack({ clock, client }: Pick<FakeSetup, 'clock' | 'client'>): Promise<void> {
  for (let i = 0; i < 300 && client.status !== 'live'; i++) {
    clock.advance(100);
    await quiet();
  }
}

/** Collects what a subscription hands to its listener: `data` of records, gaps as `gap <reason> <upTo>`. */
export function collector(): { readonly seen: unknown[]; readonly listener: (item: unknown) => void } {
  const seen: unknown[] = [];
  const listener = (item: unknown) => {
    const { gap, data } = item as {
      gap?: { reason: string; upTo: { epoch: number; offset: number } };
      data: unknown;
    };
    seen.push(gap ? `gap ${gap.reason} ${gap.upTo.epoch}-${gap.upTo.offset}` : data);
  };
  return { seen, listener };
}

/** Takes `count` items from an iterator without leaving it. */
export async function takeItems<Item>(subscription: Subscription<Item>, count: number): Promise<Item[]> {
  const iterator = subscription[Symbol.asyncIterator]();
  const items: Item[] = [];
  while (items.length < count) {
    const { done, value } = await iterator.next();
    if (done) break;
    items.push(value);
  }
  return items;
}
