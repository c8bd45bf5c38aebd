/**
 * One reader of the crash test: takes what its subscription hands on, at its own speed, and writes it all down in order.
 * Judges nothing. Called by the crew.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { FromOption, GapItem, SubscribeOptions, Subscription } from '../../../client/exports.ts';
import type { Client } from '../../../client/node.ts';
import type { ReceivedRecord } from '../../../client/record.ts';
import { type Cursor, compareCursors, type DropPolicy, parseCursor } from '../../../shared/terms.ts';
import type { ReaderAccount } from './accounts.ts';
import { accountOf } from './payload.ts';

export interface ReaderPlan {
  readonly name: string;
  readonly channel: string;
  /** Default 'earliest'. */
  readonly from?: FromOption;
  /** Default 'replay'. */
  readonly policy?: DropPolicy;
  readonly maxLagRecords?: number;
  readonly durable?: boolean;
  /** How long it works on a record, ms, until it is told to hurry. Default 0. */
  readonly workMs?: number;
}

export class LoadReader {
  readonly account: ReaderAccount;
  readonly #subscription: Subscription<ReceivedRecord | GapItem>;
  #workMs: number;

  constructor(client: Client, plan: ReaderPlan) {
    const { name, channel, from = 'earliest', policy = 'replay', durable = false, workMs = 0 } = plan;
    this.#workMs = workMs;
    this.account = { name, channel, policy, durable, begin: null, handed: [], failure: null };
    const options: SubscribeOptions & { gaps: 'inline' } = {
      from,
      policy,
      maxLagRecords: plan.maxLagRecords,
      deliver: durable ? 'durable' : 'memory',
      gaps: 'inline',
    };
    this.#subscription = client.subscribe(channel, options, (item) => this.#take(item));
    this.#subscription.on('error', (error) => {
      this.account.failure = String(error);
    });
  }

  /** Behind what it was handed. */
  get at(): Cursor | undefined {
    const { cursor } = this.#subscription;
    return cursor === null ? undefined : parseCursor(cursor);
  }

  /** Whether it has come to `head`, or the crash behind that. */
  isAt(head: Cursor): boolean {
    const { at } = this;
    return at?.offset === head.offset && compareCursors(at, head) >= 0;
  }

  hurry(): void {
    this.#workMs = 0;
  }

  #take(item: ReceivedRecord | GapItem): Promise<void> | undefined {
    // As long as this is called, the cursor lies before the item; within the state there is none.
    const { at } = this;
    this.account.begin ??= at ?? null;
    const inState = at === undefined;
    this.account.handed.push('gap' in item ? { gap: item.gap } : { ...accountOf(item), inState });
    return this.#workMs > 0 ? pause(this.#workMs) : undefined;
  }
}
